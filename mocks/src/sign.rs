//! SHA-256 signatures as the payment platform makes them: values joined by pipes, the secret last.

use aws_lc_rs::{constant_time, digest};
use std::fmt::Write as _;

/// Hex, lower case, of the SHA-256 of `bytes`.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, bytes);
    hash.as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
        if write!(hex, "{byte:02x}").is_err() {
            tracing::error!("writing to a string failed");
        }
        hex
    })
}

/// The signature of `values` under `secret`.
pub(crate) fn pipes(values: &[&str], secret: &str) -> String {
    sha256_hex(format!("{}|{secret}", values.join("|")).as_bytes())
}

/// Compares without telling by its duration where two signatures differ.
pub(crate) fn same(left: &str, right: &str) -> bool {
    constant_time::verify_slices_are_equal(left.as_bytes(), right.as_bytes()).is_ok()
}
