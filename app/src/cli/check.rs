//! `lienthong check [CONNECTOR]`: asks every partner the question without effect, with the credentials of the
//! configuration file as it is now; also beside a running service.

use std::{collections::BTreeMap, process::ExitCode};

use async_trait::async_trait;
use clap::Args;
use futures_util::future::join_all;
use lienthong_core::{
    clock::{Clock, SystemClock},
    flow::health,
    id::ConnectorId,
    outcome::Cause,
    port::{
        connector::{CheckFailure, Connector, Sessions},
        store::{Session, StoreError},
    },
};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::{Failure, Global, Screen, api};
use crate::{
    compose::{self, StoreHandle},
    config::{Config, StoreKind},
    http::advice::{self, Advice},
    i18n::Arg,
    tokens,
};

/// `lienthong check`
#[derive(Debug, Args)]
pub struct Check {
    /// Chỉ hỏi kết nối này (mặc định: tất cả)
    /// Only this connection
    #[arg(value_name = "CONNECTOR", verbatim_doc_comment)]
    pub connector: Option<String>,
}

impl Check {
    pub(super) async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        let config = super::load(global)?;
        tokens::check(&config)?;
        let mut connectors = compose::connectors(&config)?;
        if let Some(wanted) = &self.connector {
            let known: Vec<String> = connectors.iter().map(|c| c.manifest().id.to_string()).collect();
            connectors.retain(|c| c.manifest().id.as_str() == wanted);
            if connectors.is_empty() {
                let said = screen.say_with("check-unknown", &[("id", Arg::Text(wanted))]);
                return Err(Failure::new(said, known.join(", ")));
            }
        }
        store_opens(global, &config).await?;
        let sessions = Own::default();
        let asked = connectors.iter().map(|c| health::check(&**c, SystemClock.now(), &sessions));
        let answers = join_all(asked).await;
        let results: Vec<Checked> =
            connectors.iter().zip(answers).map(|(c, answer)| Checked::new(&**c, answer)).collect();
        let is_good = results.iter().all(|r| r.failed.is_none());
        show(screen, &results, is_good);
        Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Whether the store can be used; the embedded one belongs to the service while that runs.
async fn store_opens(global: &Global, config: &Config) -> Result<(), Failure> {
    if config.store.kind == StoreKind::Sqlite && api::is_served(global, config).await? {
        return Ok(());
    }
    let store = StoreHandle::open(config, "check").await?;
    let answered = store.store().ping().await;
    store.close().await;
    Ok(answered?)
}

/// Sessions of this command alone: one from the store would pass though the file's credentials are wrong.
#[derive(Default)]
struct Own(Mutex<BTreeMap<ConnectorId, Session>>);

#[async_trait]
impl Sessions for Own {
    async fn get(&self, connector: &ConnectorId) -> Result<Option<Session>, StoreError> {
        Ok(self.0.lock().await.get(connector).cloned())
    }

    async fn put(&self, connector: &ConnectorId, session: &Session) -> Result<(), StoreError> {
        self.0.lock().await.insert(connector.clone(), session.clone());
        Ok(())
    }
}

/// How connectors begin to say that all is well, and our words for it; what is not listed is shown as said.
const GOOD: [(&str, &str); 3] = [
    ("login accepted; LayDanhSachTTHC lists", "check-note-portal"),
    ("QUERY answers and takes our signature", "check-note-payment"),
    ("the token was accepted; the tracking feed answers", "check-note-post"),
];

/// What became of one question.
struct Checked {
    id: String,
    label: String,
    said: String,
    failed: Option<(Cause, Advice)>,
}

impl Checked {
    fn new(connector: &dyn Connector, answer: Option<Result<String, CheckFailure>>) -> Self {
        let manifest = connector.manifest();
        let (id, label) = (manifest.id.to_string(), manifest.label.clone());
        let (said, cause) = match answer {
            Some(Ok(said)) => (said, None),
            Some(Err(failure)) => (failure.said, Some(failure.cause)),
            None => (String::new(), Some(Cause::NoAnswer)),
        };
        let said = advice::said(Some(&said));
        Self { id, label, said, failed: cause.map(|cause| (cause, advice::of_check(cause))) }
    }

    /// What was learnt, in the screen's language. Connectors say it in English, partners in words of their own.
    fn note(&self, screen: &Screen) -> String {
        let known = GOOD.iter().find(|(said, _)| self.failed.is_none() && self.said.starts_with(said));
        let Some((said, key)) = known else { return self.said.clone() };
        let rest = self.said.get(said.len()..).unwrap_or_default();
        let count = rest.split_whitespace().find_map(|word| word.parse().ok()).unwrap_or(0);
        screen.say_with(key, &[("count", Arg::Count(count))])
    }

    fn to_json(&self) -> Value {
        let cause = self.failed.as_ref().map(|(cause, _)| cause.code());
        let advice = self.failed.as_ref().map(|(_, advice)| advice.to_json());
        json!({
            "connector": self.id, "label": self.label, "ok": self.failed.is_none(), "said": self.said,
            "cause": cause, "advice": advice,
        })
    }
}

fn show(screen: &Screen, results: &[Checked], is_good: bool) {
    if screen.json {
        let partners: Vec<Value> = results.iter().map(Checked::to_json).collect();
        screen.value(&json!({ "ok": is_good, "partners": partners }));
        return;
    }
    if results.is_empty() {
        screen.line(screen.say("check-none"));
        return;
    }
    let mut table = screen.roomy(&["partner", "outcome", "note", "next"], 1);
    for result in results {
        let (outcome, next) = match &result.failed {
            None => (screen.say("check-ok"), String::new()),
            Some((_, advice)) => {
                let next = format!("{}\n{}", advice.who(screen.locale), advice.next(screen.locale));
                (format!("✗ {}", advice.why(screen.locale)), next)
            }
        };
        table.add_row([result.id.clone(), outcome, result.note(screen), next]);
    }
    screen.line(table.to_string());
    screen.line(screen.say(if is_good { "check-good" } else { "check-bad" }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Locale;

    fn checked(said: &str, cause: Option<Cause>) -> Checked {
        let failed = cause.map(|cause| (cause, advice::of_check(cause)));
        Checked { id: "x".into(), label: "X".into(), said: said.into(), failed }
    }

    #[test]
    fn good_answers_are_told_in_the_language_of_the_screen_and_others_as_they_came() {
        let screen = Screen::new(Locale::Vi, false);
        let good = "login accepted; LayDanhSachTTHC lists 1234 procedures";
        assert!(checked(good, None).note(&screen).contains("1.234"), "{}", checked(good, None).note(&screen));
        assert_eq!(checked("QUERY answers 97", None).note(&screen), "QUERY answers 97");
        assert_eq!(checked(good, Some(Cause::NoAnswer)).note(&screen), good);
    }
}
