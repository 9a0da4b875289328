//! Lanes under lock, by key, by operation and by scan, with their open operations.

use lienthong_core::{
    id::{ConnectorId, RowId},
    lane::LaneState,
    operation::Operation,
    port::{
        store::StoreError,
        work::{Loaded, Scan, Work},
    },
};
use sqlx::PgConnection;
use std::collections::HashMap;

use crate::{
    error::store_error,
    rows::{LaneRow, OperationRow, us},
};

/// Lanes by key and by operation, waiting for locks; then those of the scans, passing locked ones over. Last their
/// open operations, which nobody else can change now.
pub(super) async fn lanes(conn: &mut PgConnection, work: &mut Work) -> Result<(), StoreError> {
    let rows = locked_lanes(conn, work).await?;
    if rows.is_empty() && work.scope.operations.is_empty() {
        return Ok(());
    }
    let ids: Vec<RowId> = rows.iter().map(|row| row.id).collect();
    let mut open: HashMap<RowId, Vec<Operation>> = HashMap::new();
    for operation in operations(conn, work, &ids).await? {
        if operation.state.is_ended() {
            work.ended.insert(operation.id, operation);
        } else {
            open.entry(operation.lane).or_default().push(operation);
        }
    }
    for row in rows {
        let lane = row.lane(open.remove(&row.id).unwrap_or_default())?;
        work.lanes.insert((lane.key.clone(), lane.connector.clone()), Loaded::stored(lane));
    }
    Ok(())
}

async fn locked_lanes(conn: &mut PgConnection, work: &Work) -> Result<Vec<LaneRow>, StoreError> {
    let scope = &work.scope;
    if scope.operations.is_empty() && scope.scan.is_empty() {
        if scope.lanes.is_empty() {
            return Ok(Vec::new());
        }
        // What nearly every unit asks, in one statement: the row that is locked is read as it is then.
        let keys: Vec<&str> = scope.lanes.iter().map(lienthong_core::id::LaneKey::as_str).collect();
        return sqlx::query_as!(
            LaneRow,
            "select id, connector, key, next_position, acknowledged, state, due_at, need, head, lease_holder,
                lease_until, claim, since
            from lanes where key = any($1)
            order by key, connector
            for update",
            &keys as _,
        )
        .fetch_all(conn)
        .await
        .map_err(store_error);
    }
    let mut ids = named_lanes(conn, work).await?;
    for scan in &scope.scan {
        ids.extend(scanned_lanes(conn, scan, us(work.now)).await?);
    }
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_as!(
        LaneRow,
        "select id, connector, key, next_position, acknowledged, state, due_at, need, head, lease_holder, lease_until,
            claim, since
        from lanes where id = any($1)",
        &ids as _,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)
}

async fn named_lanes(conn: &mut PgConnection, work: &Work) -> Result<Vec<RowId>, StoreError> {
    if work.scope.lanes.is_empty() && work.scope.operations.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<&str> = work.scope.lanes.iter().map(lienthong_core::id::LaneKey::as_str).collect();
    let operations: Vec<RowId> = work.scope.operations.iter().copied().collect();
    sqlx::query_scalar!(
        r#"
        select l.id from lanes l
        where l.id in (
            select k.id from lanes k where k.key = any($1)
            union select o.lane from operations o where o.id = any($2)
        )
        order by l.key, l.connector
        for update of l
        "#,
        &keys as _,
        &operations as _,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)
}

async fn scanned_lanes(conn: &mut PgConnection, scan: &Scan, now: i64) -> Result<Vec<RowId>, StoreError> {
    let lanes = match scan {
        // `state in (1, 3, 4)` says nothing new; it lets the planner use the partial index whatever $2 will be.
        Scan::Due { connector, state, limit }
            if matches!(state, LaneState::Ready | LaneState::Doubtful | LaneState::Awaiting) =>
        {
            sqlx::query_scalar!(
                "select id from lanes
                where connector = $1 and state = $2 and state in (1, 3, 4) and due_at <= $3
                order by due_at limit $4
                for update skip locked",
                connector.as_str(),
                state.number(),
                now,
                *limit as i64,
            )
            .fetch_all(conn)
            .await
        }
        Scan::Due { connector, state, limit } => {
            sqlx::query_scalar!(
                "select id from lanes
                where connector = $1 and state = $2 and due_at <= $3
                order by due_at limit $4
                for update skip locked",
                connector.as_str(),
                state.number(),
                now,
                *limit as i64,
            )
            .fetch_all(conn)
            .await
        }
        Scan::LeaseExpired { limit } => {
            sqlx::query_scalar!(
                "select id from lanes
                where state = 2 and lease_until < $1
                order by lease_until limit $2
                for update skip locked",
                now,
                *limit as i64,
            )
            .fetch_all(conn)
            .await
        }
        // None is passed over: a walk comes by once. Locked in the order in which all lanes are.
        Scan::Open { after, limit } => {
            sqlx::query_scalar!(
                "select id from lanes
                where id in (select o.id from lanes o where o.id > $1 and o.state <> 0 order by o.id limit $2)
                order by key, connector
                for update",
                *after,
                *limit as i64,
            )
            .fetch_all(conn)
            .await
        }
        Scan::HeldBy { holder, limit } => {
            sqlx::query_scalar!(
                "select id from lanes
                where state = 2 and lease_holder = $1
                order by id limit $2
                for update skip locked",
                holder,
                *limit as i64,
            )
            .fetch_all(conn)
            .await
        }
        // All texts that begin with the prefix lie between it and its successor, by byte order (collation "C").
        Scan::Need { connectors, prefix, limit } => {
            let connectors: Vec<&str> = connectors.iter().map(ConnectorId::as_str).collect();
            sqlx::query_scalar!(
                r#"
                select id from lanes
                where need is not null
                    and need collate "C" >= $1 and ($2::text is null or need collate "C" < $2::text)
                    and connector = any($4)
                order by need collate "C", id limit $3
                for update skip locked
                "#,
                prefix,
                successor(prefix) as _,
                *limit as i64,
                &connectors as _,
            )
            .fetch_all(conn)
            .await
        }
    };
    lanes.map_err(store_error)
}

/// The smallest text above every text that begins with `prefix`; none if there is no such text.
fn successor(prefix: &str) -> Option<String> {
    let mut text: Vec<char> = prefix.chars().collect();
    while let Some(last) = text.pop() {
        // The next character that exists: the surrogates in between are none.
        if let Some(next) = (last..=char::MAX).nth(1) {
            text.push(next);
            return Some(text.into_iter().collect());
        }
    }
    None
}

/// Open operations of the lanes, by place, and those that the scope names, whatever their state.
async fn operations(
    conn: &mut PgConnection,
    work: &Work,
    lanes: &[RowId],
) -> Result<Vec<Operation>, StoreError> {
    let named: Vec<RowId> = work.scope.operations.iter().copied().collect();
    let rows = if named.is_empty() {
        sqlx::query_as!(
            OperationRow,
            "select id, lane, position, connector, dossier, subject, version, unit, event, payload, state, due_at, need,
                attempts, edits, begun, doubted, attempt_number, attempt_started_at, attempt_ended_at, attempt_outcome,
                attempt_cause, attempt_said, attempt_holder, cause, said, proof, superseded_by, decided_by, created_at,
                ended_at
            from operations
            where lane = any($1) and state < 10
            order by lane, position",
            lanes as _,
        )
        .fetch_all(conn)
        .await
    } else {
        sqlx::query_as!(
            OperationRow,
            "select id, lane, position, connector, dossier, subject, version, unit, event, payload, state, due_at, need,
                attempts, edits, begun, doubted, attempt_number, attempt_started_at, attempt_ended_at, attempt_outcome,
                attempt_cause, attempt_said, attempt_holder, cause, said, proof, superseded_by, decided_by, created_at,
                ended_at
            from operations
            where (lane = any($1) and state < 10) or id = any($2)
            order by lane, position",
            lanes as _,
            &named as _,
        )
        .fetch_all(conn)
        .await
    };
    let rows = rows.map_err(store_error)?;
    rows.into_iter().map(OperationRow::operation).collect()
}

#[cfg(test)]
mod tests {
    use super::successor;

    #[test]
    fn texts_with_a_prefix_lie_below_its_successor_and_no_others_do() {
        for (prefix, after) in
            [("snapshot:", Some("snapshot;")), ("a\u{d7ff}", Some("a\u{e000}")), ("", None)]
        {
            assert_eq!(successor(prefix).as_deref(), after);
        }
        assert_eq!(successor("b\u{10ffff}").as_deref(), Some("c"));
    }
}
