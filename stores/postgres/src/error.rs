//! From the driver's errors to the store's: by what the caller has to do, never by what the driver calls it.

use lienthong_core::port::store::StoreError;
use sqlx::error::DatabaseError;
use std::fmt::Display;

/// Constraints that only a concurrent insert can violate: the whole unit of work is repeated and then finds the row.
const RACES: [&str; 11] = [
    "dossiers_code_key",
    "lanes_key_connector_key",
    "payments_payment_id_key",
    "aliases_pkey",
    "event_keys_pkey",
    "callbacks_applied",
    "operations_open",
    "parcels_parcel_id_key",
    "parcels_order_key",
    "inbound_pkey",
    "discrepancies_open",
];

/// What an error of the driver asks for.
pub(crate) fn store_error(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Database(told) => of_server(told.as_ref()),
        // Something of this unit's content that cannot be written or read: repeating changes nothing.
        sqlx::Error::Encode(_)
        | sqlx::Error::Decode(_)
        | sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::TypeNotFound { .. }
        | sqlx::Error::InvalidArgument(_) => StoreError::Rejected(error.to_string()),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

fn of_server(told: &dyn DatabaseError) -> StoreError {
    let code = told.code().unwrap_or_default();
    let text = match told.constraint() {
        Some(constraint) => format!("{} ({code}, {constraint})", told.message()),
        None => format!("{} ({code})", told.message()),
    };
    match (code.as_ref(), told.constraint()) {
        // 40: serialisation failure, deadlock; 55P03: lock not available.
        (c, _) if c.starts_with("40") || c == "55P03" => StoreError::Contended(text),
        ("23505", Some(constraint)) if RACES.contains(&constraint) => StoreError::Contended(text),
        _ if is_of_server(&code) => StoreError::Unavailable(text),
        _ => StoreError::Rejected(text),
    }
}

/// Classes that say nothing about the content: connection (08), a server that became a standby (25), credentials (28),
/// database gone (3D), a schema that is not ours yet (42), resources and disk (53), intervention, shutdown and
/// statement time-out (57), the machine below (58), configuration (F0), defects and damage (XX).
fn is_of_server(code: &str) -> bool {
    ["08", "25", "28", "3D", "42", "53", "57", "58", "F0", "XX"].iter().any(|class| code.starts_with(class))
}

/// Maps the error of a migration: the schema is not what this program needs.
pub(crate) fn migrate_error(error: sqlx::migrate::MigrateError) -> StoreError {
    StoreError::Unavailable(format!("the migration of the store failed: {error}"))
}

/// A row that cannot be read back.
pub(crate) fn unreadable(table: &str, id: impl Display, column: &str, why: impl Display) -> StoreError {
    StoreError::Rejected(format!("table {table}, row {id}, column {column} cannot be read back: {why}"))
}

/// An update that did not find all its rows: somebody else took them, or they never were.
pub(crate) fn missing_rows(table: &str, wanted: u64, found: u64) -> StoreError {
    StoreError::Contended(format!("table {table}: {wanted} rows to update, {found} found"))
}
