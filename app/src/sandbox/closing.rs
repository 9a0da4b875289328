//! The closing account of a demonstration: what reached each partner, what came back, what waits and why, both ledgers,
//! violations of the contracts.

use std::collections::BTreeMap;

use lienthong_core::{flow::index, index::period::Period, operation::OperationState};
use serde_json::{Value, json};

use super::{province, stage::Stage};
use crate::{
    cli::{Failure, Screen, inside},
    http::auth::Scope,
    i18n::{Arg, number},
};

/// How often something was told to the one-stop system, and the money in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) count: u64,
    pub(super) amount: i64,
}

/// Everything that was told to the one-stop system, by event name.
pub(super) async fn came_back(stage: &Stage) -> Result<BTreeMap<String, Told>, Failure> {
    const PAGE: i64 = 1000;
    let store = &stage.engine().store;
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    let mut after = 0;
    loop {
        let rows = store.outbox(after, PAGE).await?;
        let is_last = (rows.len() as i64) < PAGE;
        for row in rows {
            after = row.number;
            let amount = serde_json::from_str::<Value>(&row.data).ok();
            let amount = amount.and_then(|d| d.get("amount").and_then(Value::as_i64)).unwrap_or(0);
            let entry = told.entry(row.name).or_default();
            entry.count += 1;
            entry.amount += amount;
        }
        if is_last {
            return Ok(told);
        }
    }
}

/// The quarter that has the played dossiers; of another file's, the latest month with any.
fn period(months: &[Period]) -> String {
    let sample = province::PERIOD.parse::<Period>().ok();
    match (sample, months.first()) {
        (Some(sample), Some(latest)) if sample.around(*latest) != sample => latest.to_string(),
        _ => province::PERIOD.to_owned(),
    }
}

/// Where a running sandbox shows the index of a period.
pub(super) fn index_page(base: &str, period: &str) -> String {
    format!("{base}/chi-so?period={period}")
}

/// The account.
pub(super) struct Closing {
    status: Value,
    index: Value,
    /// The period that the index is of: the one that has the played dossiers.
    period: String,
    told: BTreeMap<String, Told>,
    violations: Vec<String>,
    double_openings: usize,
}

impl Closing {
    /// Reads it off the stage, through the same API as everybody.
    pub(super) async fn read(stage: &Stage) -> Result<Self, Failure> {
        let application = stage.application();
        let token = application.token("demo", &[Scope::Read], jiff::SignedDuration::from_mins(5))?;
        let status = inside(application.router(), &token, "/v1/status").await?;
        index::refresh(stage.engine()).await?;
        let period = period(&index::months(stage.engine()).await?);
        let path = format!("/v1/index?period={period}");
        let index = inside(application.router(), &token, &path).await?["index"].take();
        let told = came_back(stage).await?;
        let double_openings = stage.suite.payments.double_openings().len();
        Ok(Self { status, index, period, told, violations: stage.suite.violations(), double_openings })
    }

    /// Whether everything came out: nothing stuck or held, nothing in quarantine, both ledgers, no contract violated.
    pub(super) fn is_good(&self) -> bool {
        let is_zero = |ledger: &str, entry: &str| self.status["ledgers"][ledger][entry].as_i64() == Some(0);
        is_zero("operations", "open")
            && is_zero("messages", "quarantined")
            && is_zero("messages", "difference")
            && is_zero("operations", "difference")
            && self.violations.is_empty()
            && self.double_openings == 0
    }

    /// Shows it.
    pub(super) fn show(&self, screen: &Screen) {
        if screen.json {
            screen.value(&self.json());
            return;
        }
        self.show_sent(screen);
        self.show_told(screen);
        self.show_waiting(screen);
        if self.index["dossiers"].as_i64().is_some_and(|dossiers| dossiers > 0) {
            screen.line(screen.say("closing-index"));
            crate::cli::show_index(screen, &self.index);
            let url = index_page(&format!("http://{}", crate::cli::SANDBOX), &self.period);
            let values = [("command", Arg::Text("make sandbox")), ("url", Arg::Text(&url))];
            screen.line(screen.say_with("closing-index-page", &values));
        }
        crate::cli::show_ledgers(screen, &self.status["ledgers"]);
        let violations = self.violations.len() as i64;
        screen.line(screen.say_with("closing-violations", &[("count", Arg::Count(violations))]));
        for violation in self.violations.iter().take(10) {
            screen.line(format!("  ✗ {violation}"));
        }
        let verdict = if self.is_good() { "closing-good" } else { "closing-bad" };
        screen.line(screen.say(verdict));
    }

    pub(super) fn json(&self) -> Value {
        let told: BTreeMap<&String, Value> = self
            .told
            .iter()
            .map(|(name, t)| (name, json!({ "count": t.count, "amount": t.amount })))
            .collect();
        json!({
            "good": self.is_good(),
            "operations": self.status["operations"],
            "told": told,
            "matters": self.status["matters"],
            "index": self.index,
            "index_page": index_page("", &self.period),
            "ledgers": self.status["ledgers"],
            "violations": self.violations,
            "double_openings": self.double_openings,
        })
    }

    /// Per partner and action: what reached it, what has still to, what it refused.
    fn show_sent(&self, screen: &Screen) {
        let mut rows: BTreeMap<(String, String), [i64; 4]> = BTreeMap::new();
        for count in self.status["operations"].as_array().into_iter().flatten() {
            let text = |field: &str| count[field].as_str().unwrap_or_default().to_owned();
            let column = match OperationState::from_name(&text("state")) {
                Some(OperationState::Succeeded) => 0,
                Some(OperationState::Held | OperationState::Stuck) => 2,
                Some(OperationState::Refused | OperationState::Superseded | OperationState::Dismissed) => 3,
                Some(_) | None => 1,
            };
            let row = rows.entry((text("connector"), text("action"))).or_default();
            row[column] += count["operations"].as_i64().unwrap_or(0);
        }
        screen.line(screen.say("closing-sent"));
        let mut table = screen.table(&["partner", "action", "done", "waiting", "stuck", "dropped"]);
        for ((connector, action), counts) in rows {
            let label = self.label(&connector);
            let action = screen.named("action", &action);
            let [done, waiting, stuck, dropped] = counts.map(|n| number(screen.locale, n));
            table.add_row([label, action, done, waiting, stuck, dropped]);
        }
        screen.line(table.to_string());
    }

    fn label(&self, connector: &str) -> String {
        let partners = self.status["partners"].as_array().into_iter().flatten();
        let found = partners.into_iter().find(|p| p["connector"].as_str() == Some(connector));
        found.and_then(|p| p["label"].as_str()).unwrap_or(connector).to_owned()
    }

    fn show_told(&self, screen: &Screen) {
        screen.line(screen.say("closing-told"));
        let mut table = screen.table(&["event", "count", "amount"]);
        for (name, told) in &self.told {
            let count = number(screen.locale, told.count as i64);
            let amount = if told.amount > 0 { number(screen.locale, told.amount) } else { String::new() };
            table.add_row([screen.named("cli-out", &name.replace('.', "-")), count, amount]);
        }
        screen.line(table.to_string());
    }

    fn show_waiting(&self, screen: &Screen) {
        let Some(matters) = self.status["matters"].as_array().filter(|m| !m.is_empty()) else {
            screen.line(screen.say("closing-nothing-waits"));
            return;
        };
        screen.line(screen.say("closing-waits"));
        let mut table = screen.roomy(&["count", "why", "who", "next"], 1);
        for matter in matters {
            let part = |name: &str| {
                matter["advice"][screen.locale.code()][name].as_str().unwrap_or_default().to_owned()
            };
            let count = number(screen.locale, matter["count"].as_i64().unwrap_or(0));
            table.add_row([count, part("why"), part("who"), part("next")]);
        }
        screen.line(table.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closing(open: i64, quarantined: i64, difference: i64) -> Closing {
        let ledgers = json!({
            "messages": { "quarantined": quarantined, "difference": 0 },
            "operations": { "open": open, "difference": difference },
        });
        let status = json!({ "ledgers": ledgers });
        Closing {
            status,
            index: Value::Null,
            period: String::new(),
            told: BTreeMap::new(),
            violations: Vec::new(),
            double_openings: 0,
        }
    }

    #[test]
    fn an_account_is_good_only_if_nothing_waits_differs_or_was_violated() {
        assert!(closing(0, 0, 0).is_good());
        assert!(!closing(1, 0, 0).is_good(), "something is stuck or held");
        assert!(!closing(0, 1, 0).is_good(), "something is in quarantine");
        assert!(!closing(0, 0, 1).is_good(), "a ledger differs");
        assert!(!Closing { violations: vec!["x".into()], ..closing(0, 0, 0) }.is_good());
        assert!(!Closing { double_openings: 1, ..closing(0, 0, 0) }.is_good());
        assert!(
            !Closing { status: Value::Null, ..closing(0, 0, 0) }.is_good(),
            "an account that says nothing"
        );
    }
}
