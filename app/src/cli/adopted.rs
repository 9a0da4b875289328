//! What became of the dossiers of a former system (`dossier.adopted`): found at the portal, sent, or waiting for what.

use serde_json::{Map, Value};

use super::{
    Failure, Screen,
    api::Api,
    words::{list, text},
};

/// Operations asked for at a time.
const PAGE: i64 = 500;
/// What can have become of one, in the order in which people want to know.
pub(super) const ENDS: [&str; 6] = ["found", "sent", "waiting", "held", "stuck", "ended"];

/// Whether a file has any of them.
pub(super) fn are_among(lines: &[(usize, &[u8])]) -> bool {
    let name = b"dossier.adopted";
    lines.iter().any(|(_, line)| line.windows(name.len()).any(|part| part == name))
}

/// Counts them by what became of them, all that there ever were.
pub(super) async fn count(api: &Api, screen: &Screen) -> Result<Map<String, Value>, Failure> {
    let mut counts: Map<String, Value> = ENDS.iter().map(|end| ((*end).to_owned(), 0.into())).collect();
    let mut after = 0;
    loop {
        let path = format!("/v1/operations?action=sync_dossier&limit={PAGE}&after={after}");
        let answer = api.get(screen, &path).await?;
        for end in list(&answer, "operations").iter().filter_map(end) {
            let count = counts.get(end).and_then(Value::as_i64).unwrap_or(0);
            counts.insert(end.to_owned(), (count + 1).into());
        }
        match answer.get("next").and_then(Value::as_i64) {
            Some(next) => after = next,
            None => return Ok(counts),
        }
    }
}

/// What became of one. `None`: it is of another kind.
fn end(operation: &Value) -> Option<&'static str> {
    (operation["payload"]["action"] == "adopt_dossier").then(|| match text(operation, "state") {
        "succeeded" if operation["proof"]["facts"]["found"] == true => "found",
        "succeeded" => "sent",
        "held" => "held",
        "stuck" => "stuck",
        "refused" | "superseded" | "dismissed" => "ended",
        _ => "waiting",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_was_there_is_told_apart_from_what_was_sent() {
        let of = |action: &str, state: &str, facts: Value| {
            end(&json!({ "payload": { "action": action }, "state": state, "proof": { "facts": facts } }))
        };
        assert_eq!(of("adopt_dossier", "succeeded", json!({ "found": true })), Some("found"));
        assert_eq!(of("adopt_dossier", "succeeded", json!({ "mode": "create" })), Some("sent"));
        assert_eq!(of("adopt_dossier", "ready", Value::Null), Some("waiting"));
        assert_eq!(of("sync_dossier", "succeeded", json!({ "found": true })), None);
        assert!(are_among(&[(1, b"{}"), (2, br#"{"type":"vn.motcua.dossier.adopted.v1"}"#)]));
    }
}
