//! Operations and their attempts, for people.

use lienthong_core::{
    operation::OperationState,
    port::{
        store::StoreError,
        views::{AttemptView, EditView, OperationFilter, OperationView},
    },
};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::{
    error::store_error,
    rows::{At, json},
};

#[derive(sqlx::FromRow)]
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

/// One statement, built of what is wanted: SQLite plans without knowing the parameters, and a condition that may drop
/// out would keep it from every index. So it is not checked by a macro, but by the tests.
async fn select(conn: &mut SqliteConnection, wanted: Wanted<'_>) -> Result<Vec<OperationView>, StoreError> {
    let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
        "select o.id, o.connector, o.action, l.key as lane, o.position, coalesce(l.head = o.id, 0) as is_head,
            o.subject, o.unit, o.version, o.state, o.need, o.cause, o.said, o.attempts, o.edits, o.begun,
            o.due_at, o.created_at, o.ended_at, o.superseded_by, o.decided_by, o.payload, o.proof, o.event
        from operations o join lanes l on l.id = o.lane
        where true",
    );
    if let Some(ids) = wanted.ids {
        query.push(" and o.id in (select value from json_each(").push_bind(json(ids)?).push("))");
    }
    if let Some(dossier) = wanted.dossier {
        query.push(" and o.dossier = ").push_bind(dossier);
    }
    let Some(filter) = wanted.filter else { return fetch(conn, query.push(" order by o.id")).await };
    let texts = [
        (" and o.connector = ", &filter.connector),
        (" and o.action = ", &filter.action),
        (" and o.unit = ", &filter.unit),
        (" and o.cause = ", &filter.cause),
        (" and o.need = ", &filter.need),
    ];
    for (condition, text) in texts {
        if let Some(text) = text {
            query.push(condition).push_bind(text.as_str());
        }
    }
    if let Some(state) = filter.state {
        query.push(" and o.state = ").push_bind(state.number());
    }
    let is_open = filter.open_only || filter.need.is_some() || filter.state.is_some_and(|s| !s.is_ended());
    if is_open {
        // Said of an open state and of a need, which only open operations have, as well: it lets SQLite use the partial
        // indexes. The plus keeps it from walking through
        // the numbers of all operations that ever were instead.
        query.push(" and o.state < 10 and +o.id > ").push_bind(filter.after).push(" order by +o.id");
    } else {
        if filter.state.is_some_and(|s| s != OperationState::Succeeded) {
            query.push(" and o.state > 10");
        }
        query.push(" and o.id > ").push_bind(filter.after).push(" order by o.id");
    }
    query.push(" limit ").push_bind(filter.limit);
    fetch(conn, &mut query).await
}

async fn fetch(
    conn: &mut SqliteConnection,
    query: &mut QueryBuilder<Sqlite>,
) -> Result<Vec<OperationView>, StoreError> {
    let rows = query.build_query_as::<Row>().fetch_all(conn).await.map_err(store_error)?;
    rows.into_iter().map(Row::view).collect()
}

/// Operations by filter.
pub(crate) async fn operations(
    conn: &mut SqliteConnection,
    filter: &OperationFilter,
) -> Result<Vec<OperationView>, StoreError> {
    select(conn, Wanted { filter: Some(filter), ..Wanted::default() }).await
}

/// Operations by number.
pub(crate) async fn numbered(
    conn: &mut SqliteConnection,
    ids: &[i64],
) -> Result<Vec<OperationView>, StoreError> {
    select(conn, Wanted { ids: Some(ids), ..Wanted::default() }).await
}

/// Operations of a dossier, in the order they were planned.
pub(crate) async fn of_dossier(
    conn: &mut SqliteConnection,
    dossier: i64,
) -> Result<Vec<OperationView>, StoreError> {
    select(conn, Wanted { dossier: Some(dossier), ..Wanted::default() }).await
}

/// One operation with its attempts and the dossier state that it carries.
pub(crate) async fn operation(
    conn: &mut SqliteConnection,
    id: i64,
) -> Result<Option<(OperationView, Vec<AttemptView>, Option<String>)>, StoreError> {
    let found = select(conn, Wanted { ids: Some(&[id]), ..Wanted::default() }).await?;
    let Some(operation) = found.into_iter().next() else { return Ok(None) };
    let attempts = attempts(conn, &[id]).await?;
    let state = sqlx::query_scalar!(
        "select v.state from operations o
        join dossier_versions v on v.dossier = o.dossier and v.version = o.version
        where o.id = ?1",
        id,
    )
    .fetch_optional(conn)
    .await
    .map_err(store_error)?;
    Ok(Some((operation, attempts, state)))
}

/// Attempts of operations, the latest of each included.
pub(crate) async fn attempts(
    conn: &mut SqliteConnection,
    operations: &[i64],
) -> Result<Vec<AttemptView>, StoreError> {
    let operations = json(operations)?;
    sqlx::query_as!(
        AttemptView,
        r#"
        select operation as "operation!: i64", number as "number!: i32", started_at as "started_us!: i64",
            ended_at as "ended_us?: i64", outcome, cause, said, holder as "holder!: String"
        from attempts where operation in (select value from json_each(?1))
        union all
        select id, attempt_number, attempt_started_at, attempt_ended_at, attempt_outcome, attempt_cause, attempt_said,
            coalesce(attempt_holder, '')
        from operations
        where id in (select value from json_each(?1)) and attempt_number is not null
            and attempt_started_at is not null
        order by 1, 2
        "#,
        operations
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)
}

/// Edits of operations, by operation and number.
pub(crate) async fn edits(
    conn: &mut SqliteConnection,
    operations: &[i64],
) -> Result<Vec<EditView>, StoreError> {
    let operations = json(operations)?;
    sqlx::query_as!(
        EditView,
        r#"select operation, number as "number!: i32", at as at_us, actor, reason, before, after
        from edits where operation in (select value from json_each(?1))
        order by operation, number"#,
        operations
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)
}
