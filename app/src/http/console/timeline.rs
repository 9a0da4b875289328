//! One list out of a dossier's events, operations, payments and parcels, in the order in which they happened here.

use lienthong_core::{
    index::check::{ADVICE, advised},
    port::views::{AttemptView, EventView, OperationView, ParcelView, PaymentView, Timeline},
};
use serde_json::Value;

use super::{
    dossier::label,
    shell::Visit,
    when::When,
    words::{Words, tone},
};
use crate::{
    http::{AppState, advice, mask},
    i18n::Locale,
};

/// One line of the list.
pub struct Entry {
    /// When.
    pub when: When,
    /// `event`, `operation`, `payment`, `parcel`.
    pub kind: &'static str,
    /// What it is, in words.
    pub title: String,
    /// Whom it concerns.
    pub partner: String,
    /// The state in words, and its colour.
    pub state: Option<(String, &'static str)>,
    /// What is to be said of it.
    pub lines: Vec<String>,
    /// Attempts of an operation.
    pub attempts: Vec<AttemptRow>,
    /// References of a payment.
    pub references: Vec<ReferenceRow>,
    /// The operation's number, for the link.
    pub operation: Option<i64>,
    /// JSON for those who want it all.
    pub details: Option<String>,
    order: (i64, u8, i64),
}

/// An attempt.
pub struct AttemptRow {
    /// 1, 2, 3, …
    pub number: i32,
    /// When it began.
    pub started: When,
    /// How long it took, in words; empty: it runs.
    pub took: String,
    /// The outcome in words.
    pub outcome: String,
    /// Its colour.
    pub tone: &'static str,
    /// The cause in words, and what was said.
    pub cause: String,
    /// What was said.
    pub said: String,
    /// Which process.
    pub holder: String,
}

/// An opening of a payment.
pub struct ReferenceRow {
    /// Our reference.
    pub reference: String,
    /// Its state in words.
    pub state: String,
    /// The platform's number.
    pub platform: String,
    /// Where the citizen pays, if it is a web address.
    pub link: Option<String>,
    /// When it was paid.
    pub paid: Option<When>,
}

/// The list.
pub fn entries(state: &AppState, visit: &Visit, timeline: &Timeline) -> Vec<Entry> {
    let attempts = |id| timeline.attempts.iter().filter(move |a: &&AttemptView| a.operation == id);
    let mut all: Vec<Entry> = Vec::new();
    all.extend(timeline.events.iter().map(|e| event(visit, e)));
    all.extend(timeline.operations.iter().map(|o| Entry {
        attempts: attempts(o.id).map(|a| attempt_row(visit, a)).collect(),
        ..operation(state, visit, o)
    }));
    all.extend(timeline.payments.iter().map(|p| payment(state, visit, p)));
    all.extend(timeline.parcels.iter().map(|p| parcel(state, visit, p)));
    all.sort_by_key(|e| e.order);
    all
}

fn blank(visit: &Visit, kind: &'static str, at_us: i64, rank: u8, id: i64) -> Entry {
    Entry {
        when: visit.when(at_us),
        kind,
        title: String::new(),
        partner: String::new(),
        state: None,
        lines: Vec::new(),
        attempts: Vec::new(),
        references: Vec::new(),
        operation: None,
        details: None,
        order: (at_us, rank, id),
    }
}

fn event(visit: &Visit, event: &EventView) -> Entry {
    let w = visit.w;
    let mut body: Value = serde_json::from_str(&event.body).unwrap_or(Value::Null);
    mask::value(&mut body);
    let mut lines = Vec::new();
    let step =
        |field: &str| body.pointer(&format!("/data/step/{field}")).and_then(Value::as_str).unwrap_or("");
    if !step("content").is_empty() {
        let by = if step("officer").is_empty() { String::new() } else { format!(" – {}", step("officer")) };
        lines.push(format!("{}{by}", step("content")));
    }
    // The clocks of sources differ; less than this is the way to us.
    const WORTH_SAYING_US: i64 = 60_000_000;
    if (event.received_us - event.at_us).abs() > WORTH_SAYING_US {
        lines.push(w.tv("event-happened", &visit.when(event.at_us).exact));
    }
    if event.late {
        lines.push(w.t("event-late"));
    }
    lines.push(if event.planned == 0 {
        w.t("event-recorded")
    } else {
        w.tn("event-planned", &event.planned.into())
    });
    match event.note.as_deref() {
        Some(note) if note.starts_with(ADVICE) => {
            let odd = advised(note).into_iter().map(|check| w.name("check", check.name()));
            lines.push(w.tv("index-advice", &odd.collect::<Vec<_>>().join("; ")));
        }
        Some(note) if note != "recorded" => lines.push(advice::said(Some(note))),
        Some(_) | None => {}
    }
    let sequence = event.sequence.map(|n| format!(" · #{n}")).unwrap_or_default();
    Entry {
        title: w.name("event", &event.name),
        partner: format!("{}{sequence}", event.source),
        lines,
        details: serde_json::to_string_pretty(&body).ok(),
        ..blank(visit, "event", event.received_us, 0, event.row)
    }
}

/// An operation without its attempts.
fn operation(state: &AppState, visit: &Visit, operation: &OperationView) -> Entry {
    let w = visit.w;
    let mut lines = Vec::new();
    if let Some(said) = operation.said.as_deref().filter(|s| !s.is_empty()) {
        lines.push(advice::said(Some(said)));
    }
    if let Some(ended) = operation.ended_us {
        lines.push(w.tv("operation-ended", &visit.when(ended).exact));
    }
    if let Some(by) = operation.superseded_by {
        lines.push(w.tv("operation-superseded-by", &by.to_string()));
    }
    if operation.edits > 0 {
        lines.push(w.tn("operation-edited", &operation.edits.into()));
    }
    if let Some(by) = &operation.decided_by {
        lines.push(w.tv("operation-decided-by", &mask::free(by)));
    }
    Entry {
        title: w.name("action", &operation.action),
        partner: label(state, visit.w, &operation.connector),
        state: Some((w.name("state", &operation.state), tone(&operation.state))),
        lines,
        operation: Some(operation.id),
        ..blank(visit, "operation", operation.created_us, 1, operation.id)
    }
}

/// An attempt's row.
pub fn attempt_row(visit: &Visit, attempt: &AttemptView) -> AttemptRow {
    let w = visit.w;
    let outcome = attempt.outcome.as_deref().unwrap_or("running");
    AttemptRow {
        number: attempt.number,
        started: visit.when(attempt.started_us),
        took: attempt.ended_us.map(|end| took(w, end - attempt.started_us)).unwrap_or_default(),
        outcome: w.name("outcome", outcome),
        tone: tone(outcome),
        cause: attempt.cause.as_deref().map(|c| w.name("cause", c)).unwrap_or_default(),
        said: advice::said(attempt.said.as_deref()),
        holder: attempt.holder.clone(),
    }
}

pub(super) fn took(w: Words, us: i64) -> String {
    match us {
        ..1_000 => "< 1 ms".into(),
        1_000..1_000_000 => format!("{} ms", us / 1_000),
        _ => {
            let seconds = format!("{:.1}", us as f64 / 1e6);
            let seconds = if w.locale == Locale::Vi { seconds.replace('.', ",") } else { seconds };
            w.tv("took-seconds", &seconds)
        }
    }
}

fn payment(state: &AppState, visit: &Visit, payment: &PaymentView) -> Entry {
    let w = visit.w;
    let references = payment.references.iter().map(|r| ReferenceRow {
        reference: r.reference.clone(),
        state: w.name("reference", &r.state.to_string()),
        platform: r.platform_ref.clone().unwrap_or_default(),
        // Anything but a web address would be somebody else's script.
        link: r.pay_url.clone().filter(|u| u.starts_with("https://") || u.starts_with("http://")),
        paid: r.paid_us.map(|at| visit.when(at)),
    });
    Entry {
        title: format!("{} {}", w.t("payment-title"), w.money(&payment.amount)),
        partner: label(state, visit.w, &payment.connector),
        state: Some((w.name("payment", &payment.state), tone(&payment.state))),
        lines: vec![payment.id.clone()],
        references: references.collect(),
        ..blank(visit, "payment", payment.updated_us, 2, 0)
    }
}

fn parcel(state: &AppState, visit: &Visit, parcel: &ParcelView) -> Entry {
    let w = visit.w;
    let mut lines = vec![w.tv("parcel-order", &parcel.order_number)];
    if let Some(code) = &parcel.item_code {
        lines.push(w.tv("parcel-item", code));
    }
    if let Some(last) = &parcel.last_move {
        let at = parcel.moved_us.map(|at| format!("{} – ", visit.when(at).exact)).unwrap_or_default();
        lines.push(format!("{at}{}", mask::free(last)));
    }
    Entry {
        title: w.name("direction", &parcel.direction),
        partner: label(state, visit.w, &parcel.connector),
        state: Some((w.name("parcel", &parcel.state), tone(&parcel.state))),
        lines,
        ..blank(visit, "parcel", parcel.updated_us, 3, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_it_took_is_written_as_each_language_does() {
        let said = |locale, us| took(Words { locale }, us);
        assert_eq!(said(Locale::Vi, 1_240_000), "1,2 giây");
        assert_eq!(said(Locale::En, 1_240_000), "1.2 s");
        assert_eq!((said(Locale::Vi, 840_000), said(Locale::Vi, 3)), ("840 ms".into(), "< 1 ms".into()));
    }
}
