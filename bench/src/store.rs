//! Databases for runs, and what they tell afterwards. All times come from the store's own clock.

use std::time::Duration;

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Row, postgres::PgConnectOptions, postgres::PgConnection,
};
use tokio::time::Instant;

use crate::failed::{Failed, at};

/// What one run of anything came to, by its store.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Things that were finished.
    pub finished: i64,
    /// From the first that was stored to the last that was finished.
    pub seconds: f64,
}

/// Times of single events. The engine's are from the beginning of the unit that stores it to the beginning of the one that
/// records the answer; the floor's between the statements that do.
#[derive(Debug, Clone, Copy, Default)]
pub struct Latency {
    /// Half are faster, milliseconds.
    pub p50_ms: f64,
    /// Ninety-nine of a hundred are faster, milliseconds.
    pub p99_ms: f64,
}

/// Asks about the floor's table.
pub const FLOOR_SPAN: &str = "select count(done_at) as finished,
        coalesce(extract(epoch from max(done_at) - min(received_at)), 0)::float8 as seconds
    from inbox";
/// Asks about the engine's tables.
pub const ENGINE_SPAN: &str = "select count(ended_at) as finished,
        coalesce((max(ended_at) - (select min(received_at) from events)) / 1e6, 0)::float8 as seconds
    from operations where state >= 10";
/// How many events the engine has stored.
pub const ENGINE_STORED: &str = "select count(*) as finished from events";
/// From the first success to the last.
pub const ENGINE_DRAINED: &str = "select count(*) as finished,
        coalesce((max(ended_at) - min(ended_at)) / 1e6, 0)::float8 as seconds
    from operations where state = 10";

/// From the floor's first event until now.
pub const FLOOR_SINCE_THE_FIRST: &str = "select count(*) as finished,
        coalesce(extract(epoch from clock_timestamp() - min(received_at)), 0)::float8 as seconds
    from inbox";
/// From the engine's first event until now.
pub const SINCE_THE_FIRST: &str = "select count(*) as finished,
        coalesce((extract(epoch from clock_timestamp()) * 1e6 - min(received_at)) / 1e6, 0)::float8 as seconds
    from events";
/// How many a peer has finished.
pub const PEER_FINISHED: &str = "select count(done_at) from inbox";
/// How many operations have ended.
pub const ENGINE_FINISHED: &str = "select count(*) as finished from operations where state >= 10";

/// The store's clock, microseconds.
pub const NOW: &str = "select (extract(epoch from clock_timestamp()) * 1e6)::bigint";
/// When the last success was.
pub const LAST_DONE: &str = "select coalesce(max(ended_at), 0) from operations where state = 10";
/// How many callbacks were applied.
pub const ENGINE_APPLIED: &str = "select count(*) from callbacks where verdict = 'applied'";
/// How many operations are open; below zero, because counts are waited for from below.
pub const ENGINE_OPEN: &str = "select -count(*) from operations where state < 10";

const FLOOR_LATENCY: &str = "select
        coalesce(percentile_cont(0.5) within group (order by extract(epoch from done_at - received_at)), 0)::float8 * 1000 as p50,
        coalesce(percentile_cont(0.99) within group (order by extract(epoch from done_at - received_at)), 0)::float8 * 1000 as p99
    from inbox";
const ENGINE_LATENCY: &str = "select
        coalesce(percentile_cont(0.5) within group (order by o.ended_at - e.received_at), 0)::float8 / 1000 as p50,
        coalesce(percentile_cont(0.99) within group (order by o.ended_at - e.received_at), 0)::float8 / 1000 as p99
    from operations o join events e on e.id = o.event where o.state >= 10";

/// What a run on SQLite came to, asked by the given statement: how many finished, and in how many seconds.
pub async fn embedded_span(file: &std::path::Path, question: &'static str) -> Result<Span, Failed> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).read_only(true);
    let mut store = options.connect().await.map_err(at("SQLite"))?;
    let row = sqlx::query(question).fetch_one(&mut store).await.map_err(at("SQLite"))?;
    let span = Span {
        finished: row.try_get("finished").map_err(at("SQLite"))?,
        seconds: row.try_get("seconds").map_err(at("SQLite"))?,
    };
    drop(store.close().await);
    Ok(span)
}

/// Asks about the floor's table in SQLite.
pub const EMBEDDED_FLOOR_SPAN: &str = "select count(done_at) as finished,
        coalesce(max(done_at) - min(received_at), 0.0) as seconds from inbox";
/// Asks about the engine's tables in SQLite.
pub const EMBEDDED_ENGINE_SPAN: &str = "select count(ended_at) as finished,
        coalesce((max(ended_at) - (select min(received_at) from events)) / 1e6, 0.0) as seconds
    from operations where state >= 10";

/// A connection to a database.
pub struct Database(PgConnection);

impl Database {
    /// Connects.
    pub async fn connect(url: &str) -> Result<Self, Failed> {
        let options: PgConnectOptions = url.parse().map_err(at("PostgreSQL's address"))?;
        // A fill takes its time.
        let options = options.disable_statement_logging();
        options.connect().await.map(Self).map_err(at("PostgreSQL"))
    }

    /// Makes a database anew.
    pub async fn create(&mut self, name: &str, template: &str) -> Result<(), Failed> {
        self.drop(name).await?;
        self.run(format!("create database {name} template {template}")).await
    }

    /// Drops one, whoever is connected.
    pub async fn drop(&mut self, name: &str) -> Result<(), Failed> {
        self.run(format!("drop database if exists {name} with (force)")).await
    }

    /// Runs statements.
    pub async fn run(&mut self, statements: String) -> Result<(), Failed> {
        sqlx::raw_sql(AssertSqlSafe(statements))
            .execute(&mut self.0)
            .await
            .map_err(at("PostgreSQL"))
            .map(drop)
    }

    /// Asks for one number.
    pub async fn number(&mut self, question: &'static str) -> Result<i64, Failed> {
        let row = sqlx::query(question).fetch_one(&mut self.0).await.map_err(at("PostgreSQL"))?;
        row.try_get(0).map_err(at("PostgreSQL"))
    }

    /// What a run came to.
    pub async fn span(&mut self, question: &'static str) -> Result<Span, Failed> {
        let row = sqlx::query(question).fetch_one(&mut self.0).await.map_err(at("PostgreSQL"))?;
        let get = |at_column| row.try_get::<f64, _>(at_column);
        Ok(Span {
            finished: row.try_get("finished").map_err(at("PostgreSQL"))?,
            seconds: get("seconds").map_err(at("PostgreSQL"))?,
        })
    }

    /// The same, of what has been since a moment.
    pub async fn span_since(&mut self, question: &'static str, since_us: i64) -> Result<Span, Failed> {
        let row =
            sqlx::query(question).bind(since_us).fetch_one(&mut self.0).await.map_err(at("PostgreSQL"))?;
        Ok(Span {
            finished: row.try_get("finished").map_err(at("PostgreSQL"))?,
            seconds: row.try_get("seconds").map_err(at("PostgreSQL"))?,
        })
    }

    /// Latencies since a moment.
    pub async fn latency_since(&mut self, question: &'static str, since_us: i64) -> Result<Latency, Failed> {
        let row =
            sqlx::query(question).bind(since_us).fetch_one(&mut self.0).await.map_err(at("PostgreSQL"))?;
        let get = |column| row.try_get::<f64, _>(column).map_err(at("PostgreSQL"));
        Ok(Latency { p50_ms: get("p50")?, p99_ms: get("p99")? })
    }

    /// Latencies of the floor.
    pub async fn floor_latency(&mut self) -> Result<Latency, Failed> {
        self.latency(FLOOR_LATENCY).await
    }

    /// Latencies of the engine.
    pub async fn engine_latency(&mut self) -> Result<Latency, Failed> {
        self.latency(ENGINE_LATENCY).await
    }

    async fn latency(&mut self, question: &'static str) -> Result<Latency, Failed> {
        let row = sqlx::query(question).fetch_one(&mut self.0).await.map_err(at("PostgreSQL"))?;
        let get = |column| row.try_get::<f64, _>(column).map_err(at("PostgreSQL"));
        Ok(Latency { p50_ms: get("p50")?, p99_ms: get("p99")? })
    }

    /// Waits until a count is reached.
    pub async fn reach(
        &mut self,
        question: &'static str,
        count: i64,
        within: Duration,
    ) -> Result<(), Failed> {
        let began = Instant::now();
        loop {
            let now = self.number(question).await?;
            if now >= count {
                return Ok(());
            }
            if began.elapsed() > within {
                return Err(Failed::new(format!("{now} of {count} finished within {within:?}")));
            }
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    }

    /// Ends the connection.
    pub async fn close(self) {
        drop(self.0.close().await);
    }
}
