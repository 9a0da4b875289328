//! `lienthong catalogue show|pull|drift`: the portal's catalogue as it is stored, and which mappings break by it.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Failure, Global, Screen,
    api::{self, Api},
    when,
    words::{list, number, text},
};
use crate::i18n::Arg;

/// `lienthong catalogue …`
#[derive(Debug, Subcommand)]
pub enum Catalogue {
    /// Danh mục đã lưu: từng danh sách, phiên bản, lần lấy gần nhất
    /// The stored catalogue: its lists, versions, the latest pull
    #[command(verbatim_doc_comment)]
    Show,
    /// Lấy lại danh mục ngay; dịch vụ đang chạy làm việc này trong vòng một phút
    /// Have the running service pull the catalogue now
    #[command(verbatim_doc_comment)]
    Pull(Pull),
    /// Thủ tục mới, đổi, bị bỏ; bảng mã nào của ta hỏng theo
    /// What is new, changed, withdrawn, and which of our mappings break
    #[command(verbatim_doc_comment)]
    Drift(Drift),
}

/// Which catalogue.
#[derive(Debug, Args)]
pub struct Pull {
    /// Kết nối (không cần nếu chỉ có một)
    /// The connector (not needed if there is one)
    #[arg(long, alias = "connector", default_value = "", verbatim_doc_comment)]
    pub partner: String,
    /// Tin rằng những mục thiếu trong câu trả lời là đã bị bỏ thật
    /// Believe that what is missing from the answer is really gone
    #[arg(long, verbatim_doc_comment)]
    pub believe_missing: bool,
}

/// Since when.
#[derive(Debug, Args)]
pub struct Drift {
    /// Kết nối (không cần nếu chỉ có một)
    /// The connector (not needed if there is one)
    #[arg(long, alias = "connector", default_value = "", verbatim_doc_comment)]
    pub partner: String,
    /// Từ ngày này (mặc định: 30 ngày)
    /// Since this day (30 days unless told)
    #[arg(long, default_value = "", verbatim_doc_comment)]
    pub since: String,
    /// Chỉ danh sách này: procedures, procedure-details, services, fields, agencies, …
    /// Only this list
    #[arg(long, default_value = "", verbatim_doc_comment)]
    pub list: String,
}

impl Catalogue {
    pub(super) async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        match self {
            Self::Show => show(screen, &api::ask(global, screen, "/v1/catalogue").await?),
            Self::Pull(pull) => pull.run(global, screen).await?,
            Self::Drift(drift) => {
                let Drift { partner, since, list } = drift;
                let path = format!("/v1/catalogue/drift?connector={partner}&since={since}&list={list}");
                return Ok(told(screen, &api::ask(global, screen, &path).await?));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Pull {
    async fn run(&self, global: &Global, screen: &Screen) -> Result<(), Failure> {
        let api = Api::open(global, screen).await?;
        let body = json!({ "connector": self.partner, "believe_missing": self.believe_missing });
        let answer = api.decide_with(screen, "/v1/catalogue/pull", &body).await;
        api.close().await;
        let answer = answer?;
        if screen.json {
            screen.value(&answer);
        } else {
            screen
                .line(screen.say_with("catalogue-wanted", &[("id", Arg::Text(text(&answer, "connector")))]));
        }
        Ok(())
    }
}

fn show(screen: &Screen, answer: &Value) {
    if screen.json {
        screen.value(answer);
        return;
    }
    for catalogue in list(answer, "catalogues") {
        let mut facts = screen.plain_table();
        facts.add_row([screen.say("partner"), text(catalogue, "connector").to_owned()]);
        let running = &catalogue["running"];
        if !running.is_null() {
            facts.add_row([screen.say("catalogue-running"), when::long(&running["since_at"])]);
        }
        facts.add_row([screen.say("catalogue-ended"), when::long(&catalogue["ended_at"])]);
        facts.add_row([screen.say("catalogue-next"), when::long(&catalogue["next_at"])]);
        let failed = number(&catalogue["last"], "failed");
        if failed > 0 {
            facts.add_row([screen.say("catalogue-failed"), screen.number(failed)]);
        }
        screen.line(facts.to_string());
        let headings =
            ["catalogue-list", "catalogue-rows", "catalogue-version", "catalogue-changed", "catalogue-held"];
        let mut table = screen.roomy(&headings, 1);
        for head in list(catalogue, "lists") {
            let held = number(head, "held_back");
            table.add_row([
                screen.named("list", text(head, "list")),
                screen.number(number(head, "rows")),
                number(head, "version").to_string(),
                when::short(&head["changed_at"]),
                if held > 0 { screen.number(held) } else { String::new() },
            ]);
        }
        screen.line(table.to_string());
    }
}

/// Broken mappings end with a failure: for scripts.
fn told(screen: &Screen, answer: &Value) -> ExitCode {
    let broken = list(answer, "broken");
    let code = if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if screen.json {
        screen.value(answer);
        return code;
    }
    if broken.is_empty() {
        screen.line(screen.say("drift-none"));
    } else {
        screen.line(screen.say_with("drift-broken", &[("count", Arg::Count(broken.len() as i64))]));
        let mut table = screen.roomy(&["mapping-local", "mapping-national", "why", "mapping-origin"], 2);
        for one in broken {
            table.add_row([
                format!("{} {}", screen.named("table", text(one, "table")), text(one, "local")),
                format!("{}\n{}", text(one, "national"), text(one, "name")).trim_end().to_owned(),
                screen.named("broken", text(one, "why")),
                screen.named("origin", text(&one["origin"], "from")),
            ]);
        }
        screen.line(table.to_string());
    }
    let changes = list(answer, "changes");
    screen.line(screen.say_with("drift-changes", &[("count", Arg::Count(changes.len() as i64))]));
    if changes.is_empty() {
        return code;
    }
    let mut table = screen.roomy(&["when", "catalogue-list", "drift-kind", "drift-entry", "drift-what"], 3);
    for change in changes {
        let differences = list(change, "differences")
            .iter()
            .take(5)
            .map(|d| format!("{}: {} → {}", text(d, "path"), text(d, "before"), text(d, "after")));
        table.add_row([
            when::short(&change["at"]),
            screen.named("list", text(change, "list")),
            screen.named("change", text(change, "kind")),
            format!("{} {}", text(change, "code"), text(change, "name")),
            differences.collect::<Vec<_>>().join("\n"),
        ]);
    }
    screen.line(table.to_string());
    code
}
