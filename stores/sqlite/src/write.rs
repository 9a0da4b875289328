//! Writes what a unit of work changed: one statement per kind, each fed by one JSON array. `jsonb_each` and not
//! `json_each`, which writes every row out as text again for every column that is taken from it. Every `select` before
//! an `on conflict` has a `where`: without it SQLite reads `on` as the condition of a join.

mod operations;

use lienthong_core::{
    id::UnitCode,
    port::{
        store::StoreError,
        work::{Change, Loaded, Work},
    },
};
use sqlx::{Sqlite, SqliteConnection, query::Query, sqlite::SqliteArguments};

use self::operations::{edits, insert_operations, lanes, past_attempts, update_operations};
use crate::{
    catalogue,
    error::{missing_rows, store_error},
    inbound, incidents, installation, merge, partner, reconciliation, replays,
    rows::{Batch, json},
};

/// Writes everything. The order matters in one place: ended operations leave their places before others take them.
pub(crate) async fn write(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    incidents::quarantine(conn, work).await?;
    events(conn, work).await?;
    dossiers(conn, work).await?;
    versions(conn, work).await?;
    merge::write(conn, work).await?;
    aliases(conn, work).await?;
    payments(conn, work).await?;
    references(conn, work).await?;
    parcels(conn, work).await?;
    lanes(conn, work).await?;
    let (new, old): (Vec<_>, Vec<_>) = work.operations.values().partition(|o| o.change == Change::Insert);
    let (ended, open): (Vec<_>, Vec<_>) = old.into_iter().map(|o| &o.row).partition(|o| o.state.is_ended());
    update_operations(conn, &ended).await?;
    update_operations(conn, &open).await?;
    insert_operations(conn, &new.into_iter().map(|o| &o.row).collect::<Vec<_>>()).await?;
    partner::write(conn, work).await?;
    past_attempts(conn, work).await?;
    edits(conn, work).await?;
    moves(conn, work).await?;
    incidents::write(conn, work).await?;
    callbacks(conn, work).await?;
    inbound::write(conn, work).await?;
    replays::write(conn, work).await?;
    catalogue::write(conn, work).await?;
    reconciliation::write(conn, work).await?;
    cursors(conn, work).await?;
    ledger(conn, work).await?;
    audit(conn, work).await?;
    installation::write(conn, work).await?;
    outbox(conn, work).await
}

pub(crate) type Statement = Query<'static, Sqlite, SqliteArguments>;

pub(crate) async fn run(conn: &mut SqliteConnection, written: Statement) -> Result<(), StoreError> {
    written.execute(conn).await.map_err(store_error).map(drop)
}

/// Runs a statement that has to find or make all the rows of its batch.
async fn run_all(
    conn: &mut SqliteConnection,
    written: Statement,
    batch: (&str, u64),
) -> Result<(), StoreError> {
    let ((table, wanted), found) = (batch, written.execute(conn).await.map_err(store_error)?.rows_affected());
    if found == wanted { Ok(()) } else { Err(missing_rows(table, wanted, found)) }
}

/// The rows that have to be written.
pub(crate) fn changed<'a, T: 'a>(
    rows: impl IntoIterator<Item = &'a Loaded<T>>,
) -> impl Iterator<Item = &'a Loaded<T>> {
    rows.into_iter().filter(|r| r.change != Change::None)
}

async fn events(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    let (mut keys, mut batch) = (Batch::new("event_keys"), Batch::new("events"));
    for event in &work.new_events {
        keys.row(&[
            ("source", &event.key.source.as_str()),
            ("event_id", &event.key.id.as_str()),
            ("content_hash", &&event.content_hash[..]),
            ("admitted_at", &work.now),
        ])?;
        batch.row(&[
            ("id", &event.row),
            ("source", &event.key.source.as_str()),
            ("event_id", &event.key.id.as_str()),
            ("name", &event.name),
            ("subject", &event.subject),
            ("unit", &event.unit.as_ref().map(UnitCode::as_str)),
            ("dossier", &event.dossier),
            ("occurred_at", &event.at),
            ("received_at", &work.now),
            ("sequence", &event.sequence),
            ("late", &event.late),
            ("planned", &event.planned),
            ("note", &event.note),
            ("body", &&*event.body),
        ])?;
    }
    let (Some(keys), Some(rows)) = (keys.text()?, batch.text()?) else { return Ok(()) };
    // What was set aside under these keys before has been told again.
    let written = sqlx::query!(
        "update quarantine set closed_at = k.value ->> 'admitted_at'
         from jsonb_each(?1) k
         where source = k.value ->> 'source' and event_id = k.value ->> 'event_id' and closed_at is null
            and reason <> 'conflict'",
        keys
    );
    run(&mut *conn, written).await?;
    let written = sqlx::query!(
        "insert into event_keys (source, event_id, content_hash, admitted_at)
         select value ->> 'source', value ->> 'event_id', unhex(value ->> 'content_hash'), value ->> 'admitted_at'
         from jsonb_each(?1)",
        keys
    );
    run(&mut *conn, written).await?;
    let written = sqlx::query!(
        "insert into events (id, source, event_id, name, subject, unit, dossier, occurred_at, received_at, sequence,
            late, planned, note, body)
         select value ->> 'id', value ->> 'source', value ->> 'event_id', value ->> 'name', value ->> 'subject',
            value ->> 'unit', value ->> 'dossier', value ->> 'occurred_at', value ->> 'received_at',
            value ->> 'sequence', value ->> 'late', value ->> 'planned', value ->> 'note', value ->> 'body'
         from jsonb_each(?1)",
        rows
    );
    run(conn, written).await
}

async fn dossiers(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    let mut batch = Batch::new("dossiers");
    for Loaded { row: dossier, change } in changed(work.dossiers.values()) {
        batch.row(&[
            ("is_new", &(*change == Change::Insert)),
            ("id", &dossier.row),
            ("code", &dossier.code.as_str()),
            ("unit", &dossier.unit.as_ref().map(UnitCode::as_str)),
            ("known", &dossier.known),
            ("version", &dossier.version),
            ("sequences", &json(&dossier.sequences)?),
            ("bindings", &json(&dossier.bindings)?),
            ("created_at", &dossier.created_at),
            ("updated_at", &work.now),
        ])?;
    }
    let size = batch.size();
    let Some(rows) = batch.text()? else { return Ok(()) };
    let written = sqlx::query!(
        "insert into dossiers (id, code, unit, known, version, sequences, bindings, created_at, updated_at)
         select value ->> 'id', value ->> 'code', value ->> 'unit', value ->> 'known', value ->> 'version',
            value ->> 'sequences', value ->> 'bindings', value ->> 'created_at', value ->> 'updated_at'
         from jsonb_each(?1)
         where value ->> 'is_new' or value ->> 'id' in (select id from dossiers)
         on conflict (id) do update set
            unit = excluded.unit, known = excluded.known, version = excluded.version,
            sequences = excluded.sequences, bindings = excluded.bindings, updated_at = excluded.updated_at",
        rows
    );
    run_all(conn, written, size).await
}

async fn versions(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    let mut batch = Batch::new("dossier_versions");
    for version in &work.new_versions {
        batch.row(&[
            ("dossier", &version.dossier),
            ("version", &version.version),
            ("event", &version.event),
            ("created_at", &work.now),
            ("state", &&*version.state),
        ])?;
    }
    let Some(rows) = batch.text()? else { return Ok(()) };
    let written = sqlx::query!(
        "insert into dossier_versions (dossier, version, event, created_at, state)
         select value ->> 'dossier', value ->> 'version', value ->> 'event', value ->> 'created_at',
            value ->> 'state' from jsonb_each(?1)",
        rows
    );
    run(conn, written).await
}

async fn aliases(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    let mut batch = Batch::new("aliases");
    for (alias, dossier) in &work.new_aliases {
        batch.row(&[("alias", &alias.as_str()), ("dossier", dossier)])?;
    }
    let Some(rows) = batch.text()? else { return Ok(()) };
    let written = sqlx::query!(
        "insert into aliases (alias, dossier) select value ->> 'alias', value ->> 'dossier' from jsonb_each(?1)",
        rows
    );
    run(conn, written).await
}

async fn payments(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    let mut batch = Batch::new("payments");
    for Loaded { row: payment, change } in changed(work.payments.values()) {
        batch.row(&[
            ("is_new", &(*change == Change::Insert)),
            ("id", &payment.row),
            ("payment_id", &payment.id.as_str()),
            ("dossier", &payment.dossier),
            ("subject", &payment.subject.as_str()),
            ("unit", &payment.unit.as_ref().map(UnitCode::as_str)),
            ("connector", &payment.connector.as_str()),
            ("amount", &payment.amount),
            ("state", &payment.state.number()),
            ("content_hash", &&payment.content_hash[..]),
            ("body", &json(&payment.body)?),
            ("created_at", &payment.created_at),
            ("updated_at", &payment.updated_at),
            ("expires_at", &payment.body.expires_at),
        ])?;
    }
    let size = batch.size();
    let Some(rows) = batch.text()? else { return Ok(()) };
    let written = sqlx::query!(
        "insert into payments (id, payment_id, dossier, subject, unit, connector, amount, state, content_hash, body,
            created_at, updated_at, expires_at)
         select value ->> 'id', value ->> 'payment_id', value ->> 'dossier', value ->> 'subject', value ->> 'unit',
            value ->> 'connector', value ->> 'amount', value ->> 'state', unhex(value ->> 'content_hash'),
            value ->> 'body', value ->> 'created_at', value ->> 'updated_at', value ->> 'expires_at'
         from jsonb_each(?1)
         where value ->> 'is_new' or value ->> 'id' in (select id from payments)
         on conflict (id) do update set
            dossier = excluded.dossier, subject = excluded.subject, unit = excluded.unit,
            connector = excluded.connector, amount = excluded.amount, state = excluded.state,
            content_hash = excluded.content_hash, body = excluded.body, updated_at = excluded.updated_at,
            expires_at = excluded.expires_at",
        rows
    );
    run_all(conn, written, size).await
}

/// All references of changed payments. A reference never goes over to another payment.
async fn references(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    let mut batch = Batch::new("payment_references");
    for Loaded { row: payment, .. } in changed(work.payments.values()) {
        for reference in &payment.references {
            batch.row(&[
                ("connector", &reference.connector.as_str()),
                ("reference", &reference.reference.as_str()),
                ("payment", &payment.row),
                ("state", &reference.state.number()),
                ("sent_at", &reference.sent_at),
                ("pay_url", &reference.pay_url),
                ("platform_ref", &reference.platform_ref),
                ("paid_at", &reference.paid_at),
                ("paid_amount", &reference.paid_amount),
                ("asked_at", &reference.asked_at),
                ("created_at", &reference.created_at),
            ])?;
        }
    }
    let size = batch.size();
    let Some(rows) = batch.text()? else { return Ok(()) };
    let written = sqlx::query!(
        "insert into payment_references (connector, reference, payment, state, sent_at, pay_url, platform_ref,
            paid_at, paid_amount, asked_at, created_at)
         select value ->> 'connector', value ->> 'reference', value ->> 'payment', value ->> 'state',
            value ->> 'sent_at', value ->> 'pay_url', value ->> 'platform_ref', value ->> 'paid_at',
            value ->> 'paid_amount', value ->> 'asked_at', value ->> 'created_at'
         from jsonb_each(?1) where true
         on conflict (connector, reference) do update set
            state = excluded.state, sent_at = excluded.sent_at,
            pay_url = excluded.pay_url, platform_ref = excluded.platform_ref, paid_at = excluded.paid_at,
            paid_amount = excluded.paid_amount, asked_at = excluded.asked_at
         where payment_references.payment = excluded.payment",
        rows
    );
    run_all(conn, written, size).await
}

async fn parcels(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    let mut batch = Batch::new("parcels");
    for Loaded { row: parcel, change } in changed(work.parcels.values()) {
        batch.row(&[
            ("is_new", &(*change == Change::Insert)),
            ("id", &parcel.row),
            ("parcel_id", &parcel.id.as_str()),
            ("dossier", &parcel.dossier),
            ("subject", &parcel.subject.as_str()),
            ("unit", &parcel.unit.as_ref().map(UnitCode::as_str)),
            ("connector", &parcel.connector.as_str()),
            ("direction", &parcel.direction.name()),
            ("order_number", &parcel.order_number.as_str()),
            ("state", &parcel.state.number()),
            ("item_code", &parcel.item_code),
            ("moved_at", &parcel.moved_at),
            ("last_move", &parcel.last_move),
            ("content_hash", &&parcel.content_hash[..]),
            ("body", &json(&parcel.body)?),
            ("created_at", &parcel.created_at),
            ("updated_at", &parcel.updated_at),
        ])?;
    }
    let size = batch.size();
    let Some(rows) = batch.text()? else { return Ok(()) };
    let written = sqlx::query!(
        "insert into parcels (id, parcel_id, dossier, subject, unit, connector, direction, order_number, state,
            item_code, moved_at, last_move, content_hash, body, created_at, updated_at)
         select value ->> 'id', value ->> 'parcel_id', value ->> 'dossier', value ->> 'subject', value ->> 'unit',
            value ->> 'connector', value ->> 'direction', value ->> 'order_number', value ->> 'state',
            value ->> 'item_code', value ->> 'moved_at', value ->> 'last_move',
            unhex(value ->> 'content_hash'), value ->> 'body', value ->> 'created_at', value ->> 'updated_at'
         from jsonb_each(?1)
         where value ->> 'is_new' or value ->> 'id' in (select id from parcels)
         on conflict (id) do update set
            dossier = excluded.dossier, subject = excluded.subject, unit = excluded.unit,
            connector = excluded.connector, direction = excluded.direction, order_number = excluded.order_number,
            state = excluded.state, item_code = excluded.item_code, moved_at = excluded.moved_at,
            last_move = excluded.last_move, content_hash = excluded.content_hash, body = excluded.body,
            updated_at = excluded.updated_at",
        rows
    );
    run_all(conn, written, size).await
}

/// Tracking records; a feed that is read again brings known ones, which change nothing.
async fn moves(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    let mut batch = Batch::new("parcel_moves");
    for (connector, parcel, record) in &work.new_moves {
        batch.row(&[
            ("connector", &connector.as_str()),
            ("record", &record.record),
            ("parcel", parcel),
            ("order_number", &record.order_number),
            ("item_code", &record.item_code),
            ("status_code", &record.status_code),
            ("status", &record.status),
            ("post_office", &record.post_office),
            ("moved_at", &record.at),
            ("notes", &record.notes),
            ("received_at", &work.now),
        ])?;
    }
    let Some(rows) = batch.text()? else { return Ok(()) };
    let written = sqlx::query!(
        "insert into parcel_moves (connector, record, parcel, order_number, item_code, status_code, status,
            post_office, moved_at, notes, received_at)
         select value ->> 'connector', value ->> 'record', value ->> 'parcel', value ->> 'order_number',
            value ->> 'item_code', value ->> 'status_code', value ->> 'status', value ->> 'post_office',
            value ->> 'moved_at', value ->> 'notes', value ->> 'received_at'
         from jsonb_each(?1) where true
         on conflict (connector, record) do nothing",
        rows
    );
    run(conn, written).await
}
async fn callbacks(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    let mut batch = Batch::new("callbacks");
    for verdict in &work.callbacks {
        batch.row(&[
            ("id", &verdict.callback),
            ("identity", &verdict.identity),
            ("verdict", &verdict.verdict),
            ("judged_at", &work.now),
        ])?;
    }
    let Some(rows) = batch.text()? else { return Ok(()) };
    let written = sqlx::query!(
        "update callbacks set
            identity = n.value ->> 'identity', verdict = n.value ->> 'verdict', judged_at = n.value ->> 'judged_at'
         from jsonb_each(?1) n
         where callbacks.id = n.value ->> 'id'",
        rows
    );
    run(conn, written).await
}

async fn cursors(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    let mut batch = Batch::new("cursors");
    for (name, cursor) in &work.cursors {
        batch.row(&[("name", name), ("cursor", cursor), ("updated_at", &work.now)])?;
    }
    let Some(rows) = batch.text()? else { return Ok(()) };
    let written = sqlx::query!(
        "insert into cursors (name, cursor, fence, updated_at)
         select value ->> 'name', value ->> 'cursor', 0, value ->> 'updated_at' from jsonb_each(?1) where true
         on conflict (name) do update set cursor = excluded.cursor, updated_at = excluded.updated_at",
        rows
    );
    run(conn, written).await
}

/// Out-events get their numbers here, in the order of the decision.
async fn outbox(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    let mut batch = Batch::new("outbox");
    for event in &work.outbox {
        batch.row(&[
            ("name", &event.name),
            ("subject", &event.subject),
            ("unit", &event.unit.as_ref().map(UnitCode::as_str)),
            ("event_id", &event.id),
            ("data", &json(&event.data)?),
            ("at", &event.at),
        ])?;
    }
    let Some(rows) = batch.text()? else { return Ok(()) };
    let written = sqlx::query!(
        "insert into outbox (name, subject, unit, event_id, data, at)
         select value ->> 'name', value ->> 'subject', value ->> 'unit', value ->> 'event_id', value ->> 'data',
            value ->> 'at'
         from jsonb_each(?1) order by key",
        rows
    );
    run(conn, written).await
}

async fn ledger(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    let delta = &work.ledger;
    if delta.is_zero() {
        return Ok(());
    }
    let written = sqlx::query!(
        "insert into ledger_deltas (received, admitted, duplicate, quarantined, planned, succeeded, refused,
            superseded, dismissed)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        delta.received,
        delta.admitted,
        delta.duplicate,
        delta.quarantined,
        delta.planned,
        delta.succeeded,
        delta.refused,
        delta.superseded,
        delta.dismissed
    );
    run(conn, written).await
}

async fn audit(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    let mut batch = Batch::new("audit");
    for (actor, deed, subject) in &work.audit {
        batch.row(&[("at", &work.now), ("actor", actor), ("deed", deed), ("subject", subject)])?;
    }
    let Some(rows) = batch.text()? else { return Ok(()) };
    let written = sqlx::query!(
        "insert into audit (at, actor, deed, subject)
         select value ->> 'at', value ->> 'actor', value ->> 'deed', value ->> 'subject' from jsonb_each(?1) order by key",
        rows
    );
    run(conn, written).await
}
