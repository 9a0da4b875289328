//! Callbacks: stored first, then verified, then applied once; answered exactly as the partner expects. While our store
//! is down the answer makes the partner repeat.

use std::sync::Arc;

use crate::{
    flow::engine::{Engine, Member},
    id::ConnectorId,
    plan::tidings::{self, Told},
    port::{
        connector::{CallbackAnswer, CallbackRequest, CallbackResult, Verified},
        store::{RawCallback, StoreError, decide},
        work::{CallbackVerdict, Scope},
    },
};

/// Headers whose values never reach the store.
const SECRET_HEADERS: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "x-api-key"];

/// Takes a callback. `None`: there is no such connector, or it takes none.
pub async fn receive(
    engine: &Arc<Engine>,
    connector: &ConnectorId,
    request: CallbackRequest,
) -> Option<CallbackAnswer> {
    let member = engine.members.get(connector)?;
    let callbacks = member.connector.callbacks()?;
    // A platform that hangs up before our answer has told us all the same.
    let taken = take(Arc::clone(engine), Arc::clone(member), request.clone());
    let result = engine.finish(taken).await.unwrap_or_else(|error| {
        tracing::error!(%error, %connector, "a callback could not be stored; the partner has to repeat it");
        CallbackResult::Unavailable
    });
    let name = match &result {
        CallbackResult::Applied => "applied",
        CallbackResult::Repeated => "repeated",
        CallbackResult::Rejected(_) => "rejected",
        CallbackResult::Unavailable => "unavailable",
    };
    metrics::counter!("lienthong_callbacks_total", "partner" => connector.to_string(), "result" => name)
        .increment(1);
    engine.wake();
    Some(callbacks.answer(&request, &result))
}

/// Keeps the callback, then judges it.
async fn take(
    engine: Arc<Engine>,
    member: Arc<Member>,
    request: CallbackRequest,
) -> Result<CallbackResult, StoreError> {
    let connector = &member.manifest.id;
    let row = keep(&engine, connector, &request).await?;
    Ok(match member.connector.callbacks().map(|callbacks| callbacks.verify(&request)) {
        Some(Ok(verified)) => apply(&engine, connector, row, &verified).await,
        Some(Err(said)) => reject(&engine, row, None, said).await,
        None => CallbackResult::Rejected("takes no callbacks".into()),
    })
}

async fn keep(
    engine: &Engine,
    connector: &ConnectorId,
    request: &CallbackRequest,
) -> Result<i64, StoreError> {
    let headers: serde_json::Map<_, _> = request
        .headers
        .iter()
        .filter(|(name, _)| !SECRET_HEADERS.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone().into()))
        .collect();
    let path = if request.query.is_empty() {
        request.path.clone()
    } else {
        format!("{}?{}", request.path, request.query)
    };
    let raw = RawCallback {
        connector: connector.clone(),
        path,
        headers: serde_json::Value::Object(headers).to_string(),
        body: request.body.clone(),
    };
    engine.store.keep_callback(&raw).await
}

async fn reject(engine: &Engine, row: i64, identity: Option<String>, said: String) -> CallbackResult {
    tracing::warn!(callback = row, %said, "a callback was rejected");
    let verdict = CallbackVerdict { callback: row, identity, verdict: format!("rejected: {said}") };
    let decided =
        decide(&*engine.store, Scope::default(), move |work| work.callbacks.push(verdict.clone())).await;
    match decided {
        Ok(()) => CallbackResult::Rejected(said),
        Err(_) => CallbackResult::Unavailable,
    }
}

async fn apply(
    engine: &Arc<Engine>,
    connector: &ConnectorId,
    row: i64,
    verified: &Verified,
) -> CallbackResult {
    if let Err(said) = &verified.claims_match {
        return reject(engine, row, None, said.clone()).await;
    }
    let mut scope = Scope::default();
    scope.references.insert((connector.clone(), verified.tiding.reference.clone()));
    scope.callback_identities.insert(verified.identity.clone());
    let (rules, connector, verified) = (Arc::clone(&engine.rules), connector.clone(), verified.clone());
    let decided = decide(&*engine.store, scope, move |work| {
        if work.applied_callbacks.contains(&verified.identity) {
            let verdict = "repeated".to_owned();
            work.callbacks.push(CallbackVerdict {
                callback: row,
                identity: Some(verified.identity.clone()),
                verdict,
            });
            return Ok(Told::Repeated);
        }
        let told = tidings::apply(work, &rules, &connector, &verified.tiding).map_err(|_| ())?;
        let verdict = match &told {
            Told::Applied => "applied".to_owned(),
            Told::Repeated => "repeated".to_owned(),
            Told::Unknown => "rejected: unknown reference".to_owned(),
            Told::OtherAmount { due, told } => format!("rejected: {told} told, {due} due"),
        };
        work.callbacks.push(CallbackVerdict {
            callback: row,
            identity: Some(verified.identity.clone()),
            verdict,
        });
        Ok(told)
    })
    .await;
    match decided {
        Ok(Ok(Told::Applied)) => CallbackResult::Applied,
        Ok(Ok(Told::Repeated)) => CallbackResult::Repeated,
        Ok(Ok(Told::Unknown)) => CallbackResult::Rejected("unknown reference".into()),
        Ok(Ok(Told::OtherAmount { due, told })) => {
            CallbackResult::Rejected(format!("{told} told, {due} due"))
        }
        Ok(Err(())) => CallbackResult::Unavailable,
        Err(error) => {
            tracing::error!(%error, callback = row, "a stored callback could not be applied; the partner has to repeat it");
            CallbackResult::Unavailable
        }
    }
}
