//! Operations and their attempts, for people.

use lienthong_core::{
    operation::OperationState,
    port::{
        store::StoreError,
        views::{AttemptView, EditView, OperationFilter, OperationView},
    },
};
use sqlx::PgConnection;

use crate::{error::store_error, rows::At};

struct Row {
    id: i64,
    connector: String,
    action: String,
    lane: String,
    position: i64,
    is_head: bool,
    subject: Option<String>,
    unit: Option<String>,
    version: Option<i64>,
    state: i16,
    need: Option<String>,
    cause: Option<String>,
    said: Option<String>,
    attempts: i32,
    edits: i32,
    begun: bool,
    due_at: i64,
    created_at: i64,
    ended_at: Option<i64>,
    superseded_by: Option<i64>,
    decided_by: Option<String>,
    payload: String,
    proof: Option<String>,
    event: i64,
}

impl Row {
    fn view(self) -> Result<OperationView, StoreError> {
        let at = At::new("operations", &self.id);
        Ok(OperationView {
            state: at.known("state", self.state, OperationState::from_number(self.state))?.name().to_owned(),
            id: self.id,
            connector: self.connector,
            action: self.action,
            lane: self.lane,
            position: self.position,
            is_head: self.is_head,
            subject: self.subject,
            unit: self.unit,
            version: self.version,
            need: self.need,
            cause: self.cause,
            said: self.said,
            attempts: self.attempts,
            edits: self.edits,
            begun: self.begun,
            due_us: self.due_at,
            created_us: self.created_at,
            ended_us: self.ended_at,
            superseded_by: self.superseded_by,
            decided_by: self.decided_by,
            payload: self.payload,
            proof: self.proof,
            event: self.event,
        })
    }
}

/// Which operations: by people's filter, of one dossier, or by number.
#[derive(Default)]
struct Wanted<'a> {
    filter: Option<&'a OperationFilter>,
    dossier: Option<i64>,
    ids: Option<&'a [i64]>,
}

/// One statement for all: what is not wanted is null and drops out when the statement is planned, which happens anew
/// each time in a snapshot of `unit::read`.
async fn select(conn: &mut PgConnection, wanted: Wanted<'_>) -> Result<Vec<OperationView>, StoreError> {
    let filter = wanted.filter;
    let rows = sqlx::query_as!(
        Row,
        r#"
        select o.id, o.connector, o.action, l.key as lane, o.position, coalesce(l.head = o.id, false) as "is_head!",
            o.subject, o.unit, o.version, o.state, o.need, o.cause, o.said, o.attempts, o.edits, o.begun,
            o.due_at, o.created_at, o.ended_at, o.superseded_by, o.decided_by, o.payload, o.proof, o.event
        from operations o join lanes l on l.id = o.lane
        where ($1::bigint[] is null or o.id = any($1)) and ($2::bigint is null or o.dossier = $2)
            and ($3::text is null or o.connector = $3) and ($4::text is null or o.action = $4)
            and ($5::smallint is null or o.state = $5) and ($6::text is null or o.unit = $6)
            and ($7::text is null or o.cause = $7) and ($8::text is null or o.need = $8)
            and (not $9::boolean or o.state < 10) and o.id > $10
        order by o.id limit $11::bigint
        "#,
        wanted.ids as _,
        wanted.dossier,
        filter.and_then(|f| f.connector.as_deref()),
        filter.and_then(|f| f.action.as_deref()),
        filter.and_then(|f| f.state).map(OperationState::number),
        filter.and_then(|f| f.unit.as_deref()),
        filter.and_then(|f| f.cause.as_deref()),
        filter.and_then(|f| f.need.as_deref()),
        // Only open operations wait for something: saying so opens the partial indexes to a need as well.
        filter.is_some_and(|f| f.open_only || f.need.is_some()),
        filter.map_or(0, |f| f.after),
        filter.map(|f| f.limit),
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    rows.into_iter().map(Row::view).collect()
}

/// Operations by filter.
pub(crate) async fn operations(
    conn: &mut PgConnection,
    filter: &OperationFilter,
) -> Result<Vec<OperationView>, StoreError> {
    select(conn, Wanted { filter: Some(filter), ..Wanted::default() }).await
}

/// Operations by number.
pub(crate) async fn numbered(conn: &mut PgConnection, ids: &[i64]) -> Result<Vec<OperationView>, StoreError> {
    select(conn, Wanted { ids: Some(ids), ..Wanted::default() }).await
}

/// Operations of a dossier, in the order they were planned.
pub(crate) async fn of_dossier(
    conn: &mut PgConnection,
    dossier: i64,
) -> Result<Vec<OperationView>, StoreError> {
    select(conn, Wanted { dossier: Some(dossier), ..Wanted::default() }).await
}

/// One operation with its attempts and the dossier state that it carries.
pub(crate) async fn operation(
    conn: &mut PgConnection,
    id: i64,
) -> Result<Option<(OperationView, Vec<AttemptView>, Option<String>)>, StoreError> {
    let found = select(conn, Wanted { ids: Some(&[id]), ..Wanted::default() }).await?;
    let Some(operation) = found.into_iter().next() else { return Ok(None) };
    let attempts = attempts(conn, &[id]).await?;
    let state = sqlx::query_scalar!(
        "select v.state from operations o
        join dossier_versions v on v.dossier = o.dossier and v.version = o.version
        where o.id = $1",
        id,
    )
    .fetch_optional(conn)
    .await
    .map_err(store_error)?;
    Ok(Some((operation, attempts, state)))
}

/// Attempts of operations, the latest of each included.
pub(crate) async fn attempts(
    conn: &mut PgConnection,
    operations: &[i64],
) -> Result<Vec<AttemptView>, StoreError> {
    sqlx::query_as!(
        AttemptView,
        r#"
        select operation as "operation!", number as "number!", started_at as "started_us!", ended_at as ended_us,
            outcome, cause, said, holder as "holder!"
        from attempts where operation = any($1)
        union all
        select id, attempt_number, attempt_started_at, attempt_ended_at, attempt_outcome, attempt_cause, attempt_said,
            coalesce(attempt_holder, '')
        from operations where id = any($1) and attempt_number is not null and attempt_started_at is not null
        order by 1, 2
        "#,
        operations as _,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)
}

/// Edits of operations, by operation and number.
pub(crate) async fn edits(conn: &mut PgConnection, operations: &[i64]) -> Result<Vec<EditView>, StoreError> {
    sqlx::query_as!(
        EditView,
        "select operation, number, at as at_us, actor, reason, before, after
        from edits where operation = any($1)
        order by operation, number",
        operations as _,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)
}
