//! The post's `Status` -> what it says about the effect. 100 and 101 are evidenced; any other is a refusal.

use lienthong_core::{
    id::OrderNumber,
    outcome::{Cause, Outcome, Proof},
};
use serde_json::{Value, json};

use super::{config::Config, wire::Answered};
use crate::http::{Answer, masked_of, write_outcome};

/// What an answer to an order means. `begun`: an earlier attempt of this operation may have reached the post.
/// `personal`: what must not be repeated of the post's words.
pub(super) fn ordered(
    answer: &Answer,
    number: &OrderNumber,
    begun: bool,
    personal: &[&str],
    config: &Config,
) -> Outcome {
    let (status, words) = match read(answer, personal) {
        Ok(read) => read,
        Err(outcome) => return outcome,
    };
    if answer.is_success() && config.accepted_status.contains(&status) {
        return done(number, words);
    }
    if answer.is_success() && config.exists_status.contains(&status) {
        if begun {
            return match done(number, words) {
                Outcome::Done(proof) => Outcome::Done(Proof { repeated: true, ..proof }),
                outcome => outcome,
            };
        }
        return Outcome::refused(Cause::ForeignRecord, status.to_string(), words);
    }
    refused(answer, status, words, config)
}

/// What an answer to a cancellation means.
pub(super) fn cancelled(answer: &Answer, number: &OrderNumber, config: &Config) -> Outcome {
    let (status, words) = match read(answer, &[]) {
        Ok(read) => read,
        Err(outcome) => return outcome,
    };
    if answer.is_success() && config.accepted_status.contains(&status) {
        return done(number, words);
    }
    if answer.is_success() && config.cancel_gone_status.contains(&status) {
        let mut proof = Proof { said: words, ..Proof::default() };
        proof.facts.insert("order_number".into(), json!(number.as_str()));
        proof.facts.insert("note".into(), json!(format!("gone already (Status {status})")));
        return Outcome::Done(proof);
    }
    refused(answer, status, words, config)
}

/// A number, or a text of digits: flavours differ.
pub(super) fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        // MongoDB writes long numbers so.
        Value::Object(map) => map.get("$numberLong").and_then(number),
        Value::Null | Value::Bool(_) | Value::Array(_) => None,
    }
}

fn read(answer: &Answer, personal: &[&str]) -> Result<(i64, String), Outcome> {
    if matches!(answer.status, 401 | 403 | 429 | 500..) {
        return Err(write_outcome(answer));
    }
    let read: Option<Answered> = serde_json::from_slice(&answer.body).ok();
    let Some(read) = read else { return Err(write_outcome(answer)) };
    let Some(status) = read.Status.as_ref().and_then(number) else { return Err(write_outcome(answer)) };
    let words = match read.Message {
        Some(Value::String(text)) => masked_of(&text, personal),
        Some(Value::Null) | None => String::new(),
        Some(other) => masked_of(&other.to_string(), personal),
    };
    Ok((status, words))
}

fn refused(answer: &Answer, status: i64, words: String, config: &Config) -> Outcome {
    // Success inside an HTTP error says two things at once.
    if !answer.is_success()
        && (config.accepted_status.contains(&status) || config.exists_status.contains(&status))
    {
        return Outcome::unclear(
            Cause::Unlisted,
            format!("HTTP {}, Status {status}: {words}", answer.status),
        );
    }
    Outcome::refused(Cause::DataRefused, status.to_string(), words)
}

fn done(number: &OrderNumber, words: String) -> Outcome {
    let mut proof = Proof { said: words, ..Proof::default() };
    proof.facts.insert("order_number".into(), json!(number.as_str()));
    Outcome::Done(proof)
}
