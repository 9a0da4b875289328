//! Lanes with their heads, for people.

use lienthong_core::{
    lane::LaneState,
    port::{
        store::StoreError,
        views::{LaneFilter, LaneView},
    },
};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};
use std::collections::HashMap;

use super::operations::numbered;
use crate::{error::store_error, rows::At};

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    connector: String,
    key: String,
    state: i16,
    since: i64,
    due_at: i64,
    head: Option<i64>,
    behind: i64,
}

/// Lanes by filter, the oldest head first.
pub(crate) async fn lanes(
    conn: &mut SqliteConnection,
    filter: &LaneFilter,
) -> Result<Vec<LaneView>, StoreError> {
    let rows = rows(conn, filter).await?;
    let numbers: Vec<i64> = rows.iter().filter_map(|row| row.head).collect();
    let mut heads: HashMap<i64, _> =
        numbered(conn, &numbers).await?.into_iter().map(|head| (head.id, head)).collect();
    let lanes = rows.into_iter().map(|row| {
        let at = At::new("lanes", &row.id);
        Ok(LaneView {
            state: at.known("state", row.state, LaneState::from_number(row.state))?.name().to_owned(),
            id: row.id,
            connector: row.connector,
            key: row.key,
            since_us: row.since,
            due_us: row.due_at,
            behind: row.behind,
            head: row.head.and_then(|id| heads.remove(&id)),
        })
    });
    lanes.collect()
}

/// One statement, built of what is wanted: see `operations.rs`. From the partial indexes: idle lanes are by far the most,
/// and only one by its number may be idle.
async fn rows(conn: &mut SqliteConnection, filter: &LaneFilter) -> Result<Vec<Row>, StoreError> {
    let mut query: QueryBuilder<Sqlite> = QueryBuilder::new(
        "select l.id, l.connector, l.key, l.state, l.since, l.due_at, l.head,
            (select count(*) from operations b where b.lane = l.id and b.state < 10 and b.id <> l.head) as behind
        from ",
    );
    if filter.id.is_some() {
        query.push("lanes l");
    } else {
        query.push(
            "(
            select id, connector, key, state, since, due_at, head from lanes where state in (1, 3, 4)
            union all select id, connector, key, state, since, due_at, head from lanes where state = 2
            union all select id, connector, key, state, since, due_at, head from lanes where state in (5, 6)
        ) as l",
        );
    }
    query.push(" left join operations o on o.id = l.head where true");
    if let Some(id) = filter.id {
        query.push(" and l.id = ").push_bind(id);
    }
    let texts = [
        (" and l.connector = ", &filter.connector),
        (" and o.unit = ", &filter.unit),
        (" and o.cause = ", &filter.cause),
    ];
    for (condition, text) in texts {
        if let Some(text) = text {
            query.push(condition).push_bind(text.as_str());
        }
    }
    match (filter.state, filter.id) {
        (Some(state), _) => {
            query.push(" and l.state = ").push_bind(state.number());
        }
        (None, Some(_)) => {}
        (None, None) => {
            query.push(" and (l.state > 2 or (l.state = 1 and o.attempts > 0))");
        }
    }
    if let Some((created, id)) = filter.after {
        query.push(" and (o.created_at, o.id) > (").push_bind(created).push(", ").push_bind(id).push(")");
    }
    query.push(" order by o.created_at, o.id limit ").push_bind(filter.limit);
    query.build_query_as::<Row>().fetch_all(conn).await.map_err(store_error)
}
