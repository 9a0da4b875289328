//! Dossiers that go into others: what the unit of work did not load of theirs, then their rows. What it did load is
//! written after this by whoever writes it.

use lienthong_core::port::work::{Merge, Work};
use sqlx::PgConnection;

use crate::write::{Result, run};

/// Writes all merges of a unit, of which there are hardly ever any.
pub(crate) async fn write(conn: &mut PgConnection, work: &Work) -> Result<()> {
    for Merge { from, into, code } in &work.merged {
        run(conn, sqlx::query!("update events set dossier = $2 where dossier = $1", from, into)).await?;
        // The versions that they carried go away.
        let ended = sqlx::query!(
            "update operations set dossier = $2, subject = $3, version = null where dossier = $1",
            from,
            into,
            code.as_str(),
        );
        run(conn, ended).await?;
        run(conn, sqlx::query!("update aliases set dossier = $2 where dossier = $1", from, into)).await?;
        run(conn, sqlx::query!("delete from dossier_versions where dossier = $1", from)).await?;
        run(conn, sqlx::query!("delete from dossiers where id = $1", from)).await?;
    }
    Ok(())
}
