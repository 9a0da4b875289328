//! Lanes with their heads, for people.

use lienthong_core::{
    lane::LaneState,
    port::{
        store::StoreError,
        views::{LaneFilter, LaneView},
    },
};
use sqlx::PgConnection;
use std::collections::HashMap;

use super::operations::numbered;
use crate::{error::store_error, rows::At};

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
pub(crate) async fn lanes(conn: &mut PgConnection, filter: &LaneFilter) -> Result<Vec<LaneView>, StoreError> {
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

/// From the partial indexes, as in `overview.rs`: idle lanes are by far the most, and only one by its number may be idle.
async fn rows(conn: &mut PgConnection, filter: &LaneFilter) -> Result<Vec<Row>, StoreError> {
    let (after_us, after) = filter.after.unzip();
    sqlx::query_as!(
        Row,
        r#"
        select l.id as "id!", l.connector as "connector!", l.key as "key!", l.state as "state!", l.since as "since!",
            l.due_at as "due_at!", l.head,
            (select count(*) from operations b where b.lane = l.id and b.state < 10 and b.id <> l.head) as "behind!"
        from (
            select id, connector, key, state, since, due_at, head from lanes where state in (1, 3, 4)
            union all select id, connector, key, state, since, due_at, head from lanes where state = 2
            union all select id, connector, key, state, since, due_at, head from lanes where state in (5, 6)
            union all select id, connector, key, state, since, due_at, head from lanes where state = 0 and id = $1
        ) as l left join operations o on o.id = l.head
        where ($1::bigint is null or l.id = $1) and ($2::text is null or l.connector = $2)
            and ($3::smallint is null or l.state = $3) and ($4::text is null or o.unit = $4)
            and ($5::text is null or o.cause = $5)
            and ($1 is not null or $3 is not null or l.state > 2 or (l.state = 1 and o.attempts > 0))
            and ($6::bigint is null or (o.created_at, o.id) > ($6, $7::bigint))
        order by o.created_at, o.id limit $8
        "#,
        filter.id,
        filter.connector.as_deref(),
        filter.state.map(LaneState::number),
        filter.unit.as_deref(),
        filter.cause.as_deref(),
        after_us,
        after,
        filter.limit,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)
}
