//! The console's own files, inside the binary. Addresses carry a hash, so that browsers may keep them for ever.

use axum::{
    Router,
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use rust_embed::RustEmbed;
use std::fmt::Write as _;

use super::{AppState, error::ApiError};

#[derive(RustEmbed)]
#[folder = "assets"]
struct Files;

/// Where the files are.
pub fn routes() -> Router<AppState> {
    Router::new().route("/assets/{hash}/{name}", get(file))
}

/// A file's address.
pub fn address(name: &str) -> String {
    let mut hash = String::new();
    if let Some(file) = Files::get(name) {
        for byte in &file.metadata.sha256_hash()[..6] {
            if write!(hash, "{byte:02x}").is_err() {
                break;
            }
        }
    }
    format!("/assets/{hash}/{name}")
}

async fn file(Path((_, name)): Path<(String, String)>) -> Response {
    match Files::get(&name) {
        Some(file) => (
            [
                (header::CONTENT_TYPE, file.metadata.mimetype().to_owned()),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned()),
            ],
            file.data.into_owned(),
        )
            .into_response(),
        None => ApiError::new(StatusCode::NOT_FOUND, "no_such_address").into_response(),
    }
}
