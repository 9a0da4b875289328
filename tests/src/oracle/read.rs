//! From a line to an event: the envelope, the names of the contract, whole amounts, and the de-duplication key. Judges only
//! what honest and broken one-stop systems really send; the adapter is stricter.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::Value;

/// Names of the contract without `vn.motcua.` and `.v1`.
const NAMES: &[&str] = &[
    "dossier.adopted",
    "dossier.submitted",
    "dossier.received",
    "dossier.rejected",
    "dossier.processing",
    "dossier.supplement_requested",
    "dossier.supplemented",
    "dossier.supplement_expired",
    "dossier.fee_requested",
    "dossier.withdrawn",
    "dossier.stopped",
    "dossier.refused",
    "dossier.paused",
    "dossier.resumed",
    "dossier.extended",
    "dossier.transferred",
    "dossier.finished",
    "dossier.returned",
    "dossier.reopened",
    "dossier.corrected",
    "dossier.voided",
    "result.corrected",
    "result.revoked",
    "fee.requested",
    "fee.cancelled",
    "fee.paid_at_desk",
    "fee.refund_requested",
    "fee.refunded",
    "receipt.cancelled",
    "post.return_requested",
    "post.pickup_requested",
    "post.cancelled",
    "survey.answered",
    "question.answered",
];

/// A line that had to go to quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Counted from 1.
    pub line: usize,
    /// In our words.
    pub why: String,
}

/// An event of good form.
#[derive(Debug, Clone)]
pub struct Event {
    pub subject: String,
    pub source: String,
    /// Without prefix and version.
    pub name: String,
    pub sequence: Option<u64>,
    pub data: Value,
}

pub(super) enum Read {
    New(Event),
    Again,
}

/// What makes two events with the same key the same.
type Content = [Value; 5];

#[derive(Default)]
pub(super) struct Reader {
    admitted: HashMap<(String, String), Content>,
}

impl Reader {
    pub(super) fn read(&mut self, line: &[u8]) -> Result<Read, String> {
        let whole: Value = serde_json::from_slice(line).map_err(|_| "no JSON".to_owned())?;
        let text = |name: &str| match whole.get(name).and_then(Value::as_str) {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            _ => Err(format!("no {name}")),
        };
        if text("specversion")? != "1.0" {
            return Err("another specversion".into());
        }
        let (id, source, kind, subject) = (text("id")?, text("source")?, text("type")?, text("subject")?);
        text("time")?.parse::<Timestamp>().map_err(|_| "an impossible time".to_owned())?;
        let name = kind.strip_prefix("vn.motcua.").and_then(|k| k.strip_suffix(".v1")).unwrap_or_default();
        if !NAMES.contains(&name) {
            return Err(format!("no such type: {kind}"));
        }
        let sequence = match whole.get("sequence") {
            None => None,
            Some(digits) => {
                let digits = digits.as_str().and_then(|s| s.parse().ok());
                Some(digits.ok_or_else(|| "an impossible sequence".to_owned())?)
            }
        };
        let data = whole.get("data").cloned().unwrap_or(Value::Null);
        whole_amounts(&data)?;
        let content = ["type", "subject", "time", "sequence", "data"]
            .map(|n| whole.get(n).cloned().unwrap_or_default());
        let key = (source.clone(), id);
        match self.admitted.get(&key) {
            Some(first) if *first == content => return Ok(Read::Again),
            Some(_) => return Err("the id of an earlier event, with other content".into()),
            None => {}
        }
        self.admitted.insert(key, content);
        Ok(Read::New(Event { subject, source, name: name.to_owned(), sequence, data }))
    }
}

/// Money is whole đồng.
fn whole_amounts(data: &Value) -> Result<(), String> {
    let lines = data.pointer("/payment/lines").or_else(|| data.get("lines")).and_then(Value::as_array);
    for line in lines.into_iter().flatten() {
        if line.get("amount").and_then(Value::as_u64).is_none() {
            return Err(format!("an amount that is no whole number: {}", line["amount"]));
        }
    }
    Ok(())
}
