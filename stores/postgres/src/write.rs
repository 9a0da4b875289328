//! Writes what a decision changed: one statement per kind of row, and one for most of what is new, whatever the number of
//! rows. Columns go over as arrays
//! and come together again in `unnest`; arrays are bound `as _` because the macros cannot check nullable elements.

mod new;
mod operations;

use lienthong_core::{
    id::RowId,
    payment::{PaymentRecord, ReferenceRecord},
    port::{
        store::StoreError,
        work::{Change, Work},
    },
};
use sqlx::{PgConnection, Postgres, postgres::PgArguments, query::Query};

use self::operations::{change, edits, past_attempts};
use crate::{
    catalogue, codes,
    error::{missing_rows, store_error},
    inbound, incidents, installation, merge, partner, reconciliation, replays,
    rows::{changed, col, fresh, json_col, of_change, us, us_if},
};

pub(crate) type Result<T> = std::result::Result<T, StoreError>;
type Statement<'a> = Query<'a, Postgres, PgArguments>;

/// Writes everything. The order matters: dossiers that go into others leave their codes, and ended operations their places,
/// before new rows take them; and the outbox comes last, because it takes a lock that all share.
pub(crate) async fn write(conn: &mut PgConnection, work: &Work) -> Result<()> {
    codes::add_alone(conn, work).await?;
    incidents::quarantine(conn, work).await?;
    update_dossiers(conn, work).await?;
    merge::write(conn, work).await?;
    payments(conn, work).await?;
    parcels(conn, work).await?;
    change(conn, work).await?;
    new::insert(conn, work).await?;
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

pub(crate) async fn run(conn: &mut PgConnection, written: Statement<'_>) -> Result<()> {
    written.execute(conn).await.map_err(store_error).map(drop)
}

/// Runs a statement that has to find or make all its rows.
async fn run_all(conn: &mut PgConnection, written: Statement<'_>, table: &str, wanted: usize) -> Result<()> {
    let found = written.execute(conn).await.map_err(store_error)?.rows_affected();
    if found == wanted as u64 { Ok(()) } else { Err(missing_rows(table, wanted as u64, found)) }
}

async fn update_dossiers(conn: &mut PgConnection, work: &Work) -> Result<()> {
    let rows = &of_change(work.dossiers.values(), Change::Update);
    if rows.is_empty() {
        return Ok(());
    }
    let written = sqlx::query!(
        "update dossiers d set unit = n.unit, known = n.known, version = n.version, sequences = n.sequences,
            bindings = n.bindings, updated_at = $7::bigint
        from unnest($1::bigint[], $2::text[], $3::boolean[], $4::bigint[], $5::text[], $6::text[])
            as n(id, unit, known, version, sequences, bindings)
        where d.id = n.id",
        &col(rows, |d| d.row) as _,
        &col(rows, |d| d.unit.as_ref().map(lienthong_core::id::UnitCode::as_str)) as _,
        &col(rows, |d| d.known) as _,
        &col(rows, |d| d.version) as _,
        &json_col(rows, |d| &d.sequences)? as _,
        &json_col(rows, |d| &d.bindings)? as _,
        us(work.now),
    );
    run_all(conn, written, "dossiers", rows.len()).await
}

async fn payments(conn: &mut PgConnection, work: &Work) -> Result<()> {
    let rows = changed(work.payments.values());
    if rows.is_empty() {
        return Ok(());
    }
    let written = sqlx::query!(
        "insert into payments (id, payment_id, dossier, subject, unit, connector, amount, state, content_hash, body,
            created_at, updated_at, expires_at)
        select p.*
        from unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bigint[],
            $8::smallint[], $9::bytea[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[]) as p(id)
        where p.id = any($14::bigint[] || array(select o.id from payments o where o.id = any($1)))
        on conflict (id) do update set dossier = excluded.dossier, subject = excluded.subject, unit = excluded.unit,
            connector = excluded.connector, amount = excluded.amount, state = excluded.state,
            content_hash = excluded.content_hash, body = excluded.body, updated_at = excluded.updated_at,
            expires_at = excluded.expires_at",
        &col(&rows, |p| p.row) as _,
        &col(&rows, |p| p.id.as_str()) as _,
        &col(&rows, |p| p.dossier) as _,
        &col(&rows, |p| p.subject.as_str()) as _,
        &col(&rows, |p| p.unit.as_ref().map(lienthong_core::id::UnitCode::as_str)) as _,
        &col(&rows, |p| p.connector.as_str()) as _,
        &col(&rows, |p| p.amount) as _,
        &col(&rows, |p| p.state.number()) as _,
        &col(&rows, |p| &p.content_hash[..]) as _,
        &json_col(&rows, |p| &*p.body)? as _,
        &col(&rows, |p| us(p.created_at)) as _,
        &col(&rows, |p| us(p.updated_at)) as _,
        &col(&rows, |p| us_if(p.body.expires_at)) as _,
        &fresh(work.payments.values(), |p| p.row) as _,
    );
    run_all(conn, written, "payments", rows.len()).await?;
    references(conn, &rows).await
}

/// All openings of the changed payments. One never goes over to another payment.
async fn references(conn: &mut PgConnection, payments: &[&PaymentRecord]) -> Result<()> {
    let rows: Vec<(RowId, &ReferenceRecord)> =
        payments.iter().flat_map(|p| p.references.iter().map(|r| (p.row, r))).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let written = sqlx::query!(
        "insert into payment_references (connector, reference, payment, state, sent_at, pay_url, platform_ref, paid_at,
            paid_amount, asked_at, created_at)
        select r.*
        from unnest($1::text[], $2::text[], $3::bigint[], $4::smallint[], $5::text[], $6::text[], $7::text[],
            $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[]) as r
        on conflict (connector, reference) do update set state = excluded.state, sent_at = excluded.sent_at,
            pay_url = excluded.pay_url, platform_ref = excluded.platform_ref, paid_at = excluded.paid_at,
            paid_amount = excluded.paid_amount, asked_at = excluded.asked_at
        where payment_references.payment = excluded.payment",
        &col(&rows, |(_, r)| r.connector.as_str()) as _,
        &col(&rows, |(_, r)| r.reference.as_str()) as _,
        &col(&rows, |(payment, _)| *payment) as _,
        &col(&rows, |(_, r)| r.state.number()) as _,
        &col(&rows, |(_, r)| r.sent_at.as_str()) as _,
        &col(&rows, |(_, r)| r.pay_url.as_deref()) as _,
        &col(&rows, |(_, r)| r.platform_ref.as_deref()) as _,
        &col(&rows, |(_, r)| us_if(r.paid_at)) as _,
        &col(&rows, |(_, r)| r.paid_amount) as _,
        &col(&rows, |(_, r)| us_if(r.asked_at)) as _,
        &col(&rows, |(_, r)| us(r.created_at)) as _,
    );
    run_all(conn, written, "payment_references", rows.len()).await
}

async fn parcels(conn: &mut PgConnection, work: &Work) -> Result<()> {
    let rows = changed(work.parcels.values());
    if rows.is_empty() {
        return Ok(());
    }
    let written = sqlx::query!(
        "insert into parcels (id, parcel_id, dossier, subject, unit, connector, direction, order_number, state,
            item_code, moved_at, last_move, content_hash, body, created_at, updated_at)
        select p.*
        from unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::smallint[], $10::text[], $11::bigint[], $12::text[], $13::bytea[], $14::text[], $15::bigint[],
            $16::bigint[]) as p(id)
        where p.id = any($17::bigint[] || array(select o.id from parcels o where o.id = any($1)))
        on conflict (id) do update set dossier = excluded.dossier, subject = excluded.subject, unit = excluded.unit,
            connector = excluded.connector, direction = excluded.direction, order_number = excluded.order_number,
            state = excluded.state, item_code = excluded.item_code, moved_at = excluded.moved_at,
            last_move = excluded.last_move, content_hash = excluded.content_hash, body = excluded.body,
            updated_at = excluded.updated_at",
        &col(&rows, |p| p.row) as _,
        &col(&rows, |p| p.id.as_str()) as _,
        &col(&rows, |p| p.dossier) as _,
        &col(&rows, |p| p.subject.as_str()) as _,
        &col(&rows, |p| p.unit.as_ref().map(lienthong_core::id::UnitCode::as_str)) as _,
        &col(&rows, |p| p.connector.as_str()) as _,
        &col(&rows, |p| p.direction.name()) as _,
        &col(&rows, |p| p.order_number.as_str()) as _,
        &col(&rows, |p| p.state.number()) as _,
        &col(&rows, |p| p.item_code.as_deref()) as _,
        &col(&rows, |p| us_if(p.moved_at)) as _,
        &col(&rows, |p| p.last_move.as_deref()) as _,
        &col(&rows, |p| &p.content_hash[..]) as _,
        &json_col(&rows, |p| &*p.body)? as _,
        &col(&rows, |p| us(p.created_at)) as _,
        &col(&rows, |p| us(p.updated_at)) as _,
        &fresh(work.parcels.values(), |p| p.row) as _,
    );
    run_all(conn, written, "parcels", rows.len()).await
}

async fn moves(conn: &mut PgConnection, work: &Work) -> Result<()> {
    let rows = &work.new_moves;
    if rows.is_empty() {
        return Ok(());
    }
    let written = sqlx::query!(
        "insert into parcel_moves (connector, record, parcel, order_number, item_code, status_code, status, post_office,
            moved_at, notes, received_at)
        select m.*, $11::bigint
        from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[],
            $9::bigint[], $10::text[]) as m
        on conflict (connector, record) do nothing",
        &col(rows, |(connector, ..)| connector.as_str()) as _,
        &col(rows, |(.., m)| m.record.as_str()) as _,
        &col(rows, |(_, parcel, _)| *parcel) as _,
        &col(rows, |(.., m)| m.order_number.as_str()) as _,
        &col(rows, |(.., m)| m.item_code.as_str()) as _,
        &col(rows, |(.., m)| m.status_code) as _,
        &col(rows, |(.., m)| m.status.as_str()) as _,
        &col(rows, |(.., m)| m.post_office.as_str()) as _,
        &col(rows, |(.., m)| us(m.at)) as _,
        &col(rows, |(.., m)| m.notes.as_str()) as _,
        us(work.now),
    );
    run(conn, written).await
}

async fn callbacks(conn: &mut PgConnection, work: &Work) -> Result<()> {
    let rows = &work.callbacks;
    if rows.is_empty() {
        return Ok(());
    }
    let written = sqlx::query!(
        "update callbacks c set identity = v.identity, verdict = v.verdict, judged_at = $4
        from unnest($1::bigint[], $2::text[], $3::text[]) as v(id, identity, verdict)
        where c.id = v.id",
        &col(rows, |c| c.callback) as _,
        &col(rows, |c| c.identity.as_deref()) as _,
        &col(rows, |c| c.verdict.as_str()) as _,
        us(work.now),
    );
    run(conn, written).await
}

async fn cursors(conn: &mut PgConnection, work: &Work) -> Result<()> {
    let rows = &work.cursors;
    if rows.is_empty() {
        return Ok(());
    }
    let written = sqlx::query!(
        "insert into cursors (name, cursor, fence, updated_at)
        select c.name, c.cursor, 0, $3::bigint from unnest($1::text[], $2::text[]) as c(name, cursor) order by c.name
        on conflict (name) do update set cursor = excluded.cursor, updated_at = excluded.updated_at",
        &col(rows, |(name, _)| name.as_str()) as _,
        &col(rows, |(_, cursor)| cursor.as_str()) as _,
        us(work.now),
    );
    run(conn, written).await
}

async fn outbox(conn: &mut PgConnection, work: &Work) -> Result<()> {
    let rows = &work.outbox;
    if rows.is_empty() {
        return Ok(());
    }
    // Numbers have to appear in their order, or a reader's cursor passes one that commits later. A number is drawn only
    // by the one transaction that holds this lock, and the lock outlives the commit's becoming visible. Taken last: who
    // holds it waits for nothing any more. (A bound by the oldest running transaction id does not do: the older id may
    // draw the higher number.)
    run(conn, sqlx::query!("select pg_advisory_xact_lock(hashtextextended('lienthong.outbox', 0))")).await?;
    let written = sqlx::query!(
        "insert into outbox (name, subject, unit, event_id, data, at)
        select e.name, e.subject, e.unit, e.event_id, e.data, e.at
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[]) with ordinality
            as e(name, subject, unit, event_id, data, at, place)
        order by e.place",
        &col(rows, |e| e.name.as_str()) as _,
        &col(rows, |e| e.subject.as_str()) as _,
        &col(rows, |e| e.unit.as_ref().map(lienthong_core::id::UnitCode::as_str)) as _,
        &col(rows, |e| e.id.as_str()) as _,
        &col(rows, |e| e.data.to_string()) as _,
        &col(rows, |e| us(e.at)) as _,
    );
    run(conn, written).await
}

async fn ledger(conn: &mut PgConnection, work: &Work) -> Result<()> {
    let d = &work.ledger;
    if d.is_zero() {
        return Ok(());
    }
    let written = sqlx::query!(
        "insert into ledger_deltas (received, admitted, duplicate, quarantined, planned, succeeded, refused, superseded,
            dismissed)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        d.received,
        d.admitted,
        d.duplicate,
        d.quarantined,
        d.planned,
        d.succeeded,
        d.refused,
        d.superseded,
        d.dismissed,
    );
    run(conn, written).await
}

async fn audit(conn: &mut PgConnection, work: &Work) -> Result<()> {
    let rows = &work.audit;
    if rows.is_empty() {
        return Ok(());
    }
    let written = sqlx::query!(
        "insert into audit (at, actor, deed, subject)
        select $4::bigint, a.actor, a.deed, a.subject
        from unnest($1::text[], $2::text[], $3::text[]) with ordinality as a(actor, deed, subject, n) order by a.n",
        &col(rows, |(actor, ..)| actor.as_str()) as _,
        &col(rows, |(_, deed, _)| deed.as_str()) as _,
        &col(rows, |(.., subject)| subject.as_str()) as _,
        us(work.now),
    );
    run(conn, written).await
}
