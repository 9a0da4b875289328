//! Dossiers that go into others: what the unit of work did not load of theirs, then their rows. What it did load is
//! written after this by whoever writes it.

use lienthong_core::port::{
    store::StoreError,
    work::{Merge, Work},
};
use sqlx::SqliteConnection;

use crate::write::run;

/// Writes all merges of a unit, of which there are hardly ever any.
pub(crate) async fn write(conn: &mut SqliteConnection, work: &Work) -> Result<(), StoreError> {
    for Merge { from, into, code } in &work.merged {
        let (from, into, code) = (*from, *into, code.to_string());
        run(&mut *conn, sqlx::query!("update events set dossier = ?2 where dossier = ?1", from, into))
            .await?;
        // The versions that they carried go away.
        let ended = sqlx::query!(
            "update operations set dossier = ?2, subject = ?3, version = null where dossier = ?1",
            from,
            into,
            code
        );
        run(&mut *conn, ended).await?;
        run(&mut *conn, sqlx::query!("update aliases set dossier = ?2 where dossier = ?1", from, into))
            .await?;
        run(&mut *conn, sqlx::query!("delete from dossier_versions where dossier = ?1", from)).await?;
        run(&mut *conn, sqlx::query!("delete from dossiers where id = ?1", from)).await?;
    }
    Ok(())
}
