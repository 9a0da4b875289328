//! What is kept about partners beside the work: callbacks as they came, sessions, conditions, references to ask about.

use jiff::Timestamp;
use lienthong_core::{
    id::{ConnectorId, RowId},
    lane::LaneState,
    port::{
        condition::{ConditionRow, ConnectorCondition},
        store::{RawCallback, ReferenceToAsk, Session, StoreError},
        work::{Change, Loaded, PartnerAtWork, Work},
    },
};
use sqlx::SqliteConnection;

use crate::{
    error::store_error,
    rows::{At, us},
};

/// Stores a callback before it is judged.
pub(crate) async fn keep_callback(
    conn: &mut SqliteConnection,
    raw: &RawCallback,
    now: Timestamp,
) -> Result<RowId, StoreError> {
    let (connector, now, door) = (raw.connector.as_str(), us(now), raw.door.name());
    sqlx::query_scalar!(
        r#"insert into callbacks (connector, received_at, path, headers, body, door) values (?1, ?2, ?3, ?4, ?5, ?6)
        returning id as "id!: i64""#,
        connector,
        now,
        raw.path,
        raw.headers,
        raw.body,
        door
    )
    .fetch_one(conn)
    .await
    .map_err(store_error)
}

/// The session of a connector.
pub(crate) async fn session(
    conn: &mut SqliteConnection,
    connector: &ConnectorId,
) -> Result<Option<Session>, StoreError> {
    let connector = connector.as_str();
    let row =
        sqlx::query!("select token, acquired_at, expires_at from sessions where connector = ?1", connector)
            .fetch_optional(conn)
            .await
            .map_err(store_error)?;
    let session = row.map(|row| {
        let at = At::new("sessions", &connector);
        Ok(Session {
            token: row.token,
            acquired_at: at.time("acquired_at", row.acquired_at)?,
            expires_at: at.time("expires_at", row.expires_at)?,
        })
    });
    session.transpose()
}

/// Replaces it by a newer one.
pub(crate) async fn put_session(
    conn: &mut SqliteConnection,
    connector: &ConnectorId,
    session: &Session,
) -> Result<(), StoreError> {
    let connector = connector.as_str();
    let (acquired_at, expires_at) = (us(session.acquired_at), us(session.expires_at));
    sqlx::query!(
        "insert into sessions as s (connector, token, acquired_at, expires_at) values (?1, ?2, ?3, ?4)
        on conflict (connector) do update set token = excluded.token, acquired_at = excluded.acquired_at,
            expires_at = excluded.expires_at
        where excluded.acquired_at > s.acquired_at",
        connector,
        session.token,
        acquired_at,
        expires_at
    )
    .execute(conn)
    .await
    .map_err(store_error)
    .map(drop)
}

/// The conditions of all connectors that ever had one.
pub(crate) async fn conditions(conn: &mut SqliteConnection) -> Result<Vec<ConnectorCondition>, StoreError> {
    let rows = sqlx::query_as!(
        ConditionRow,
        r#"select connector, phase as "phase: i16", paused_since, cause, said, trials as "trials: i32", test_at,
            step as "step: i16", held_by, held_because, held_since, held_until, planned_until, tat, mean_us
        from connector_conditions order by connector"#
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    rows.into_iter().map(condition).collect()
}

pub(crate) fn condition(row: ConditionRow) -> Result<ConnectorCondition, StoreError> {
    let connector = row.connector.clone();
    row.condition().map_err(|why| At::new("connector_conditions", &connector).unreadable("phase", why))
}

/// Writes the conditions that a unit of work changed.
pub(crate) async fn write(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    let changed = work.partners.values().filter(|p| p.condition.change != Change::None);
    for row in changed.map(|p| ConditionRow::from(&p.condition.row)) {
        sqlx::query!(
            "update connector_conditions set phase = ?2, paused_since = ?3, cause = ?4, said = ?5, trials = ?6, test_at = ?7,
                step = ?8, held_by = ?9, held_because = ?10, held_since = ?11, held_until = ?12, planned_until = ?13,
                tat = ?14, mean_us = ?15
            where connector = ?1",
            row.connector,
            row.phase,
            row.paused_since,
            row.cause,
            row.said,
            row.trials,
            row.test_at,
            row.step,
            row.held_by,
            row.held_because,
            row.held_since,
            row.held_until,
            row.planned_until,
            row.tat,
            row.mean_us
        )
        .execute(&mut *conn)
        .await
        .map_err(store_error)?;
    }
    Ok(())
}

/// References that may be paid, dead ones too, and that were not asked about lately. The payment's own state does not
/// matter: a second payment of a settled one is what the sweep must not miss.
pub(crate) async fn references_to_ask(
    conn: &mut SqliteConnection,
    connector: &ConnectorId,
    (made_after, before, expired_by): (Timestamp, Timestamp, Timestamp),
    limit: i64,
) -> Result<Vec<ReferenceToAsk>, StoreError> {
    let (connector, made_after, before, over) =
        (connector.as_str(), us(made_after), us(before), us(expired_by));
    let rows = sqlx::query!(
        r#"select p.id as "id!", p.payment_id, p.amount, r.reference as "reference!", r.sent_at as "sent_at!"
        from (
            select payment, reference, sent_at, asked_at, created_at from payment_references
            where connector = ?1 and state in (1, 2, 4) and created_at > ?2
            union
            select o.payment, o.reference, o.sent_at, o.asked_at, o.created_at
            from payments e join payment_references o on o.payment = e.id
            where e.state = 1 and e.expires_at <= ?4 and o.connector = ?1 and o.state in (1, 2, 4)
        ) as r
        join payments p on p.id = r.payment
        where r.asked_at is null or r.asked_at < ?3
        order by coalesce(r.asked_at, 0), r.created_at, r.reference limit ?5"#,
        connector,
        made_after,
        before,
        over,
        limit
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    let references = rows.into_iter().map(|row| {
        let at = At::new("payments", &row.id);
        Ok(ReferenceToAsk {
            payment: at.parse("payment_id", &row.payment_id)?,
            reference: at.parse("reference", &row.reference)?,
            sent_at: row.sent_at,
            amount: row.amount,
        })
    });
    references.collect()
}

/// When the first lane of a connector in a state falls due. `state in (1, 3, 4)`: nothing falls due in other states,
/// and with it SQLite reads the first entry of the partial index lanes_due and no more.
pub(crate) async fn next_due(
    conn: &mut SqliteConnection,
    connector: &ConnectorId,
    state: LaneState,
) -> Result<Option<Timestamp>, StoreError> {
    let (connector, state) = (connector.as_str(), state.number());
    let due = sqlx::query!(
        "select id, due_at from lanes
        where connector = ?1 and state = ?2 and state in (1, 3, 4)
        order by due_at limit 1",
        connector,
        state
    )
    .fetch_optional(conn)
    .await
    .map_err(store_error)?;
    due.map(|lane| At::new("lanes", &lane.id).time("due_at", lane.due_at)).transpose()
}

/// Conditions of connectors, made where there is none, with what is with the partner.
pub(crate) async fn load(conn: &mut SqliteConnection, work: &mut Work) -> Result<(), StoreError> {
    let now = us(work.now);
    for connector in work.scope.partners.clone() {
        let name = connector.as_str();
        sqlx::query!(
            "insert into connector_conditions (connector) values (?1) on conflict (connector) do nothing",
            name
        )
        .execute(&mut *conn)
        .await
        .map_err(store_error)?;
        let row = sqlx::query_as!(
            ConditionRow,
            r#"select connector, phase as "phase: i16", paused_since, cause, said, trials as "trials: i32", test_at,
                step as "step: i16", held_by, held_because, held_since, held_until, planned_until, tat, mean_us
            from connector_conditions where connector = ?1"#,
            name
        )
        .fetch_one(&mut *conn)
        .await
        .map_err(store_error)?;
        let count = sqlx::query!(
            r#"select (select count(*) from lanes l where l.connector = ?1 and l.state = 2) as "running!: i64",
                exists (
                    select 1 from lanes l
                    where l.connector = ?1 and l.state = 1 and l.state in (1, 3, 4) and l.due_at <= ?2
                ) as "is_waiting!: bool""#,
            name,
            now
        )
        .fetch_one(&mut *conn)
        .await
        .map_err(store_error)?;
        let partner = PartnerAtWork {
            condition: Loaded::stored(condition(row)?),
            running: usize::try_from(count.running).unwrap_or(0),
            is_waiting: count.is_waiting,
        };
        work.partners.insert(connector, partner);
    }
    Ok(())
}
