//! Loads what a unit of work asks for: one function per kind, in the order in which all stores lock. SQLite has one
//! writer, so nothing is locked here row by row. `cross join` keeps SQLite from reordering: the small list drives the
//! loop. (`cast` of a column of `json_each`: the macros cannot look such columns up.)

use lienthong_core::{
    id::{DossierCode, EventKey, RowId},
    lane::LaneState,
    operation::Operation,
    payment::ReferenceRecord,
    port::{
        store::StoreError,
        work::{Loaded, PastEvent, Scan, Work},
    },
};
use sqlx::SqliteConnection;
use std::{collections::HashMap, sync::Arc};

use crate::{
    catalogue,
    error::store_error,
    inbound, partner, reconciliation, replays,
    rows::{At, DossierRow, LaneRow, OperationRow, ParcelRow, PaymentRow, ReferenceRow, json, us},
};

/// Loads everything that the scope names.
pub(crate) async fn load(
    conn: &mut SqliteConnection,
    holder: &str,
    work: &mut Work,
) -> Result<(), StoreError> {
    event_keys(conn, work).await?;
    dossiers(conn, work).await?;
    history(conn, work).await?;
    payments(conn, work).await?;
    parcels(conn, work).await?;
    lanes(conn, holder, work).await?;
    replays::load(conn, work).await?;
    partner::load(conn, work).await?;
    catalogue::load(conn, work).await?;
    reconciliation::load(conn, work).await?;
    head_states(conn, work).await?;
    callback_identities(conn, work).await?;
    inbound::load(conn, work).await?;
    incidents(conn, work).await?;
    quarantine(conn, work).await
}

async fn event_keys(conn: &mut SqliteConnection, work: &mut Work) -> Result<(), StoreError> {
    if work.scope.event_keys.is_empty() {
        return Ok(());
    }
    let keys: Vec<&EventKey> = work.scope.event_keys.iter().collect();
    let pairs = json(&keys.iter().map(|k| (&k.source, &k.id)).collect::<Vec<_>>())?;
    let rows = sqlx::query!(
        r#"select cast(w.key as integer) as "n!: i64", k.content_hash as "content_hash!"
        from json_each(?1) w
        cross join event_keys k on k.source = w.value ->> 0 and k.event_id = w.value ->> 1"#,
        pairs
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    for row in rows {
        let hash = At::new("event_keys", &row.n).hash("content_hash", &row.content_hash)?;
        work.known_events.insert(keys[row.n as usize].clone(), hash);
    }
    Ok(())
}

/// By code or alias; a code of its own goes before an alias of another dossier.
async fn dossiers(conn: &mut SqliteConnection, work: &mut Work) -> Result<(), StoreError> {
    let codes: Vec<_> = work.scope.dossiers.union(&work.scope.history_of).collect();
    if codes.is_empty() {
        return Ok(());
    }
    let codes = json(&codes)?;
    let rows = sqlx::query_as!(
        DossierRow,
        r#"select cast(w.value as text) as "wanted!: String", d.id as "id!", d.code as "code!", d.unit,
            d.known as "known!: bool", d.version as "version!", d.sequences as "sequences!",
            d.bindings as "bindings!", d.created_at as "created_at!", v.state as "state?"
        from json_each(?1) w
        cross join dossiers d on d.id = coalesce(
            (select c.id from dossiers c where c.code = w.value),
            (select a.dossier from aliases a where a.alias = w.value))
        left join dossier_versions v on v.dossier = d.id and v.version = d.version
        order by d.code"#,
        codes
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    for row in rows {
        let at = At::new("dossiers", &row.id);
        let code: DossierCode = at.parse("code", &row.code)?;
        work.aliases.insert(at.parse("alias", &row.wanted)?, code.clone());
        if !work.dossiers.contains_key(&code) {
            work.aliases.insert(code.clone(), code.clone());
            work.dossiers.insert(code, Loaded::stored(row.record()?));
        }
    }
    Ok(())
}

async fn history(conn: &mut SqliteConnection, work: &mut Work) -> Result<(), StoreError> {
    let wanted = work.scope.history_of.iter();
    let ids: Vec<RowId> = wanted.filter_map(|code| work.dossier(code)).map(|d| d.row).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let ids = json(&ids)?;
    let rows = sqlx::query!(
        r#"select id, dossier as "dossier!", source, sequence, body from events
        where dossier in (select value from json_each(?1))
        order by dossier, id"#,
        ids
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(store_error)?;
    // The event that made a dossier has gone: retention took it.
    let forgotten = sqlx::query_scalar!(
        r#"select d.id as "id!" from dossiers d
        where d.id in (select value from json_each(?1))
            and not exists (select 1 from events e where e.dossier = d.id and e.received_at <= d.created_at)"#,
        ids
    );
    work.forgotten.extend(forgotten.fetch_all(conn).await.map_err(store_error)?);
    for row in rows {
        let source = At::new("events", &row.id).parse("source", &row.source)?;
        let event = PastEvent { source, sequence: row.sequence, body: Arc::from(row.body) };
        work.history.entry(row.dossier).or_default().push(event);
    }
    Ok(())
}

async fn payments(conn: &mut SqliteConnection, work: &mut Work) -> Result<(), StoreError> {
    let scope = &work.scope;
    if scope.payments.is_empty() && scope.payments_of.is_empty() && scope.references.is_empty() {
        return Ok(());
    }
    let ids = json(&scope.payments)?;
    let dossiers = json(&scope.payments_of)?;
    let references = json(&scope.references)?;
    let rows = sqlx::query_as!(
        PaymentRow,
        r#"select p.id, p.payment_id, p.dossier, p.subject, p.unit, p.connector, p.amount, p.state as "state!: i16",
            p.content_hash, p.body, p.created_at, p.updated_at
         from payments p
         where p.payment_id in (select value from json_each(?1))
            or p.dossier in (select d.id from dossiers d where d.code in (select value from json_each(?2)))
            or p.id in (
                select r.payment
                from json_each(?3) w
                cross join payment_references r
                    on r.connector = w.value ->> 0 and r.reference = w.value ->> 1)
         order by p.payment_id"#,
        ids,
        dossiers,
        references
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(store_error)?;
    if rows.is_empty() {
        return Ok(());
    }
    let mut references = payment_references(conn, &rows.iter().map(|p| p.id).collect::<Vec<_>>()).await?;
    for row in rows {
        let references = references.remove(&row.id).unwrap_or_default();
        let record = row.record(references)?;
        work.payments.insert(record.id.clone(), Loaded::stored(record));
    }
    Ok(())
}

async fn payment_references(
    conn: &mut SqliteConnection,
    payments: &[RowId],
) -> Result<HashMap<RowId, Vec<ReferenceRecord>>, StoreError> {
    let payments = json(payments)?;
    let rows = sqlx::query_as!(
        ReferenceRow,
        r#"select connector, reference, payment, state as "state!: i16", sent_at, pay_url, platform_ref, paid_at,
            paid_amount, asked_at, created_at
        from payment_references where payment in (select value from json_each(?1))
        order by payment, created_at, reference"#,
        payments
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

async fn parcels(conn: &mut SqliteConnection, work: &mut Work) -> Result<(), StoreError> {
    let scope = &work.scope;
    if scope.parcels.is_empty() && scope.parcels_of.is_empty() && scope.orders.is_empty() {
        return Ok(());
    }
    let ids = json(&scope.parcels)?;
    let dossiers = json(&scope.parcels_of)?;
    let orders = json(&scope.orders)?;
    let rows = sqlx::query_as!(
        ParcelRow,
        r#"select p.id, p.parcel_id, p.dossier, p.subject, p.unit, p.connector, p.direction, p.order_number,
            p.state as "state!: i16", p.item_code, p.moved_at, p.last_move, p.content_hash, p.body, p.created_at,
            p.updated_at
         from parcels p
         where p.parcel_id in (select value from json_each(?1))
            or p.dossier in (select d.id from dossiers d where d.code in (select value from json_each(?2)))
            or p.id in (
                select o.id
                from json_each(?3) w
                cross join parcels o on o.connector = w.value ->> 0 and o.order_number = w.value ->> 1)
         order by p.parcel_id"#,
        ids,
        dossiers,
        orders
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

/// Lanes by key, by operation and by scan; then their open operations.
async fn lanes(conn: &mut SqliteConnection, holder: &str, work: &mut Work) -> Result<(), StoreError> {
    let mut ids = named_lanes(conn, work).await?;
    for scan in &work.scope.scan {
        ids.extend(scanned_lanes(conn, scan, holder, us(work.now)).await?);
    }
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() && work.scope.operations.is_empty() {
        return Ok(());
    }
    let ids = json(&ids)?;
    let mut open: HashMap<RowId, Vec<Operation>> = HashMap::new();
    for operation in operations(conn, work, &ids).await? {
        if operation.state.is_ended() {
            work.ended.insert(operation.id, operation);
        } else {
            open.entry(operation.lane).or_default().push(operation);
        }
    }
    let rows = sqlx::query_as!(
        LaneRow,
        r#"select id, connector, key, next_position, acknowledged as "acknowledged!: bool", state as "state!: i16",
            due_at, need, head, lease_holder, lease_until, claim, since
        from lanes where id in (select value from json_each(?1))"#,
        ids
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    for row in rows {
        let open = open.remove(&row.id).unwrap_or_default();
        let lane = row.lane(open)?;
        work.lanes.insert((lane.key.clone(), lane.connector.clone()), Loaded::stored(lane));
    }
    Ok(())
}

async fn named_lanes(conn: &mut SqliteConnection, work: &Work) -> Result<Vec<RowId>, StoreError> {
    if work.scope.lanes.is_empty() && work.scope.operations.is_empty() {
        return Ok(Vec::new());
    }
    let keys = json(&work.scope.lanes)?;
    let operations = json(&work.scope.operations)?;
    sqlx::query_scalar!(
        r#"select l.id as "id!" from lanes l where l.key in (select value from json_each(?1))
        union
        select o.lane from operations o where o.id in (select value from json_each(?2))"#,
        keys,
        operations
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)
}

async fn scanned_lanes(
    conn: &mut SqliteConnection,
    scan: &Scan,
    own: &str,
    now: i64,
) -> Result<Vec<RowId>, StoreError> {
    let lanes = match scan {
        // `state in (1, 3, 4)` says nothing new; it lets SQLite use the partial index, whose condition it repeats.
        Scan::Due { connector, state, limit }
            if matches!(state, LaneState::Ready | LaneState::Doubtful | LaneState::Awaiting) =>
        {
            let (connector, state, limit) = (connector.as_str(), state.number(), *limit as i64);
            sqlx::query_scalar!(
                "select id from lanes
                where connector = ?1 and state = ?2 and state in (1, 3, 4) and due_at <= ?3
                order by due_at limit ?4",
                connector,
                state,
                now,
                limit
            )
            .fetch_all(conn)
            .await
        }
        Scan::Due { connector, state, limit } => {
            let (connector, state, limit) = (connector.as_str(), state.number(), *limit as i64);
            sqlx::query_scalar!(
                "select id from lanes
                where connector = ?1 and state = ?2 and due_at <= ?3
                order by due_at limit ?4",
                connector,
                state,
                now,
                limit
            )
            .fetch_all(conn)
            .await
        }
        // A live process's own leases never expire by the clock.
        Scan::LeaseExpired { limit } => {
            let limit = *limit as i64;
            sqlx::query_scalar!(
                "select id from lanes
                where state = 2 and lease_until < ?1 and lease_holder is not ?2
                order by lease_until limit ?3",
                now,
                own,
                limit
            )
            .fetch_all(conn)
            .await
        }
        Scan::Open { after, limit } => {
            let limit = *limit as i64;
            sqlx::query_scalar!(
                "select id from lanes
                where id > ?1 and state <> 0
                order by id limit ?2",
                after,
                limit
            )
            .fetch_all(conn)
            .await
        }
        // By `lease_until`: in the order of the partial index, not in that of all lanes there are.
        Scan::HeldBy { holder, limit } => {
            let limit = *limit as i64;
            sqlx::query_scalar!(
                "select id from lanes
                where state = 2 and lease_holder = ?1
                order by lease_until, id limit ?2",
                holder,
                limit
            )
            .fetch_all(conn)
            .await
        }
        // Texts compare byte by byte, and no text in UTF-8 contains the byte ff: what lies between the prefix and
        // the prefix followed by ff is exactly what begins with it.
        Scan::Need { connectors, prefix, limit } => {
            let (connectors, limit) = (json(connectors)?, *limit as i64);
            sqlx::query_scalar!(
                "select id from lanes
                where need is not null and need >= ?1 and need < ?1 || cast(x'ff' as text)
                    and connector in (select value from json_each(?3))
                order by need, id limit ?2",
                prefix,
                limit,
                connectors
            )
            .fetch_all(conn)
            .await
        }
    };
    lanes.map_err(store_error)
}

/// Open operations of the lanes, by place, and those that the scope names, whatever their state.
async fn operations(
    conn: &mut SqliteConnection,
    work: &Work,
    lanes: &str,
) -> Result<Vec<Operation>, StoreError> {
    let named = json(&work.scope.operations)?;
    let rows = sqlx::query_as!(
        OperationRow,
        r#"select id, lane, position, connector, dossier, subject, version, unit, event, payload,
            state as "state!: i16", due_at, need, attempts as "attempts!: i32", edits as "edits!: i32",
            begun as "begun!: bool",
            doubted as "doubted!: bool", attempt_number as "attempt_number: i32", attempt_started_at,
            attempt_ended_at, attempt_outcome, attempt_cause, attempt_said, attempt_holder, cause, said, proof,
            superseded_by, decided_by, created_at, ended_at
        from operations
        where (lane in (select value from json_each(?1)) and state < 10)
            or id in (select value from json_each(?2))
        order by lane, position"#,
        lanes,
        named
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    rows.into_iter().map(OperationRow::operation).collect()
}

async fn head_states(conn: &mut SqliteConnection, work: &mut Work) -> Result<(), StoreError> {
    let states = states(conn, work.wanted_states()).await?;
    work.states.extend(states.into_iter().map(|(at, state)| (at, Arc::from(state))));
    Ok(())
}

/// States of dossiers at versions, those that are there.
pub(crate) async fn states(
    conn: &mut SqliteConnection,
    wanted: impl IntoIterator<Item = (RowId, i64)>,
) -> Result<Vec<((RowId, i64), String)>, StoreError> {
    let wanted: Vec<_> = wanted.into_iter().collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let wanted = json(&wanted)?;
    let rows = sqlx::query!(
        r#"select v.dossier as "dossier!", v.version as "version!", v.state as "state!"
        from json_each(?1) w
        cross join dossier_versions v on v.dossier = w.value ->> 0 and v.version = w.value ->> 1"#,
        wanted
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    Ok(rows.into_iter().map(|row| ((row.dossier, row.version), row.state)).collect())
}

async fn callback_identities(conn: &mut SqliteConnection, work: &mut Work) -> Result<(), StoreError> {
    if work.scope.callback_identities.is_empty() {
        return Ok(());
    }
    let identities = json(&work.scope.callback_identities)?;
    let rows = sqlx::query_scalar!(
        r#"select identity as "identity!" from callbacks
         where verdict = 'applied' and identity in (select value from json_each(?1))"#,
        identities
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    work.applied_callbacks.extend(rows);
    Ok(())
}

async fn incidents(conn: &mut SqliteConnection, work: &mut Work) -> Result<(), StoreError> {
    if work.scope.incidents.is_empty() {
        return Ok(());
    }
    let ids = json(&work.scope.incidents)?;
    let rows = sqlx::query!(
        "select id, key from incidents
         where closed_at is null and id in (select value from json_each(?1))",
        ids
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    work.incidents.extend(rows.into_iter().map(|row| (row.id, row.key)));
    Ok(())
}

async fn quarantine(conn: &mut SqliteConnection, work: &mut Work) -> Result<(), StoreError> {
    if work.scope.quarantine.is_empty() {
        return Ok(());
    }
    let ids = json(&work.scope.quarantine)?;
    let open = sqlx::query_scalar!(
        "select id from quarantine where closed_at is null and id in (select value from json_each(?1))",
        ids
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    work.quarantine.extend(open);
    Ok(())
}
