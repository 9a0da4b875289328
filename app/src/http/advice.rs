//! Why something waits, who acts, what next: which text of the translation files says it. The decision what to do is
//! the engine's; here it only gets words.

use lienthong_core::{
    catalogue::Table,
    clock::business,
    need::Need,
    operation::{ActionKind, OperationState},
    outcome::Cause,
    policy::health::{CALENDAR, Hold},
    port::{store::ConnectorCondition, views::OperationView},
    reconciliation::Why,
};
use serde_json::{Value, json};

use super::mask;
use crate::i18n::{Arg, Locale, find, text_with};

/// A message with `.who` and `.next`, and the values in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    title: String,
    steps: String,
    values: Vec<(&'static str, String)>,
    count: i64,
    /// Whether a person has to do something; else it goes on by itself.
    pub needs_person: bool,
}

impl Advice {
    fn new(key: impl Into<String>, needs_person: bool) -> Self {
        let key = key.into();
        Self { title: key.clone(), steps: key, values: Vec::new(), count: 1, needs_person }
    }

    /// The same reason, but somebody else acts.
    fn but(self, steps: &str, needs_person: bool) -> Self {
        Self { steps: steps.into(), needs_person, ..self }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.values.push((name, value.into()));
        self
    }

    fn say(&self, locale: Locale, key: &str) -> String {
        let mut args = vec![("n", Arg::Count(self.count))];
        args.extend(self.values.iter().map(|(name, value)| (*name, Arg::Text(value.as_str()))));
        text_with(locale, key, &args)
    }

    /// Why.
    pub fn why(&self, locale: Locale) -> String {
        self.say(locale, &self.title)
    }

    /// Who acts.
    pub fn who(&self, locale: Locale) -> String {
        self.say(locale, &format!("{}.who", self.steps))
    }

    /// What next.
    pub fn next(&self, locale: Locale) -> String {
        self.say(locale, &format!("{}.next", self.steps))
    }

    /// In both languages, for the API.
    pub fn to_json(&self) -> Value {
        let of = |l| json!({ "why": self.why(l), "who": self.who(l), "next": self.next(l) });
        json!({ "needs_person": self.needs_person, "vi": of(Locale::Vi), "en": of(Locale::En) })
    }
}

/// What to do about a missing something of ours, by its key.
pub fn of_need(key: &str) -> Advice {
    match key.parse::<Need>() {
        Ok(Need::Snapshot(dossier)) => Advice::new("need-snapshot", true).with("what", dossier),
        Ok(Need::Mapping { connector, table, code }) => {
            let advice = Advice::new("need-mapping", true);
            // A person may confirm these without a change of the configuration.
            let is_confirmed = Table::from_name(&table).is_some();
            let advice = if is_confirmed { advice.but("need-mapping-confirm", true) } else { advice };
            advice
                .with("line", line_of(&table, &code))
                .with("connector", connector)
                .with("table", table)
                .with("what", code)
        }
        Ok(Need::Payment(id)) => Advice::new("need-payment", true).with("what", id),
        Ok(Need::Parcel(id)) => Advice::new("need-parcel", true).with("what", id),
        Ok(Need::Code(what)) => Advice::new("need-code", true).with("what", what),
        Ok(Need::Action(name)) => Advice::new("need-action", true).with("what", name),
        Ok(Need::Decision(what)) => match what.strip_prefix("voided:") {
            Some(dossier) => Advice::new("need-void", true).with("what", dossier),
            None => Advice::new("need-decision", true).with("what", what),
        },
        Ok(Need::Restore(_)) => Advice::new("need-restore", true),
        Ok(Need::Recreated(dossier)) => Advice::new("need-recreated", false).with("what", dossier),
        Ok(Need::Setting(what)) => Advice::new("need-setting", true).with("what", what),
        Err(_) => Advice::new("need-unknown", true).with("what", key),
    }
}

/// Where the configuration has a code of a mapping table.
fn line_of(table: &str, code: &str) -> String {
    match table {
        "procedure" => format!("[connector.dvcqg.procedures.table.\"{code}\"]"),
        "ward" => format!("[connector.vnpost.wards] \"{code}\""),
        "status" => format!("[connector.dvcqg] statuses \"{code}\""),
        "born_status" => format!("[connector.dvcqg] born_statuses \"{code}\""),
        "unit" => format!("[connector.dvcqg] units \"{code}\""),
        "province" => format!("[connector.vnpost] provinces \"{code}\""),
        _ => format!("{table} \"{code}\""),
    }
}

/// What to do about an open incident: a need, money that is not what it should be, two dossiers that may be one.
pub fn of_incident(key: &str) -> Advice {
    match key.split_once(':') {
        Some(("amount", payment)) => Advice::new("incident-amount", true).with("what", payment),
        Some(("refund", payment)) => Advice::new("incident-refund", true).with("what", payment),
        Some(("codes", both)) => Advice::new("incident-codes", true).with("what", both.replace(':', " · ")),
        Some(("inbound", which)) => {
            let (partner, what) = which.split_once(':').unwrap_or((which, ""));
            Advice::new("incident-inbound", true).with("what", what).with("connector", partner)
        }
        Some(("reading", which)) => of_reading(which),
        Some(("calendar", year)) => Advice::new("incident-calendar", true).with("what", year),
        Some(("ledger", entry)) => Advice::new("incident-ledger", true).with("what", entry),
        Some(("catalogue", which)) => {
            let (partner, list) = which.split_once(':').unwrap_or((which, ""));
            Advice::new("incident-catalogue", true).with("what", list).with("connector", partner)
        }
        Some(("catalogue-broken", which)) => {
            let mut parts = which.splitn(3, ':').skip(1);
            let (table, local) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            Advice::new("incident-broken", true).with("what", local).with("table", table)
        }
        Some(("pause", _)) => of_pause(None),
        _ => of_need(key),
    }
}

/// What to do about a difference between us and a partner.
pub fn of_discrepancy(why: Why) -> Advice {
    Advice::new(format!("discrepancy-why-{}", why.code()), true)
}

/// What to do about a partner that is asked by the clock and does not answer.
fn of_reading(which: &str) -> Advice {
    let (name, partner) = which.split_once(':').unwrap_or((which, ""));
    let key = match name {
        "sweep" => "incident-sweep",
        "catalogue" => "incident-unread",
        "statuses" => "incident-unasked",
        _ => "incident-tracking",
    };
    Advice::new(key, true).with("what", partner)
}

/// One advice for many incidents of a kind (`.many`), with a few of them as examples.
pub fn of_many(keys: &[&str]) -> Advice {
    let advice = of_incident(keys.first().copied().unwrap_or_default());
    let whats = keys.iter().take(2).filter_map(|key| {
        let other = of_incident(key);
        other.values.into_iter().find(|(name, _)| *name == "what").map(|(_, what)| what)
    });
    let examples: Vec<String> = whats.collect();
    let title = format!("{}.many", advice.title);
    let count = keys.len() as i64;
    Advice { title, count, ..advice }.with("examples", examples.join(", "))
}

/// What kind of incident a key is: many of one kind are told as one.
pub fn kind_of(key: &str) -> String {
    match key.parse::<Need>() {
        Ok(Need::Mapping { connector, table, .. }) => format!("mapping:{connector}:{table}"),
        _ => key.split(':').next().unwrap_or_default().to_owned(),
    }
}

/// What to do about a cause, once the system itself does nothing more about it.
pub fn of_cause(code: Option<&str>) -> Advice {
    match code.and_then(Cause::from_code) {
        Some(cause) => Advice::new(format!("cause-{}", cause.code()), true),
        None => Advice::new("cause-unknown", true).with("what", code.unwrap_or("?")),
    }
}

/// The same for an operation: what mends refused data depends on what was refused.
pub fn of_cause_at(code: Option<&str>, action: &str) -> Advice {
    let advice = of_cause(code);
    if code.and_then(Cause::from_code) != Some(Cause::DataRefused) {
        return advice;
    }
    match ActionKind::from_name(action) {
        Some(ActionKind::AppendProgress) => advice.but("refused-step", true),
        Some(ActionKind::OpenPayment) => advice.but("refused-payment", true),
        Some(ActionKind::CreateParcel) => advice.but("refused-parcel", true),
        Some(ActionKind::CancelParcel) => advice.but("refused-cancel", true),
        Some(ActionKind::SyncDossier | ActionKind::Unassigned) | None => advice,
    }
}

/// What to do about a partner that failed the test question: nothing was sent, so nothing has to be looked up.
pub fn of_check(cause: Cause) -> Advice {
    let key = match cause {
        Cause::Unreachable => "check-unreachable",
        Cause::NoAnswer | Cause::Broken | Cause::Interrupted => "check-silent",
        Cause::Throttled | Cause::PartnerFailed | Cause::PartnerUnavailable => "check-away",
        Cause::SessionRejected | Cause::CredentialsRejected => "check-credentials",
        Cause::PartnerUntrusted => "cause-partner_untrusted",
        Cause::DataRefused
        | Cause::ForeignRecord
        | Cause::UnknownThere
        | Cause::Unreadable
        | Cause::Unlisted
        | Cause::Exhausted => "check-unclear",
        Cause::Internal => "check-internal",
    };
    Advice::new(key, true)
}

/// What to do about a quarantined event.
pub fn of_reason(code: &str) -> Advice {
    let key = format!("reason-{code}");
    if find(Locale::Vi, &key, &[]).is_some() {
        Advice::new(key, true)
    } else {
        Advice::new("reason-unknown", true).with("what", code)
    }
}

/// What to do about a paused connector: only wrong credentials need a person here.
pub fn of_pause(cause: Option<Cause>) -> Advice {
    let told = of_cause(cause.map(Cause::code));
    match cause {
        Some(
            Cause::CredentialsRejected | Cause::PartnerUntrusted | Cause::SessionRejected | Cause::Internal,
        ) => told,
        _ => told.but("paused-partner", false),
    }
}

/// What to do about a partner that is on its way back: nothing.
pub fn of_return() -> Advice {
    Advice::new("partner-returns", false)
}

/// Who holds a connector, and what ends it.
pub fn of_hold(hold: &Hold) -> Advice {
    let key = match (hold.by.as_str(), hold.until) {
        (CALENDAR, _) => "held-calendar",
        (_, Some(_)) => "held-until",
        (_, None) => "held-open",
    };
    let until = hold.until.map(|at| business(at).strftime("%H:%M %d/%m/%Y").to_string()).unwrap_or_default();
    Advice::new(key, false).with("what", mask::free(&hold.by)).with("until", until)
}

/// How long what waits at a partner takes, once it flows, in words.
pub fn drain(locale: Locale, seconds: Option<i64>) -> String {
    let (key, n) = match seconds {
        None => ("drain-unknown", 0),
        Some(seconds) if seconds < 60 => ("drain-soon", 0),
        Some(seconds) if seconds < 2 * 3600 => ("drain-minutes", seconds.div_euclid(60) + 1),
        Some(seconds) if seconds < 48 * 3600 => ("drain-hours", seconds.div_euclid(3600) + 1),
        Some(seconds) => ("drain-days", seconds.div_euclid(86_400) + 1),
    };
    text_with(locale, key, &[("n", Arg::Count(n))])
}

/// What to do about an operation, given its connector's condition if nothing is sent there; none: it has ended.
pub fn of_operation(operation: &OperationView, shut: Option<&ConnectorCondition>) -> Option<Advice> {
    use OperationState as S;
    let state = S::from_name(&operation.state)?;
    let cause = operation.cause.as_deref();
    Some(match (state, shut) {
        (S::Succeeded | S::Refused | S::Superseded | S::Dismissed, _) => return None,
        (S::Held, _) => of_need(operation.need.as_deref().unwrap_or("?")),
        (S::Stuck, _) => of_cause_at(cause, &operation.action),
        (S::Ready, _) if !operation.is_head => Advice::new("waits-behind", false),
        (S::Ready | S::Doubtful, Some(condition)) => waits_shut(condition),
        (S::Ready, None) if cause.is_some() => of_cause(cause).but("waits-retry", false),
        (S::Ready, None) => Advice::new("waits-turn", false),
        (S::Running, _) => Advice::new("waits-running", false),
        (S::Doubtful, None) => Advice::new("waits-doubtful", false),
        (S::Awaiting, _) => Advice::new("waits-awaiting", false),
    })
}

/// Behind a pause everything goes on by itself, once whoever has to has mended what caused it.
fn waits_shut(condition: &ConnectorCondition) -> Advice {
    if let Some(hold) = &condition.hold {
        return of_hold(hold);
    }
    let of_pause = of_pause(condition.phase.trouble().map(|t| t.cause));
    if of_pause.needs_person { of_pause } else { Advice::new("waits-paused", false) }
}

/// What the partner or we said, fit to be shown.
pub fn said(text: Option<&str>) -> String {
    mask::free(text.unwrap_or(""))
}
