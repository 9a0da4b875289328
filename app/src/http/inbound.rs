//! What partners send by themselves. No token of ours: each connector's own settings say who may send. The sender is judged
//! before the body is read; the engine does the rest, and this file only carries bytes there and back.

use axum::{
    Router,
    body::to_bytes,
    extract::{ConnectInfo, Path, Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use lienthong_core::{
    flow::inbound::{self, Admission},
    id::ConnectorId,
    port::{
        connector::CallbackRequest,
        inbound::{InboundRequest, InboundResult},
    },
};
use std::net::SocketAddr;

use super::{AppState, callbacks::exactly, edge::elsewhere, error::ApiError};

/// `/inbound/{connector}/…`, and the adapters' own prefixes, which have no place for a connector's name.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/inbound/{connector}/{*path}", post(named))
        .route("/XrdAdapter/RestService/forward/{*path}", post(forwarded))
        .route("/VXPAdapter/RestService/forward/{*path}", post(forwarded))
}

async fn named(
    state: State<AppState>,
    Path((connector, path)): Path<(String, String)>,
    request: Request,
) -> Response {
    let taken = match ConnectorId::parse(&connector) {
        Ok(connector) => take(&state, &connector, path, request).await,
        Err(_) => Err(request),
    };
    taken.unwrap_or_else(|_| ApiError::new(StatusCode::NOT_FOUND, "no_such_address").into_response())
}

/// Goes to the only connector that takes anything; with more than one the address has to name it. Vendors know these
/// prefixes too: what no connector takes may be theirs.
async fn forwarded(state: State<AppState>, Path(path): Path<String>, request: Request) -> Response {
    let mut doors = inbound::doors(&state.engine);
    let taken = match (doors.next(), doors.next()) {
        (Some(connector), None) => take(&state, connector, path, request).await,
        (Some(_), Some(_)) | (None, _) => Err(request),
    };
    match taken {
        Ok(response) => response,
        Err(request) => elsewhere(state.clone(), request).await,
    }
}

/// The request comes back if there is nothing at its path.
async fn take(
    state: &AppState,
    connector: &ConnectorId,
    path: String,
    request: Request,
) -> Result<Response, Request> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let http = CallbackRequest {
        path,
        query: request.uri().query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: Vec::new(),
    };
    let mut sent = InboundRequest { peer, http };
    let largest = match inbound::admit(&state.engine, connector, &sent) {
        Admission::Nowhere => return Err(request),
        Admission::Refused(answer) => return Ok(exactly(answer)),
        Admission::Welcome(largest) => largest,
    };
    // Whoever breaks off in the middle does not read the answer.
    let Ok(body) = to_bytes(request.into_body(), largest).await else {
        return Ok(exactly(inbound::answered(&state.engine, connector, &sent, &InboundResult::TooLarge)));
    };
    sent.http.body = body.to_vec();
    Ok(exactly(inbound::receive(&state.engine, connector, sent).await))
}
