//! Everything about one dossier.

use lienthong_core::{
    dossier::DossierState,
    id::DossierCode,
    parcel::ParcelState,
    payment::PaymentState,
    port::{
        store::StoreError,
        views::{EventView, ParcelView, PaymentView, ReferenceView, Timeline},
    },
};
use sqlx::SqliteConnection;
use std::collections::HashMap;

use super::operations::{attempts, of_dossier};
use crate::{
    error::store_error,
    rows::{At, json},
};

/// A dossier by code or alias; a code of its own goes before an alias of another dossier.
pub(crate) async fn timeline(
    conn: &mut SqliteConnection,
    code: &str,
) -> Result<Option<Timeline>, StoreError> {
    let row = sqlx::query!(
        r#"
        select d.id as "id!", d.code, d.known as "known!: bool", d.unit, d.version,
            (select v.state from dossier_versions v where v.dossier = d.id and v.version = d.version) as "state?"
        from dossiers d
        where d.id = coalesce((select c.id from dossiers c where c.code = ?1),
            (select a.dossier from aliases a where a.alias = ?1))
        "#,
        code,
    )
    .fetch_optional(&mut *conn)
    .await
    .map_err(store_error)?;
    let Some(row) = row else { return Ok(None) };
    let at = At::new("dossiers", &row.id);
    let state = match row.state {
        Some(state) => state,
        None if row.version == 0 => json(&DossierState::new(at.parse::<DossierCode>("code", &row.code)?))?,
        None => return Err(at.unreadable("version", format!("{} has no state", row.version))),
    };
    let aliases = sqlx::query_scalar!("select alias from aliases where dossier = ?1 order by alias", row.id)
        .fetch_all(&mut *conn)
        .await
        .map_err(store_error)?;
    let operations = of_dossier(conn, row.id).await?;
    let numbers: Vec<i64> = operations.iter().map(|o| o.id).collect();
    Ok(Some(Timeline {
        code: row.code,
        aliases,
        known: row.known,
        unit: row.unit,
        version: row.version,
        state,
        events: events(conn, row.id).await?,
        attempts: attempts(conn, &numbers).await?,
        operations,
        payments: payments(conn, row.id).await?,
        parcels: parcels(conn, row.id).await?,
    }))
}

async fn events(conn: &mut SqliteConnection, dossier: i64) -> Result<Vec<EventView>, StoreError> {
    sqlx::query_as!(
        EventView,
        r#"select id as row, source, event_id as id, name, sequence, late as "late!: bool", occurred_at as at_us,
            received_at as received_us, planned as "planned!: i32", note, body
        from events where dossier = ?1
        order by events.received_at, events.id"#,
        dossier,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)
}

async fn payments(conn: &mut SqliteConnection, dossier: i64) -> Result<Vec<PaymentView>, StoreError> {
    let rows = sqlx::query!(
        r#"select r.payment, r.reference, r.state as "state!: i16", r.pay_url, r.platform_ref, r.paid_at
        from payments p join payment_references r on r.payment = p.id
        where p.dossier = ?1
        order by r.payment, r.created_at, r.reference"#,
        dossier,
    )
    .fetch_all(&mut *conn)
    .await
    .map_err(store_error)?;
    let mut references: HashMap<i64, Vec<ReferenceView>> = HashMap::new();
    for row in rows {
        references.entry(row.payment).or_default().push(ReferenceView {
            reference: row.reference,
            state: row.state,
            pay_url: row.pay_url,
            platform_ref: row.platform_ref,
            paid_us: row.paid_at,
        });
    }
    let rows = sqlx::query!(
        r#"select id as "id!", payment_id, connector, amount, state as "state!: i16", updated_at
        from payments where dossier = ?1
        order by id"#,
        dossier,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    let payments = rows.into_iter().map(|row| {
        let at = At::new("payments", &row.id);
        Ok(PaymentView {
            id: row.payment_id,
            connector: row.connector,
            amount: row.amount,
            state: at.known("state", row.state, PaymentState::from_number(row.state))?.name().to_owned(),
            updated_us: row.updated_at,
            references: references.remove(&row.id).unwrap_or_default(),
        })
    });
    payments.collect()
}

async fn parcels(conn: &mut SqliteConnection, dossier: i64) -> Result<Vec<ParcelView>, StoreError> {
    let rows = sqlx::query!(
        r#"select id as "id!", parcel_id, connector, order_number, direction, state as "state!: i16", item_code,
            moved_at, last_move, updated_at
        from parcels where dossier = ?1
        order by id"#,
        dossier,
    )
    .fetch_all(conn)
    .await
    .map_err(store_error)?;
    let parcels = rows.into_iter().map(|row| {
        let at = At::new("parcels", &row.id);
        Ok(ParcelView {
            id: row.parcel_id,
            connector: row.connector,
            order_number: row.order_number,
            direction: row.direction,
            state: at.known("state", row.state, ParcelState::from_number(row.state))?.name().to_owned(),
            item_code: row.item_code,
            moved_us: row.moved_at,
            last_move: row.last_move,
            updated_us: row.updated_at,
        })
    });
    parcels.collect()
}
