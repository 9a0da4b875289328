//! `lienthong reconcile`: how what partners have compares with what we have, and a run by hand. `lienthong discrepancy
//! list|show|ask|resend|close`: the differences that a person has to see.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Failure, Global, Screen,
    api::{self, Api, percent},
    when,
    words::{advice, list, number, text},
};
use crate::i18n::Arg;

/// `lienthong reconcile …`
#[derive(Debug, Args)]
pub struct Reconcile {
    /// Kết nối (không cần nếu chỉ có một)
    /// The connector (not needed if there is one)
    #[arg(default_value = "", verbatim_doc_comment)]
    pub partner: String,
    /// Hỏi đối tác ngay về mọi hồ sơ chưa xong; dịch vụ đang chạy làm việc này
    /// Have the running service ask about all open dossiers now
    #[arg(long, conflicts_with = "show", verbatim_doc_comment)]
    pub now: bool,
    /// Cùng --now: chỉ hỏi về những hồ sơ vừa thay đổi
    /// With --now: only what changed
    #[arg(long, requires = "now", verbatim_doc_comment)]
    pub changed: bool,
    /// Chỉ xem các lượt đối soát (mặc định)
    /// Only show the runs (what it does unless told)
    #[arg(long, verbatim_doc_comment)]
    pub show: bool,
}

impl Reconcile {
    pub(super) async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        if !self.now {
            let path = format!("/v1/reconciliations?connector={}&limit=20", percent(&self.partner));
            runs(screen, &api::ask(global, screen, &path).await?);
            return Ok(ExitCode::SUCCESS);
        }
        let api = Api::open(global, screen).await?;
        let body = json!({ "connector": self.partner, "changed_only": self.changed });
        let answer = api.decide_with(screen, "/v1/reconciliations", &body).await;
        api.close().await;
        let answer = answer?;
        if screen.json {
            screen.value(&answer);
        } else {
            let id = Arg::Text(text(&answer, "connector"));
            screen.line(screen.say_with("reconcile-wanted", &[("id", id)]));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn runs(screen: &Screen, answer: &Value) {
    if screen.json {
        screen.value(answer);
        return;
    }
    let open = number(answer, "open_discrepancies");
    screen.line(screen.say_with("reconcile-open", &[("count", Arg::Count(open))]));
    let headings = [
        "when",
        "reconcile-reach",
        "reconcile-asked",
        "reconcile-agrees",
        "reconcile-differs",
        "reconcile-repaired",
        "reconcile-ended",
    ];
    let mut table = screen.roomy(&headings, 1);
    for run in list(answer, "reconciliations") {
        let counts = &run["counts"];
        let differs: i64 =
            ["missing", "behind", "ahead", "unknown_here"].iter().map(|kind| number(counts, kind)).sum();
        table.add_row([
            when::short(&run["began_at"]),
            screen.named("reach", text(run, "reach")),
            screen.number(number(counts, "asked")),
            screen.number(number(counts, "agrees")),
            screen.number(differs),
            screen.number(number(counts, "repaired")),
            if run["ended_at"].is_null() {
                screen.say("reconcile-running")
            } else {
                when::short(&run["ended_at"])
            },
        ]);
    }
    screen.line(table.to_string());
}

/// `lienthong discrepancy …`
#[derive(Debug, Subcommand)]
pub enum Discrepancy {
    /// Liệt kê, cũ nhất trước
    /// List, the oldest first
    #[command(verbatim_doc_comment)]
    List(Which),
    /// Một chênh lệch: bên ta, bên đối tác, đã làm gì
    /// One: ours beside theirs, and its history
    #[command(verbatim_doc_comment)]
    Show(One),
    /// Hỏi lại đối tác
    /// Have the partner asked again
    #[command(verbatim_doc_comment)]
    Ask(Decide),
    /// Gửi lại toàn bộ trạng thái của ta
    /// Send our full state again
    #[command(verbatim_doc_comment)]
    Resend(Decide),
    /// Đóng vì đã rõ nguyên nhân hoặc đã xử lý bằng cách khác, có ghi lý do
    /// Close it: explained, or settled otherwise, on record
    #[command(verbatim_doc_comment)]
    Close(Decide),
}

/// Which ones.
#[derive(Debug, Args)]
pub struct Which {
    /// Chỉ của kết nối này
    /// Of this connector only
    #[arg(long, alias = "connector", default_value = "", verbatim_doc_comment)]
    pub partner: String,
    /// Chỉ loại này: status.missing, status.behind, status.ahead, status.steps_unclear, status.unknown_here
    /// Of this kind only
    #[arg(long, default_value = "", verbatim_doc_comment)]
    pub kind: String,
    /// Cả những chênh lệch đã đóng
    /// Closed ones too
    #[arg(long, verbatim_doc_comment)]
    pub closed: bool,
    /// Từ sau số này
    /// After this number
    #[arg(long, default_value_t = 0, verbatim_doc_comment)]
    pub after: i64,
    /// Nhiều nhất bao nhiêu dòng
    /// At most this many
    #[arg(long, default_value_t = 50, verbatim_doc_comment)]
    pub limit: i64,
}

/// Which one.
#[derive(Debug, Args)]
pub struct One {
    /// Số trong danh sách
    /// Its number in the list
    #[arg(verbatim_doc_comment)]
    pub id: i64,
}

/// Which one, and why.
#[derive(Debug, Args)]
pub struct Decide {
    /// Số trong danh sách
    /// Its number in the list
    #[arg(verbatim_doc_comment)]
    pub id: i64,
    /// Lý do, được ghi vào nhật ký xử lý
    /// The reason, kept on record
    #[arg(long, verbatim_doc_comment)]
    pub reason: String,
}

impl Discrepancy {
    pub(super) async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        match self {
            Self::List(which) => {
                let Which { partner, kind, closed, after, limit } = which;
                let (partner, kind) = (percent(&partner), percent(&kind));
                let path = format!(
                    "/v1/discrepancies?connector={partner}&kind={kind}&closed={closed}&after={after}&limit={limit}"
                );
                all(screen, &api::ask(global, screen, &path).await?);
            }
            Self::Show(one) => {
                show(screen, &api::ask(global, screen, &format!("/v1/discrepancies/{}", one.id)).await?);
            }
            Self::Ask(decide) => decide.run(global, screen, "ask").await?,
            Self::Resend(decide) => decide.run(global, screen, "resend").await?,
            Self::Close(decide) => decide.run(global, screen, "close").await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Decide {
    async fn run(&self, global: &Global, screen: &Screen, wish: &str) -> Result<(), Failure> {
        let api = Api::open(global, screen).await?;
        let path = format!("/v1/discrepancies/{}/{wish}", self.id);
        let answer = api.decide_with(screen, &path, &json!({ "reason": self.reason })).await;
        api.close().await;
        let answer = answer?;
        if screen.json {
            screen.value(&answer);
        } else {
            screen.line(screen.say_with("discrepancy-noted", &[("id", Arg::Text(&self.id.to_string()))]));
        }
        Ok(())
    }
}

fn all(screen: &Screen, answer: &Value) {
    if screen.json {
        screen.value(answer);
        return;
    }
    let mut table = screen.roomy(&["number", "since", "discrepancy-kind", "dossier-code", "why"], 4);
    for one in list(answer, "discrepancies") {
        table.add_row([
            number(one, "id").to_string(),
            when::short(&one["opened_at"]),
            screen.named("discrepancy", &text(one, "kind").replace('.', "-")),
            text(one, "key").to_owned(),
            advice(screen, one, "why").to_owned(),
        ]);
    }
    screen.line(table.to_string());
    if let Some(next) = answer.get("next").and_then(Value::as_i64) {
        screen.line(screen.say_with("next-page", &[("after", Arg::Text(&next.to_string()))]));
    }
}

fn show(screen: &Screen, answer: &Value) {
    if screen.json {
        screen.value(answer);
        return;
    }
    let one = &answer["discrepancy"];
    let mut table = screen.plain_table();
    table.add_row([screen.say("number"), number(one, "id").to_string()]);
    table.add_row([
        screen.say("discrepancy-kind"),
        screen.named("discrepancy", &text(one, "kind").replace('.', "-")),
    ]);
    table.add_row([screen.say("dossier-code"), text(one, "key").to_owned()]);
    table.add_row([screen.say("partner"), text(one, "connector").to_owned()]);
    table.add_row([screen.say("since"), when::long(&one["opened_at"])]);
    table.add_row([screen.say("discrepancy-ours"), one["ours"].to_string()]);
    table.add_row([screen.say("discrepancy-theirs"), one["theirs"].to_string()]);
    for (key, part) in [("why", "why"), ("who", "who"), ("next", "next")] {
        table.add_row([screen.say(key), advice(screen, one, part).to_owned()]);
    }
    if !one["closed_at"].is_null() {
        let how = format!(
            "{} {} {}",
            when::long(&one["closed_at"]),
            text(one, "closed_by"),
            text(one, "closed_because")
        );
        table.add_row([screen.say("closed"), how.trim().to_owned()]);
    }
    screen.line(table.to_string());
    let mut notes = screen.roomy(&["when", "discrepancy-deed", "discrepancy-by", "discrepancy-said"], 3);
    for note in list(one, "history") {
        notes.add_row([
            when::short(&note["at"]),
            screen.named("deed", text(note, "deed")),
            text(note, "by").to_owned(),
            text(note, "said").to_owned(),
        ]);
    }
    screen.line(notes.to_string());
}
