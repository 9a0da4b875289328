//! From driver errors to [`StoreError`], by reaction: try later, try again, never. Nothing here decides what to do.

use lienthong_core::port::store::StoreError;
use std::fmt::Display;

/// Unique constraints that a concurrent insert can hit; SQLite names the columns, not the constraint.
/// In order: `dossiers_code_key`, `lanes_connector_key_key`, `payments_payment_id_key`, `aliases_pkey`,
/// `event_keys_pkey`, `callbacks_applied`, `operations_open`, `parcels_parcel_id_key`, `parcels_order_key`,
/// `inbound_pkey`, `discrepancies_open`.
const RACES: [&str; 11] = [
    "dossiers.code",
    "lanes.connector, lanes.key",
    "payments.payment_id",
    "aliases.alias",
    "event_keys.source, event_keys.event_id",
    "callbacks.identity",
    "operations.lane, operations.position",
    "parcels.parcel_id",
    "parcels.connector, parcels.order_number",
    "inbound.connector, inbound.identity",
    "discrepancies.connector, discrepancies.kind, discrepancies.key",
];

/// SQLite's primary result codes (<https://www.sqlite.org/rescode.html>) that say nothing about the content: no
/// permission, busy, locked, out of memory, read-only, interrupted, I/O, corrupt, disk full, cannot open, protocol,
/// schema, no large files, not a database.
const UNAVAILABLE: [i64; 14] = [3, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 17, 22, 26];

/// Maps a driver error.
pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(database) => {
            let code = database.code().and_then(|c| c.parse::<i64>().ok()).unwrap_or_default();
            let said = database.message().to_owned();
            if database.is_unique_violation() {
                unique_violation(said)
            } else if UNAVAILABLE.contains(&(code & 0xff)) || said.starts_with("no such ") {
                // "no such table", "no such column": not migrated; the content is not to blame.
                StoreError::Unavailable(format!("SQLite {code}: {said}"))
            } else {
                StoreError::Rejected(format!("SQLite {code}: {said}"))
            }
        }
        error @ (sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::Configuration(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed) => StoreError::Unavailable(error.to_string()),
        error => StoreError::Rejected(error.to_string()),
    }
}

fn unique_violation(said: String) -> StoreError {
    let columns = said.rsplit_once("failed: ").map_or(said.as_str(), |(_, columns)| columns);
    if RACES.contains(&columns) { StoreError::Contended(said) } else { StoreError::Rejected(said) }
}

/// Maps the error of a migration: the schema is not what this program needs.
pub(crate) fn migrate_error(error: sqlx::migrate::MigrateError) -> StoreError {
    StoreError::Unavailable(format!("the migration of the store failed: {error}"))
}

/// The answer of a store that was closed.
pub(crate) fn closed() -> StoreError {
    StoreError::Unavailable("it was closed".into())
}

/// A row that cannot be read back.
pub(crate) fn unreadable(table: &str, id: impl Display, column: &str, why: impl Display) -> StoreError {
    StoreError::Rejected(format!("table {table}, row {id}, column {column} cannot be read back: {why}"))
}

/// An update that did not find all its rows: somebody else took them, or they never were.
pub(crate) fn missing_rows(table: &str, wanted: u64, found: u64) -> StoreError {
    StoreError::Contended(format!("table {table}: {wanted} rows to update, {found} found"))
}
