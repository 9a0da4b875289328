//! Loads and locks what a unit of work asks for: dossiers, payments, parcels, lanes, conditions, in this order and each by
//! key, so that two units never wait for each other. What belongs to a row is read by a statement *after* the one that locked
//! it: a statement that had to wait for a lock still sees every other table as it was before the wait.

mod lanes;

use lienthong_core::{
    id::{EventKey, RowId},
    payment::ReferenceRecord,
    port::{
        store::StoreError,
        work::{Loaded, PastEvent, Work},
    },
};
use sqlx::PgConnection;
use std::{collections::HashMap, sync::Arc};

use crate::{
    catalogue,
    error::store_error,
    inbound, partner, reconciliation, replays,
    rows::{At, DossierRow, ParcelRow, PaymentRow, ReferenceRow, col},
};

/// Loads everything that the work's scope names.
pub(crate) async fn load(conn: &mut PgConnection, work: &mut Work) -> Result<(), StoreError> {
    begin(conn, work).await?;
    dossiers(conn, work).await?;
    history(conn, work).await?;
    payments(conn, work).await?;
    parcels(conn, work).await?;
    lanes::lanes(conn, work).await?;
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

/// What every unit begins with: the store's clock, the epoch, whether the installation is fenced; and which of the events
/// are known.
async fn begin(conn: &mut PgConnection, work: &mut Work) -> Result<(), StoreError> {
    let keys: Vec<&EventKey> = work.scope.event_keys.iter().collect();
    let sources: Vec<&str> = keys.iter().map(|k| k.source.as_str()).collect();
    let ids: Vec<&str> = keys.iter().map(|k| k.id.as_str()).collect();
    let row = sqlx::query!(
        r#"
        select (extract(epoch from clock_timestamp()) * 1000000)::bigint as "now!", i.epoch,
            (i.fenced_since is not null and i.released_at is null) as "is_fenced!",
            known.places as "places!: Vec<i64>", known.hashes as "hashes!: Vec<Vec<u8>>"
        from installation i cross join (
            select coalesce(array_agg(w.n), '{}') as places, coalesce(array_agg(k.content_hash), '{}') as hashes
            from unnest($1::text[], $2::text[]) with ordinality as w(source, event_id, n)
            join event_keys k on k.source = w.source and k.event_id = w.event_id
        ) as known
        where i.one = 1
        "#,
        &sources as _,
        &ids as _,
    )
    .fetch_one(conn)
    .await
    .map_err(store_error)?;
    work.now = At::new("installation", &1).time("now", row.now)?;
    (work.epoch, work.is_fenced) = (row.epoch, row.is_fenced);
    for (place, hash) in row.places.iter().zip(&row.hashes) {
        // The ordinality counts from 1.
        let key = keys[*place as usize - 1];
        let hash = At::new("event_keys", &key.id).hash("content_hash", hash)?;
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

async fn head_states(conn: &mut PgConnection, work: &mut Work) -> Result<(), StoreError> {
    let states = states(conn, work.wanted_states()).await?;
    work.states.extend(states.into_iter().map(|(at, state)| (at, Arc::from(state))));
    Ok(())
}

/// States of dossiers at versions, those that are there.
pub(crate) async fn states(
    conn: &mut PgConnection,
    wanted: impl IntoIterator<Item = (RowId, i64)>,
) -> Result<Vec<((RowId, i64), String)>, StoreError> {
    let wanted: Vec<_> = wanted.into_iter().collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query!(
        "select v.dossier, v.version, v.state
        from unnest($1::bigint[], $2::bigint[]) as w(dossier, version)
        join dossier_versions v on v.dossier = w.dossier and v.version = w.version",
        &col(&wanted, |w| w.0) as _,
        &col(&wanted, |w| w.1) as _,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    Ok(rows.into_iter().map(|row| ((row.dossier, row.version), row.state)).collect())
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
