//! A code means one dossier: as its own code or as an alias of another one. No constraint spans both tables: codes of their
//! own are unique, and so are aliases, so what must not happen at the same time is that one unit adds a code and another
//! the same as an alias. Whoever writes them looks once more behind this lock ([`crate::write`]). SQLite has one writer anyway.

use lienthong_core::port::{
    store::StoreError,
    work::{Change, Work},
};
use sqlx::PgConnection;

use crate::error::store_error;

/// Waits until no unit is adding aliases; one that adds aliases itself, until none is adding any codes. Until the commit
/// none will. Units that add only dossiers do so side by side.
pub(crate) async fn add_alone(conn: &mut PgConnection, work: &Work) -> Result<(), StoreError> {
    let lock = if !work.new_aliases.is_empty() {
        sqlx::query!("select pg_advisory_xact_lock(hashtextextended('lienthong.codes', 0))")
    } else if work.dossiers.values().any(|d| d.change == Change::Insert) {
        sqlx::query!("select pg_advisory_xact_lock_shared(hashtextextended('lienthong.codes', 0))")
    } else {
        return Ok(());
    };
    lock.execute(conn).await.map_err(store_error).map(drop)
}
