//! `GET /v1/files/{id}`: a file that a partner sent, as it came. Never shown in the browser: it is somebody else's content.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use lienthong_core::port::inbound::FileState;

use super::Number;
use crate::http::{AppState, console::words::percent, error::ApiError};

/// The content, or why there is none.
pub async fn show(State(state): State<AppState>, Number(id): Number) -> Result<Response, ApiError> {
    let found = state.engine.store.file(id).await?;
    let Some((file, content)) = found else {
        return Err(ApiError::not_found("no_such_file", id.to_string()));
    };
    let content = match (file.state, content) {
        (FileState::Stored, Some(content)) => content,
        (FileState::Waiting, _) => {
            return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "file_waiting"));
        }
        (FileState::Stored | FileState::Failed | FileState::Refused, _) => {
            return Err(ApiError::new(StatusCode::GONE, "file_not_here"));
        }
    };
    let media_type = file.media_type.as_deref().unwrap_or("application/octet-stream");
    let mut response = content.into_response();
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(media_type) {
        headers.insert(header::CONTENT_TYPE, value);
    }
    // RFC 6266 with RFC 8187: names are Vietnamese.
    let name = percent(&file.name.replace(['/', '\\'], "_"));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename*=UTF-8''{name}")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}
