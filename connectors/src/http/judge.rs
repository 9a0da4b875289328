//! What the HTTP status alone decides. 2xx and answers in the partner's own form are judged by the connector.

use lienthong_core::outcome::{Cause, Outcome, Setback};

use super::Answer;

/// The outcome of a write whose answer is not in the partner's form. An HTML page or an empty body with 2xx, a redirect
/// and most 5xx leave it open whether the effect took place.
pub fn write_outcome(answer: &Answer) -> Outcome {
    let said = answer.said();
    match answer.status {
        200..=299 => Outcome::unclear(Cause::Unreadable, said),
        401 | 403 => Outcome::paused(Cause::CredentialsRejected, said),
        429 | 503 => Outcome::NotDone(setback(answer, Cause::Throttled)),
        // The place is not there: a wrong address, or the partner's service is not deployed.
        404 | 405 | 410 | 421 => Outcome::NotDone(setback(answer, Cause::PartnerUnavailable)),
        400 | 406 | 411 | 413..=415 | 422 | 431 => {
            Outcome::refused(Cause::DataRefused, format!("http {}", answer.status), said)
        }
        500..=599 => Outcome::unclear(Cause::PartnerFailed, said),
        _ => Outcome::unclear(Cause::Unlisted, said),
    }
}

/// The setback of a read whose answer is not in the partner's form.
pub fn read_setback(answer: &Answer) -> Setback {
    let cause = match answer.status {
        200..=299 => Cause::Unreadable,
        401 | 403 => Cause::CredentialsRejected,
        429 | 503 => Cause::Throttled,
        404 | 405 | 410 | 421 => Cause::PartnerUnavailable,
        500..=599 => Cause::PartnerFailed,
        _ => Cause::Unlisted,
    };
    setback(answer, cause)
}

fn setback(answer: &Answer, cause: Cause) -> Setback {
    Setback { cause, said: answer.said(), retry_after: answer.retry_after }
}
