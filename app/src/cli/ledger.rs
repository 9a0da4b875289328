//! `lienthong ledger show|audit`: the two ledgers, and whether the rows that they count are there.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    Failure, Global, Screen,
    api::{self, Api},
    show_ledgers, when,
    words::{list, number, text},
};

/// `lienthong ledger …`
#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// Hai sổ đối chiếu và lần đếm lại gần nhất
    /// Both ledgers and their last audit
    #[command(verbatim_doc_comment)]
    Show,
    /// Đếm lại từng dòng trong kho và so với sổ; mã thoát 1 nếu lệch
    /// Count the rows again and compare; exits with 1 if an entry differs
    #[command(verbatim_doc_comment)]
    Audit,
}

impl Ledger {
    pub(super) async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        let answer = match self {
            Self::Show => api::ask(global, screen, "/v1/ledgers").await?,
            Self::Audit => {
                let api = Api::open(global, screen).await?;
                let answer = api.decide_with(screen, "/v1/ledgers/audit", &json!({})).await;
                api.close().await;
                answer?
            }
        };
        if screen.json {
            screen.value(&answer);
        } else {
            show_ledgers(screen, &answer);
            audit(screen, &answer["audit"]);
        }
        let is_wrong = list(&answer["audit"], "entries").iter().any(|e| number(e, "difference") != 0);
        Ok(if is_wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn audit(screen: &Screen, audit: &Value) {
    if audit.is_null() {
        screen.line(screen.say("audit-never"));
        return;
    }
    screen.line(format!("{} {}", screen.say("audit-at"), when::long(&audit["at"])));
    let mut table = screen.table(&["audit-entry", "audit-booked", "audit-counted", "ledger-difference"]);
    for entry in list(audit, "entries") {
        let figure = |field: &str| screen.number(number(entry, field));
        table.add_row([
            screen.say(&format!("ledger-{}", text(entry, "entry"))),
            figure("booked"),
            figure("counted"),
            figure("difference"),
        ]);
    }
    screen.line(table.to_string());
    screen.line(screen.say("audit-note"));
}
