//! Callbacks of a payment platform about payments that are open: sent at their own pace, whether earlier ones were answered
//! or not, each measured from the moment when it was to go. The floor keeps the body in one commit and says thanks.
#![expect(clippy::disallowed_methods, reason = "a benchmark's own tasks, no work of the engine")]

use std::{sync::Arc, time::Duration};

use aws_lc_rs::digest;
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::{
    net::TcpListener,
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::{
    engine::{self, Engine},
    failed::{Failed, at},
    measure,
    partner::Opened,
    run::{Ground, Load, PATIENCE, Run, around, of_each, start_floor},
    store::{self, Database, Latency},
    traffic,
};

/// The platform's connector: part of the address of its callbacks.
pub const PLATFORM: &str = "dvcqg-payment";
/// Our code there.
pub const PARTNER_CODE: &str = "H99";
/// What signs.
pub const SECRET: &str = "bench";

/// The floor's table.
pub const TABLE: &str =
    "create table callbacks (id bigint generated always as identity primary key, body bytea not null,
    received_at timestamptz not null default clock_timestamp())";
const INSERT: &str = "insert into callbacks (body) values ($1)";
/// As many as the engine has by default.
const CONNECTIONS: u32 = 16;
/// Connections of the platform; what finds none free waits for one, and that counts.
const AT_ONCE: usize = 64;
const THANKS: &str = r#"{"MaLoi":"00","MoTaLoi":"ok"}"#;

/// What the floor is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Callbacks {
    /// The port to listen on.
    pub port: u16,
    /// PostgreSQL.
    pub store: String,
}

impl Callbacks {
    /// Serves until it is killed.
    pub async fn run(self) -> Result<(), Failed> {
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS).min_connections(CONNECTIONS);
        let pool = pool.connect(&self.store).await.map_err(at("PostgreSQL"))?;
        let router = Router::new()
            .route("/readyz", get(|| async { "ready" }))
            .fallback(post(keep))
            .with_state(Arc::new(pool));
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.map_err(at("the floor's port"))?;
        axum::serve(listener, router).await.map_err(at("the floor's port"))
    }
}

async fn keep(State(pool): State<Arc<PgPool>>, body: Bytes) -> Response {
    match sqlx::query(INSERT).bind(body.as_ref()).execute(&*pool).await {
        Ok(_) => ([(header::CONTENT_TYPE, "application/json")], THANKS).into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

/// The platform's report that a payment was made, signed.
pub fn report(number: usize, opened: &Opened) -> String {
    let transaction = format!("GD{number:08}");
    let Opened { reference, amount } = opened;
    let values = [
        "CONFIRM",
        "00",
        PARTNER_CODE,
        reference,
        amount,
        "VND",
        &transaction,
        "VCB",
        "20261122090000",
        "Le phi ho tich",
    ];
    let mut signed = digest::Context::new(&digest::SHA256);
    for value in values {
        signed.update(value.as_bytes());
        signed.update(b"|");
    }
    signed.update(SECRET.as_bytes());
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    let signature: String =
        signed.finish().as_ref().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    serde_json::json!({
        "LoaiBanTin": "CONFIRM", "MaLoi": "00", "MoTaLoi": "Thành công", "MaDoiTac": PARTNER_CODE,
        "MaThamChieu": reference, "SoTien": amount.parse::<i64>().unwrap_or_default(), "MaTienTe": "VND",
        "MaGiaoDich": transaction, "MaNganHang": "VCB", "ThoiGianGD": "20261122090000",
        "ThongTinGiaoDich": "Le phi ho tich", "MaXacThuc": signature,
    })
    .to_string()
}

/// What came of callbacks.
#[derive(Debug, Clone, Copy)]
pub struct Answered {
    /// Answers a second.
    pub per_second: f64,
    /// From when each was to be sent to its answer.
    pub latency: Latency,
}

/// Sends them over connections that are kept, `per_second` of them whatever becomes of the earlier ones. Every answer has to
/// be the platform's "00".
pub async fn send(url: &str, bodies: Vec<String>, per_second: f64) -> Result<Answered, Failed> {
    let client = reqwest::Client::builder().build().map_err(at("a client"))?;
    let connections = Arc::new(Semaphore::new(AT_ONCE));
    let mut sending = JoinSet::new();
    let (began, count) = (Instant::now() + Duration::from_millis(20), bodies.len());
    for (number, body) in bodies.into_iter().enumerate() {
        let due = began + Duration::from_secs_f64(number as f64 / per_second);
        sleep_until(due).await;
        let request = client.post(url).header("content-type", "application/json").body(body);
        let connections = Arc::clone(&connections);
        sending.spawn(async move {
            let _connection = connections.acquire().await.map_err(at("a callback"))?;
            let text = request.send().await.map_err(at("a callback"))?.text().await;
            let text = text.map_err(at("a callback"))?;
            if text.contains(r#""MaLoi":"00""#) {
                Ok(due.elapsed().as_secs_f64() * 1000.0)
            } else {
                Err(Failed::new(format!("a callback was answered {text:?}")))
            }
        });
    }
    let mut times = Vec::with_capacity(count);
    while let Some(answered) = sending.join_next().await {
        times.push(answered.map_err(at("a callback"))??);
    }
    let per_second = count as f64 / began.elapsed().as_secs_f64();
    Ok(Answered { per_second, latency: of_times(times) })
}

fn of_times(mut times: Vec<f64>) -> Latency {
    times.sort_by(f64::total_cmp);
    let at_share = |share: f64| {
        let place = (times.len().saturating_sub(1) as f64 * share).round() as usize;
        times.get(place).copied().unwrap_or(f64::NAN)
    };
    Latency { p50_ms: at_share(0.5), p99_ms: at_share(0.99) }
}

impl Ground {
    /// Callbacks to the floor about anything.
    pub async fn callbacks_floor(&mut self, count: usize, rate: f64) -> Result<Run, Failed> {
        let name = self.name("floor");
        self.admin.create(&name, "template0").await?;
        let mut database = Database::connect(&self.servers.database(&name)).await?;
        database.run(TABLE.to_owned()).await?;
        database.close().await;
        let port = engine::free_port().await?;
        let floor = Callbacks { port, store: self.servers.database(&name) };
        let mut process = start_floor("--callbacks", &floor)?;
        let address = format!("127.0.0.1:{port}");
        while !engine::is_ready(&address).await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let opened = Opened {
            reference: "LT0000000000000000000000000000000".to_owned(),
            amount: traffic::FEE.to_string(),
        };
        let bodies = (0..count).map(|number| report(number, &opened)).collect();
        let before = around()?;
        let answered = send(&format!("http://{address}/"), bodies, rate).await?;
        let after = around()?;
        let pid = process.id().ok_or_else(|| Failed::new("the floor has ended"))?;
        let (cpu, peak_mib) = (measure::cpu_seconds(pid)?, measure::peak_mib(pid)?);
        process.kill().await.map_err(at("ending the floor"))?;
        self.admin.drop(&name).await?;
        Ok(run_of_callbacks(answered, count, cpu, peak_mib, [before, after]))
    }

    /// Callbacks to the engine about payments that it has opened, each of which becomes a paid fee, a result and a new state
    /// on the portal.
    pub async fn callbacks_engine(&mut self, count: usize, rate: f64) -> Result<Run, Failed> {
        let load = Load::of(traffic::fees(0, count));
        let mut setting = self.prepare(&load).await?;
        setting.has_payments = true;
        let mut database = Database::connect(&self.database_of(&setting)).await?;
        self.set_out(&load);
        let (engine, _) = Engine::start(&setting).await?;
        self.broker.publish(&setting.exchange(), &load.events, None).await?;
        let events = i64::try_from(count).unwrap_or(i64::MAX);
        database.reach(store::ENGINE_STORED, events, PATIENCE).await?;
        database.reach(store::ENGINE_OPEN, 0, PATIENCE).await?;
        let opened = self.partner.opened();
        if opened.len() != count {
            return Err(Failed::new(format!("{} of {count} payments were opened", opened.len())));
        }
        let bodies = opened.iter().enumerate().map(|(number, o)| report(number, o)).collect();
        let (before, cpu_before) = (around()?, engine.cost()?.cpu_seconds);
        let url = format!("{}/callbacks/{}", engine.base, PLATFORM);
        let answered = send(&url, bodies, rate).await?;
        let after = around()?;
        database.reach(store::ENGINE_APPLIED, events, PATIENCE).await?;
        database.reach(store::ENGINE_OPEN, 0, PATIENCE).await?;
        let cost = engine.stop().await?;
        database.close().await;
        self.drop_of(&setting).await?;
        let cpu = cost.cpu_seconds - cpu_before;
        Ok(run_of_callbacks(answered, count, cpu, cost.peak_mib, [before, after]))
    }
}

fn run_of_callbacks(
    answered: Answered,
    count: usize,
    cpu_seconds: f64,
    peak_mib: f64,
    [before, after]: [[f64; 3]; 2],
) -> Run {
    Run {
        per_second: answered.per_second,
        cpu_ms: cpu_seconds * 1000.0 / count as f64,
        around_ms: of_each(count, before, after),
        peak_mib,
        latency: answered.latency,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_times_are_times_that_were_measured() {
        let latency = of_times((0..=100).rev().map(f64::from).collect());
        assert_eq!((latency.p50_ms as u32, latency.p99_ms as u32), (50, 99));
    }
}
