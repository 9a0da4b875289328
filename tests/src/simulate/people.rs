//! The people around the program: citizens who pay, platforms' callbacks about it, forgers, and officials who retry and
//! dismiss.

use lienthong_core::{
    clock::Clock,
    flow::{callback, engine::Engine, operator},
    id::Reference,
    operation::OperationState,
    port::connector::CallbackRequest,
    testing::{fixtures, scripted},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

use super::{
    Dice,
    world::{Shared, aside},
};

/// How long a person waits for an answer before going away.
const IMPATIENCE: Duration = Duration::from_secs(30);

/// The citizens: most of those who can pay do, some time later, some at once.
pub async fn citizens(shared: Shared, dice: Arc<Dice>, mut news: mpsc::Receiver<Reference>) {
    while let Some(reference) = news.recv().await {
        if dice.strikes(3000) {
            shared.partners.citizen_left();
            continue;
        }
        let wait = if shared.weather.strikes("callback before the answer", 1000) {
            Duration::ZERO
        } else {
            dice.ms(100..120_000)
        };
        let (shared, dice) = (shared.clone(), Arc::clone(&dice));
        aside(async move {
            pay(&shared, &dice, reference, wait).await;
            shared.partners.citizen_left();
        });
    }
}

/// A citizen pays; the platform calls back until somebody takes it, several times, or never. Before that, somebody who
/// is not the platform says all sorts of things.
async fn pay(shared: &Shared, dice: &Dice, reference: Reference, wait: Duration) {
    tokio::time::sleep(wait).await;
    for (fault, of, more, is_genuine) in [
        ("callback forged", reference.as_str(), 0, false),
        ("callback for another amount", reference.as_str(), -1000, true),
        ("callback of an unknown reference", "LT0", 0, true),
    ] {
        if shared.weather.strikes(fault, 500) {
            let mut request = paid(shared, of, shared.partners.amount(&reference).unwrap_or(0) + more);
            if !is_genuine {
                request.headers = vec![("x-proof".into(), "forged".into())];
            }
            call_back(shared, dice, request).await;
        }
    }
    let Some(amount) = shared.partners.pay(&reference) else { return };
    let genuine = paid(shared, reference.as_str(), amount);
    for _ in 0..dice.pick(0..4) {
        let is_taken = call_back(shared, dice, genuine.clone()).await;
        if is_taken && !shared.weather.strikes("callback repeated", 3000) {
            return;
        }
        tokio::time::sleep(dice.ms(1..5000)).await;
    }
}

/// What the platform says when somebody paid.
fn paid(shared: &Shared, reference: &str, amount: i64) -> CallbackRequest {
    let (theirs, at) = (format!("GD-{reference}"), shared.time.now());
    scripted::callback_request(scripted::callback_body(reference, &theirs, "paid", amount, at))
}

/// Calls some replica; whether it took the callback.
async fn call_back(shared: &Shared, dice: &Dice, request: CallbackRequest) -> bool {
    let Some(engine) = any_engine(shared, dice) else { return false };
    let connector = fixtures::connector("pay");
    let answer = callback::receive(&engine, &connector, request);
    let answer = tokio::time::timeout(IMPATIENCE, answer).await;
    answer.ok().flatten().is_some_and(|answer| answer.status == 200)
}

fn any_engine(shared: &Shared, dice: &Dice) -> Option<Arc<Engine>> {
    let alive = shared.engines();
    let at = usize::try_from(dice.pick(0..3)).unwrap_or(0);
    alive.values().nth(at % alive.len().max(1)).cloned()
}

/// Officials who lose their patience: as long as the storm rages they retry, and now and then dismiss, whatever is open.
pub async fn officials(shared: Shared, dice: Arc<Dice>) {
    loop {
        tokio::time::sleep(dice.ms(1000..60_000)).await;
        if shared.weather.is_calm() {
            return;
        }
        let open: Vec<i64> =
            shared.store.operations().iter().filter(|o| !o.state.is_ended()).map(|o| o.id).collect();
        let at = usize::try_from(dice.pick(0..open.len().max(1) as u64)).unwrap_or(0);
        let Some((id, engine)) = open.get(at).copied().zip(any_engine(&shared, &dice)) else { continue };
        let is_dismissal = dice.strikes(1500);
        let deed = async {
            if is_dismissal {
                operator::dismiss(&engine, id, "person", "storm").await
            } else {
                operator::retry(&engine, id, "person", "storm").await
            }
        };
        let done = matches!(tokio::time::timeout(IMPATIENCE, deed).await, Ok(Ok(operator::Deed::Done)));
        if done && is_dismissal {
            shared.weather.count("operation dismissed by a person");
        } else if done {
            shared.weather.count("operation retried by a person");
        }
    }
}

/// In the calm people see to what waits for them, and to what waits for a state that never comes.
pub async fn see_to_what_waits(shared: &Shared, is_all_admitted: bool) {
    let Some(engine) = shared.engines().values().next().cloned() else { return };
    let waits = |state: OperationState| {
        state == OperationState::Stuck || (is_all_admitted && state == OperationState::Held)
    };
    for operation in shared.store.operations().iter().filter(|o| waits(o.state)) {
        let deed = operator::retry(&engine, operation.id, "person", "calm");
        drop(tokio::time::timeout(IMPATIENCE, deed).await);
    }
}
