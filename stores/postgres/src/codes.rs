//! A code means one dossier: as its own code or as an alias of another one. No constraint spans both tables, so units
//! that add codes do it one after the other and look once more before they commit. SQLite has one writer anyway.

use lienthong_core::port::{
    store::StoreError,
    work::{Change, Work},
};
use sqlx::PgConnection;

use crate::error::store_error;

fn added(work: &Work) -> Vec<&str> {
    let dossiers = work.dossiers.values().filter(|d| d.change == Change::Insert).map(|d| d.row.code.as_str());
    dossiers.chain(work.new_aliases.iter().map(|(alias, _)| alias.as_str())).collect()
}

/// Waits until no other unit is adding codes; until the commit, no other one will.
pub(crate) async fn add_alone(conn: &mut PgConnection, work: &Work) -> Result<(), StoreError> {
    if added(work).is_empty() {
        return Ok(());
    }
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('lienthong.codes', 0))")
        .execute(conn)
        .await
        .map_err(store_error)
        .map(drop)
}

/// Whether somebody gave one of the new codes another meaning since they were looked for: then all is to be repeated.
pub(crate) async fn mean_one_dossier(conn: &mut PgConnection, work: &Work) -> Result<(), StoreError> {
    let codes = added(work);
    if codes.is_empty() {
        return Ok(());
    }
    let taken = sqlx::query_scalar!(
        "select a.alias from aliases a
        where a.alias = any($1) and exists (select from dossiers d where d.code = a.alias and d.id <> a.dossier)
        limit 1",
        &codes as _,
    )
    .fetch_optional(conn)
    .await
    .map_err(store_error)?;
    match taken {
        None => Ok(()),
        Some(code) => {
            Err(StoreError::Contended(format!("{code} became a dossier's own code and another's alias")))
        }
    }
}
