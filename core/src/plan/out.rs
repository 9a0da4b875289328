//! Out-events: what the one-stop system is told, with ids that are the same for the same effect.

use serde_json::Value;

use crate::{
    id::UnitCode,
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
