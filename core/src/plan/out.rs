//! Out-events: what the one-stop system is told, with ids that are the same for the same effect.

use serde_json::{Value, json};

use crate::{
    id::UnitCode,
    operation::Operation,
    outcome::Cause,
    plan::rules::{Rules, is_match},
    port::work::{OutEvent, Work},
};

/// Tells something, unless nobody wants its name. `about`: what makes the effect one, for the stable id.
pub fn tell(
    work: &mut Work,
    rules: &Rules,
    name: &str,
    subject: &str,
    unit: Option<&UnitCode>,
    about: &str,
    data: Value,
) {
    if rules.muted.iter().any(|pattern| is_match(pattern, name)) {
        return;
    }
    let at = work.now;
    work.outbox.push(OutEvent {
        name: name.to_owned(),
        subject: subject.to_owned(),
        unit: unit.cloned(),
        id: format!("{name}:{about}"),
        data,
        at,
    });
}

/// What `operation.stuck` carries: what it is, why, who has to act and how.
pub fn stuck(operation: &Operation) -> Value {
    let cause = operation.cause;
    let owner = cause.map_or("administrator", Cause::owner);
    let next_step = cause.map_or("look_up", Cause::next_step);
    json!({
        "operation_id": operation.id, "partner": operation.connector, "action": operation.payload.kind().name(),
        "cause": cause.map(Cause::code), "owner": owner, "next_step": next_step, "said": operation.said,
    })
}
