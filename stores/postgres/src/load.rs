//! Loads and locks what a unit of work asks for: dossiers, payments, parcels, lanes, conditions, in this order and each by
//! key, so that two units never wait for each other. Rows are read by a statement of their own *after* the one that locked
//! them: a statement that had to wait for a lock still sees every other table as it was before the wait.

use lienthong_core::{
    id::{ConnectorId, EventKey, RowId},
    lane::LaneState,
    operation::Operation,
    payment::ReferenceRecord,
    port::{
        store::StoreError,
        work::{Loaded, PastEvent, Scan, Work},
    },
};
use sqlx::PgConnection;
use std::{collections::HashMap, sync::Arc};

use crate::{
    catalogue,
    error::store_error,
    partner, replays,
    rows::{At, DossierRow, LaneRow, OperationRow, ParcelRow, PaymentRow, ReferenceRow, us},
};

/// Loads everything that the work's scope names.
pub(crate) async fn load(conn: &mut PgConnection, work: &mut Work) -> Result<(), StoreError> {
    event_keys(conn, work).await?;
    dossiers(conn, work).await?;
    history(conn, work).await?;
    payments(conn, work).await?;
    parcels(conn, work).await?;
    lanes(conn, work).await?;
    replays::load(conn, work).await?;
    partner::load(conn, work).await?;
    catalogue::load(conn, work).await?;
    head_states(conn, work).await?;
    callback_identities(conn, work).await?;
    incidents(conn, work).await?;
    quarantine(conn, work).await
}

async fn event_keys(conn: &mut PgConnection, work: &mut Work) -> Result<(), StoreError> {
    if work.scope.event_keys.is_empty() {
        return Ok(());
    }
    let keys: Vec<&EventKey> = work.scope.event_keys.iter().collect();
    let sources: Vec<&str> = keys.iter().map(|k| k.source.as_str()).collect();
    let ids: Vec<&str> = keys.iter().map(|k| k.id.as_str()).collect();
    let rows = sqlx::query!(
        r#"
        select w.n as "n!", k.content_hash
        from unnest($1::text[], $2::text[]) with ordinality as w(source, event_id, n)
        join event_keys k on k.source = w.source and k.event_id = w.event_id
        "#,
        &sources as _,
        &ids as _,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    for row in rows {
        // The ordinality counts from 1.
        let key = keys[row.n as usize - 1];
        let hash = At::new("event_keys", &key.id).hash("content_hash", &row.content_hash)?;
        work.known_events.insert(key.clone(), hash);
    }
    Ok(())
}

/// By code or alias; a code of its own goes before an alias of another dossier.
async fn dossiers(conn: &mut PgConnection, work: &mut Work) -> Result<(), StoreError> {
    let codes: Vec<&str> = work
        .scope
        .dossiers
        .union(&work.scope.history_of)
        .map(lienthong_core::id::DossierCode::as_str)
        .collect();
    if codes.is_empty() {
        return Ok(());
    }
    let ids = sqlx::query_scalar!(
        r#"
        select d.id from dossiers d
        where d.id in (
            select c.id from dossiers c where c.code = any($1)
            union select a.dossier from aliases a where a.alias = any($1)
        )
        order by d.code
        for update of d
        "#,
        &codes as _,
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(store_error)?;
    if ids.is_empty() {
        return Ok(());
    }
    let aliases = sqlx::query!(
        "select alias, dossier from aliases where alias = any($1) and dossier = any($2)",
        &codes as _,
        &ids as _,
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(store_error)?;
    let rows = sqlx::query_as!(
        DossierRow,
        r#"
        select id, code, unit, known, version, sequences, bindings, created_at,
            (select v.state from dossier_versions v where v.dossier = d.id and v.version = d.version) as state
        from dossiers d where id = any($1)
        "#,
        &ids as _,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    let mut codes = HashMap::new();
    for row in &rows {
        let record = row.record()?;
        codes.insert(record.row, record.code.clone());
        work.dossiers.insert(record.code.clone(), Loaded::stored(record));
    }
    for row in aliases {
        let at = At::new("aliases", &row.alias);
        if let Some(code) = codes.get(&row.dossier) {
            work.aliases.insert(at.parse("alias", &row.alias)?, code.clone());
        }
    }
    work.aliases.extend(codes.into_values().map(|code| (code.clone(), code)));
    Ok(())
}

async fn history(conn: &mut PgConnection, work: &mut Work) -> Result<(), StoreError> {
    let wanted = work.scope.history_of.iter();
    let ids: Vec<RowId> = wanted.filter_map(|code| work.dossier(code)).map(|d| d.row).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query!(
        r#"
        select id, dossier as "dossier!", source, sequence, body from events
        where dossier = any($1)
        order by dossier, id
        "#,
        &ids as _,
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(store_error)?;
    // The event that made a dossier has gone: retention took it.
    let forgotten = sqlx::query_scalar!(
        "select d.id from dossiers d
        where d.id = any($1)
            and not exists (select 1 from events e where e.dossier = d.id and e.received_at <= d.created_at)",
        &ids as _,
    );
    work.forgotten.extend(forgotten.fetch_all(conn).await.map_err(store_error)?);
    for row in rows {
        let source = At::new("events", &row.id).parse("source", &row.source)?;
        let event = PastEvent { source, sequence: row.sequence, body: Arc::from(row.body) };
        work.history.entry(row.dossier).or_default().push(event);
    }
    Ok(())
}

async fn payments(conn: &mut PgConnection, work: &mut Work) -> Result<(), StoreError> {
    let scope = &work.scope;
    if scope.payments.is_empty() && scope.payments_of.is_empty() && scope.references.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = scope.payments.iter().map(lienthong_core::id::PaymentId::as_str).collect();
    let dossiers: Vec<&str> = scope.payments_of.iter().map(lienthong_core::id::DossierCode::as_str).collect();
    let connectors: Vec<&str> = scope.references.iter().map(|(c, _)| c.as_str()).collect();
    let references: Vec<&str> = scope.references.iter().map(|(_, r)| r.as_str()).collect();
    let rows = sqlx::query_scalar!(
        r#"
        select p.id from payments p
        where p.id in (
            select i.id from payments i where i.payment_id = any($1)
            union
            select o.id from dossiers d join payments o on o.dossier = d.id where d.code = any($2)
            union
            select r.payment from unnest($3::text[], $4::text[]) as w(connector, reference)
            join payment_references r on r.connector = w.connector and r.reference = w.reference
        )
        order by p.payment_id
        for update of p
        "#,
        &ids as _,
        &dossiers as _,
        &connectors as _,
        &references as _,
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(store_error)?;
    if rows.is_empty() {
        return Ok(());
    }
    let mut references = payment_references(conn, &rows).await?;
    let rows = sqlx::query_as!(
        PaymentRow,
        "select id, payment_id, dossier, subject, unit, connector, amount, state, content_hash, body, created_at,
            updated_at
        from payments where id = any($1)",
        &rows as _,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    for row in rows {
        let record = row.record(references.remove(&row.id).unwrap_or_default())?;
        work.payments.insert(record.id.clone(), Loaded::stored(record));
    }
    Ok(())
}

async fn payment_references(
    conn: &mut PgConnection,
    payments: &[RowId],
) -> Result<HashMap<RowId, Vec<ReferenceRecord>>, StoreError> {
    let rows = sqlx::query_as!(
        ReferenceRow,
        "select connector, reference, payment, state, sent_at, pay_url, platform_ref, paid_at, paid_amount, asked_at,
            created_at
        from payment_references where payment = any($1)
        order by payment, created_at, reference",
        payments as _,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    let mut references: HashMap<RowId, Vec<ReferenceRecord>> = HashMap::new();
    for row in rows {
        references.entry(row.payment).or_default().push(row.record()?);
    }
    Ok(references)
}

async fn parcels(conn: &mut PgConnection, work: &mut Work) -> Result<(), StoreError> {
    let scope = &work.scope;
    if scope.parcels.is_empty() && scope.parcels_of.is_empty() && scope.orders.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = scope.parcels.iter().map(lienthong_core::id::ParcelId::as_str).collect();
    let dossiers: Vec<&str> = scope.parcels_of.iter().map(lienthong_core::id::DossierCode::as_str).collect();
    let connectors: Vec<&str> = scope.orders.iter().map(|(c, _)| c.as_str()).collect();
    let numbers: Vec<&str> = scope.orders.iter().map(|(_, n)| n.as_str()).collect();
    let rows = sqlx::query_scalar!(
        r#"
        select p.id from parcels p
        where p.id in (
            select i.id from parcels i where i.parcel_id = any($1)
            union
            select o.id from dossiers d join parcels o on o.dossier = d.id where d.code = any($2)
            union
            select o.id from unnest($3::text[], $4::text[]) as w(connector, order_number)
            join parcels o on o.connector = w.connector and o.order_number = w.order_number
        )
        order by p.parcel_id
        for update of p
        "#,
        &ids as _,
        &dossiers as _,
        &connectors as _,
        &numbers as _,
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(store_error)?;
    if rows.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query_as!(
        ParcelRow,
        "select id, parcel_id, dossier, subject, unit, connector, direction, order_number, state, item_code, moved_at,
            last_move, content_hash, body, created_at, updated_at
        from parcels where id = any($1)",
        &rows as _,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    for row in rows {
        let record = row.record()?;
        work.parcels.insert(record.id.clone(), Loaded::stored(record));
    }
    Ok(())
}

/// Lanes by key and by operation, waiting for locks; then those of the scans, passing locked ones over. Last their
/// open operations, which nobody else can change now.
async fn lanes(conn: &mut PgConnection, work: &mut Work) -> Result<(), StoreError> {
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

async fn head_states(conn: &mut PgConnection, work: &mut Work) -> Result<(), StoreError> {
    let (dossiers, versions): (Vec<RowId>, Vec<i64>) = work.wanted_states().into_iter().unzip();
    if dossiers.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query!(
        "select v.dossier, v.version, v.state
        from unnest($1::bigint[], $2::bigint[]) as h(dossier, version)
        join dossier_versions v on v.dossier = h.dossier and v.version = h.version",
        &dossiers as _,
        &versions as _,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    work.states.extend(rows.into_iter().map(|row| ((row.dossier, row.version), Arc::from(row.state))));
    Ok(())
}

async fn callback_identities(conn: &mut PgConnection, work: &mut Work) -> Result<(), StoreError> {
    if work.scope.callback_identities.is_empty() {
        return Ok(());
    }
    let identities: Vec<&str> = work.scope.callback_identities.iter().map(String::as_str).collect();
    let applied = sqlx::query_scalar!(
        r#"select identity as "identity!" from callbacks where verdict = 'applied' and identity = any($1)"#,
        &identities as _,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    work.applied_callbacks.extend(applied);
    Ok(())
}

async fn incidents(conn: &mut PgConnection, work: &mut Work) -> Result<(), StoreError> {
    if work.scope.incidents.is_empty() {
        return Ok(());
    }
    let ids: Vec<RowId> = work.scope.incidents.iter().copied().collect();
    let rows = sqlx::query!(
        "select id, key from incidents where id = any($1) and closed_at is null order by key for update",
        &ids as _,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    work.incidents.extend(rows.into_iter().map(|row| (row.id, row.key)));
    Ok(())
}

async fn quarantine(conn: &mut PgConnection, work: &mut Work) -> Result<(), StoreError> {
    if work.scope.quarantine.is_empty() {
        return Ok(());
    }
    let ids: Vec<RowId> = work.scope.quarantine.iter().copied().collect();
    let open = sqlx::query_scalar!(
        "select id from quarantine where id = any($1) and closed_at is null order by id for update",
        &ids as _,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    work.quarantine.extend(open);
    Ok(())
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
