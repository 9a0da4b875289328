//! Callbacks: stored first, then verified, then applied once; answered exactly as the partner expects. While our store
//! is down the answer makes the partner repeat.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::oneshot;

use crate::{
    flow::engine::{Engine, Member},
    id::ConnectorId,
    plan::{
        rules::Rules,
        tidings::{self, Told},
    },
    port::{
        connector::{CallbackAnswer, CallbackRequest, CallbackResult, Verified},
        store::{Door, RawCallback, StoreError, decide},
        work::{CallbackVerdict, Scope, Work},
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
    Some(callbacks.answer(&request, &result))
}

/// Keeps the callback, then judges it.
async fn take(
    engine: Arc<Engine>,
    member: Arc<Member>,
    request: CallbackRequest,
) -> Result<CallbackResult, StoreError> {
    let connector = &member.manifest.id;
    let row = keep(&engine, connector, &request, Door::Callback, &[]).await?;
    Ok(match member.connector.callbacks().map(|callbacks| callbacks.verify(&request)) {
        Some(Ok(verified)) => apply(&engine, connector, row, verified).await,
        Some(Err(said)) => reject(&engine, row, None, said).await,
        None => CallbackResult::Rejected("takes no callbacks".into()),
    })
}

/// Stores a request before it is judged, without the headers that are secret everywhere, and without `also` these.
pub(super) async fn keep(
    engine: &Engine,
    connector: &ConnectorId,
    request: &CallbackRequest,
    door: Door,
    also: &[String],
) -> Result<i64, StoreError> {
    let headers: serde_json::Map<_, _> = request
        .headers
        .iter()
        .filter(|(name, _)| !SECRET_HEADERS.contains(&name.as_str()) && !also.contains(name))
        .map(|(name, value)| (name.clone(), value.clone().into()))
        .collect();
    let path = if request.query.is_empty() {
        request.path.clone()
    } else {
        format!("{}?{}", request.path, request.query)
    };
    let raw = RawCallback {
        connector: connector.clone(),
        door,
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

/// Callbacks of a partner that are kept and believed. Whoever has the turn applies whatever waits in one unit of work: a unit for each
/// would mostly wait for the one before it, because results are numbered by one unit at a time.
#[derive(Default)]
pub struct Believed {
    waiting: Mutex<VecDeque<(Callback, oneshot::Sender<CallbackResult>)>>,
    turn: tokio::sync::Mutex<()>,
}

/// One that is to be applied.
#[derive(Clone)]
struct Callback {
    row: i64,
    connector: ConnectorId,
    verified: Verified,
}

impl Believed {
    /// Keeps others from applying anything until it is dropped.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<(Callback, oneshot::Sender<CallbackResult>)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, most: usize) -> (Vec<Callback>, Vec<oneshot::Sender<CallbackResult>>) {
        let mut waiting = self.waiting();
        let most = most.max(1).min(waiting.len());
        waiting.drain(..most).unzip()
    }
}

/// Waits for its turn, or until somebody else has applied it. Whoever leaves without a turn has its answer, so nothing stays.
async fn apply(
    engine: &Arc<Engine>,
    connector: &ConnectorId,
    row: i64,
    verified: Verified,
) -> CallbackResult {
    if let Err(said) = &verified.claims_match {
        return reject(engine, row, None, said.clone()).await;
    }
    let Some(member) = engine.members.get(connector) else { return CallbackResult::Unavailable };
    let (answer, mut answered) = oneshot::channel();
    member.callbacks.waiting().push_back((Callback { row, connector: connector.clone(), verified }, answer));
    {
        let _turn = tokio::select! {
            biased;
            result = &mut answered => return result.unwrap_or(CallbackResult::Unavailable),
            turn = member.callbacks.turn() => turn,
        };
        let (batch, answers) = member.callbacks.take(engine.settings.batch);
        let results = apply_batch(engine, batch).await;
        engine.wake();
        for (answer, result) in answers.into_iter().zip(results) {
            answer.send(result).ok();
        }
    }
    // Whoever had taken it has gone: nobody knows how far it came, and the partner's repeat finds out.
    answered.await.unwrap_or(CallbackResult::Unavailable)
}

/// Applies a batch; one that the store does not take must not keep the others from being applied.
async fn apply_batch(engine: &Engine, batch: Vec<Callback>) -> Vec<CallbackResult> {
    let together = apply_together(engine, batch.clone().into()).await;
    if batch.len() > 1 && matches!(together, Err(StoreError::Rejected(_) | StoreError::Contended(_))) {
        let mut results = Vec::with_capacity(batch.len());
        for one in batch {
            let row = one.row;
            results.extend(results_of(&[row], apply_together(engine, [one].into()).await));
        }
        return results;
    }
    let rows: Vec<i64> = batch.iter().map(|callback| callback.row).collect();
    results_of(&rows, together)
}

fn results_of(rows: &[i64], told: Result<Vec<Option<Told>>, StoreError>) -> Vec<CallbackResult> {
    match told {
        Ok(told) => told.into_iter().map(result_of).collect(),
        Err(error) => {
            tracing::error!(%error, callbacks = ?rows, "stored callbacks could not be applied; the partner has to repeat them");
            vec![CallbackResult::Unavailable; rows.len()]
        }
    }
}

fn result_of(told: Option<Told>) -> CallbackResult {
    match told {
        Some(Told::Applied) => CallbackResult::Applied,
        Some(Told::Repeated) => CallbackResult::Repeated,
        Some(Told::Unknown) => CallbackResult::Rejected("unknown reference".into()),
        Some(Told::OtherAmount { due, told }) => CallbackResult::Rejected(format!("{told} told, {due} due")),
        None => CallbackResult::Unavailable,
    }
}

async fn apply_together(engine: &Engine, batch: Arc<[Callback]>) -> Result<Vec<Option<Told>>, StoreError> {
    let mut scope = Scope::default();
    for Callback { connector, verified, .. } in batch.iter() {
        scope.references.insert((connector.clone(), verified.tiding.reference.clone()));
        scope.callback_identities.insert(verified.identity.clone());
    }
    let rules = Arc::clone(&engine.rules);
    decide(&*engine.store, scope, move |work| {
        batch.iter().map(|callback| apply_one(work, &rules, callback)).collect()
    })
    .await
}

/// Applies one within a unit, behind those before it. `None`: more has to be loaded.
fn apply_one(work: &mut Work, rules: &Rules, callback: &Callback) -> Option<Told> {
    let Callback { row, connector, verified } = callback;
    let told = if work.applied_callbacks.contains(&verified.identity) {
        Told::Repeated
    } else {
        tidings::apply(work, rules, connector, &verified.tiding).ok()?
    };
    let verdict = match &told {
        Told::Applied => "applied".to_owned(),
        Told::Repeated => "repeated".to_owned(),
        Told::Unknown => "rejected: unknown reference".to_owned(),
        Told::OtherAmount { due, told } => format!("rejected: {told} told, {due} due"),
    };
    let identity = verified.identity.clone();
    if told == Told::Applied {
        work.applied_callbacks.insert(identity.clone());
    }
    work.callbacks.push(CallbackVerdict { callback: *row, identity: Some(identity), verdict });
    Some(told)
}
