//! What is kept about partners beside the work: callbacks as they came, sessions, conditions, references to ask about.

use jiff::Timestamp;
use lienthong_core::{
    id::{ConnectorId, RowId},
    lane::LaneState,
    port::store::{ConnectorCondition, RawCallback, ReferenceToAsk, Session, StoreError},
};
use sqlx::SqliteConnection;

use crate::{
    error::store_error,
    rows::{At, us, us_if},
};

/// Stores a callback before it is judged.
pub(crate) async fn keep_callback(
    conn: &mut SqliteConnection,
    raw: &RawCallback,
    now: Timestamp,
) -> Result<RowId, StoreError> {
    let (connector, now) = (raw.connector.as_str(), us(now));
    sqlx::query_scalar!(
        r#"insert into callbacks (connector, received_at, path, headers, body) values (?1, ?2, ?3, ?4, ?5)
        returning id as "id!: i64""#,
        connector,
        now,
        raw.path,
        raw.headers,
        raw.body
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
    let rows = sqlx::query!(
        "select connector, paused_since, cause, said, test_at from connector_conditions order by connector"
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    let conditions = rows.into_iter().map(|row| {
        let at = At::new("connector_conditions", &row.connector);
        Ok(ConnectorCondition {
            connector: at.parse("connector", &row.connector)?,
            paused_since: at.time_if("paused_since", row.paused_since)?,
            cause: row.cause,
            said: row.said,
            test_at: at.time_if("test_at", row.test_at)?,
        })
    });
    conditions.collect()
}

/// Sets a condition, and opens or closes the incident that goes with it. Runs in a transaction of the caller.
pub(crate) async fn set_condition(
    conn: &mut SqliteConnection,
    condition: &ConnectorCondition,
    now: Timestamp,
) -> Result<(), StoreError> {
    let connector = condition.connector.as_str();
    let key = format!("pause:{connector}");
    let (paused_since, test_at, now) = (us_if(condition.paused_since), us_if(condition.test_at), us(now));
    sqlx::query!(
        "insert into connector_conditions as c (connector, paused_since, cause, said, test_at)
        values (?1, ?2, ?3, ?4, ?5)
        on conflict (connector) do update set cause = excluded.cause, said = excluded.said, test_at = excluded.test_at,
            paused_since = case when excluded.paused_since is not null
                then coalesce(c.paused_since, excluded.paused_since) end",
        connector,
        paused_since,
        condition.cause,
        condition.said,
        test_at
    )
    .execute(&mut *conn)
    .await
    .map_err(store_error)?;
    if condition.paused_since.is_none() {
        sqlx::query!("update incidents set closed_at = ?2 where key = ?1 and closed_at is null", key, now)
            .execute(conn)
            .await
            .map_err(store_error)?;
        return Ok(());
    }
    let said = condition.said.as_deref().or(condition.cause.as_deref()).unwrap_or_default();
    sqlx::query!(
        "insert into incidents (key, connector, said, opened_at) values (?1, ?2, ?3, ?4)
        on conflict (key) where closed_at is null do nothing",
        key,
        connector,
        said,
        now
    )
    .execute(conn)
    .await
    .map_err(store_error)
    .map(drop)
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
