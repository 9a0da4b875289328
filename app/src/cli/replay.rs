//! `lienthong replay plan|list|show|start|pause|resume|cancel`: many operations sent again, planned before and on record.

use std::{process::ExitCode, time::Duration};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Failure, Global, Screen,
    api::{self, Api},
    when,
    words::{advice, list, number, text},
};
use crate::i18n::Arg;

/// `lienthong replay …`
#[derive(Debug, Subcommand)]
pub enum Replay {
    /// Lập kế hoạch gửi lại: chọn thao tác, cho biết gửi lại sẽ làm gì; chưa gửi gì cả
    /// Plan: select operations and tell what sending them again would do; sends nothing
    #[command(verbatim_doc_comment)]
    Plan(Box<Plan>),
    /// Liệt kê các kế hoạch gửi lại
    /// List the plans
    #[command(verbatim_doc_comment)]
    List,
    /// Một kế hoạch: sẽ làm gì, đã làm gì, cái nào hỏng và vì sao
    /// One plan: what it would do, what it did, what failed and why
    #[command(verbatim_doc_comment)]
    Show(One),
    /// Bắt đầu: gửi thử vài thao tác, được thì tự gửi tiếp, hỏng nhiều thì tự dừng
    /// Start: a few first, then the rest by itself; stops when too much fails
    #[command(verbatim_doc_comment)]
    Start(Order),
    /// Tạm dừng, không gửi thêm
    /// Send nothing for now
    #[command(verbatim_doc_comment)]
    Pause(Order),
    /// Chạy tiếp kế hoạch đang tạm dừng hoặc đã tự dừng
    /// Go on with one that was paused or stopped itself
    #[command(verbatim_doc_comment)]
    Resume(Order),
    /// Huỷ kế hoạch; những gì đã gửi thì giữ nguyên
    /// End it; what was sent stays sent
    #[command(verbatim_doc_comment)]
    Cancel(Order),
}

/// Which operations, how fast, and why.
#[derive(Debug, Args)]
pub struct Plan {
    /// Kết nối với đối tác
    /// The partner's connector
    #[arg(long, alias = "connector", verbatim_doc_comment)]
    pub partner: String,
    /// Trạng thái, cách nhau bằng dấu phẩy: stuck, held, refused, dismissed, superseded, succeeded
    /// States, separated by commas
    #[arg(long, default_value = "stuck", value_delimiter = ',', verbatim_doc_comment)]
    pub state: Vec<String>,
    /// Theo hành động
    /// By action
    #[arg(long, verbatim_doc_comment)]
    pub action: Option<String>,
    /// Theo nguyên nhân
    /// By cause
    #[arg(long, verbatim_doc_comment)]
    pub cause: Option<String>,
    /// Theo đơn vị
    /// By unit
    #[arg(long, verbatim_doc_comment)]
    pub unit: Option<String>,
    /// Lập từ ngày này (2026-11-23) hoặc thời điểm này (2026-11-23T08:00:00+07:00)
    /// Planned on this day or at this moment, or later
    #[arg(long, verbatim_doc_comment)]
    pub since: Option<String>,
    /// Lập đến hết ngày này hoặc trước thời điểm này
    /// Planned by the end of this day, or before this moment
    #[arg(long, verbatim_doc_comment)]
    pub until: Option<String>,
    /// Chỉ hồ sơ này; dùng nhiều lần được
    /// Only this dossier; may be repeated
    #[arg(long, verbatim_doc_comment)]
    pub dossier: Vec<String>,
    /// Bỏ qua các thao tác thay vì gửi lại
    /// End them without effect instead of sending them
    #[arg(long, verbatim_doc_comment)]
    pub dismiss: bool,
    /// Nhiều nhất bao nhiêu thao tác mỗi phút (mặc định 60)
    /// At most this many a minute (60 unless told)
    #[arg(long, verbatim_doc_comment)]
    pub rate: Option<u32>,
    /// Nhiều nhất bao nhiêu thao tác đang chờ kết quả (mặc định 20)
    /// At most this many without an outcome (20 unless told)
    #[arg(long, verbatim_doc_comment)]
    pub window: Option<u32>,
    /// Gửi thử trước bao nhiêu thao tác (mặc định 5; 0: không thử)
    /// How many go first (5 unless told; 0: none)
    #[arg(long, verbatim_doc_comment)]
    pub canary: Option<u32>,
    /// Tự dừng khi tỷ lệ hỏng đến mức này, phần trăm (mặc định 20)
    /// Stop at this share of failures, in percent (20 unless told)
    #[arg(long, verbatim_doc_comment)]
    pub stop_percent: Option<u32>,
    /// Lý do, được ghi vào nhật ký xử lý
    /// The reason, kept on record
    #[arg(long, verbatim_doc_comment)]
    pub reason: String,
}

/// Which plan.
#[derive(Debug, Args)]
pub struct One {
    /// Số của kế hoạch
    /// The plan's number
    #[arg(verbatim_doc_comment)]
    pub id: i64,
}

/// Which plan, and why.
#[derive(Debug, Args)]
pub struct Order {
    /// Số của kế hoạch
    /// The plan's number
    #[arg(verbatim_doc_comment)]
    pub id: i64,
    /// Lý do, nếu muốn ghi
    /// The reason, if there is one to keep
    #[arg(long, default_value = "", verbatim_doc_comment)]
    pub reason: String,
}

/// How often a large plan is looked at until it is complete.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Failures shown.
const FAILURES_SHOWN: i64 = 20;

impl Plan {
    fn body(&self) -> Value {
        json!({
            "connector": self.partner, "states": self.state, "action": self.action, "cause": self.cause,
            "unit": self.unit, "since": self.since, "until": self.until, "dossiers": self.dossier,
            "dismiss": self.dismiss, "rate": self.rate, "window": self.window, "canary": self.canary,
            "stop_percent": self.stop_percent, "reason": self.reason,
        })
    }

    async fn run(&self, global: &Global, screen: &Screen) -> Result<(), Failure> {
        let api = Api::open(global, screen).await?;
        let answer = self.made(&api, screen).await;
        api.close().await;
        let answer = answer?;
        show(screen, &answer, &[]);
        if !screen.json && text(&answer["replay"], "state") == "planned" {
            let id = number(&answer["replay"], "id").to_string();
            screen.line(screen.say_with("replay-next", &[("id", Arg::Text(&id))]));
        }
        Ok(())
    }

    /// Makes the plan and waits until it is complete, as long as a service collects it.
    async fn made(&self, api: &Api, screen: &Screen) -> Result<Value, Failure> {
        let mut answer = api.decide_with(screen, "/v1/replays", &self.body()).await?;
        while api.is_served() && text(&answer["replay"], "state") == "planning" {
            tokio::time::sleep(LOOK_AGAIN).await;
            answer = api.get(screen, &format!("/v1/replays/{}", number(&answer["replay"], "id"))).await?;
        }
        Ok(answer)
    }
}

impl Replay {
    pub(super) async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        match self {
            Self::Plan(plan) => plan.run(global, screen).await?,
            Self::List => show_list(screen, &api::ask(global, screen, "/v1/replays").await?),
            Self::Show(one) => {
                let answer = api::ask(global, screen, &format!("/v1/replays/{}", one.id)).await?;
                let path = format!("/v1/replays/{}/items?state=failed&limit={FAILURES_SHOWN}", one.id);
                let failed = api::ask(global, screen, &path).await?;
                show(screen, &answer, list(&failed, "items"));
            }
            Self::Start(it) => order(global, screen, "start", &it).await?,
            Self::Pause(it) => order(global, screen, "pause", &it).await?,
            Self::Resume(it) => order(global, screen, "resume", &it).await?,
            Self::Cancel(it) => order(global, screen, "cancel", &it).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn order(global: &Global, screen: &Screen, order: &str, it: &Order) -> Result<(), Failure> {
    let api = Api::open(global, screen).await?;
    let answer = api.decide(screen, &format!("/v1/replays/{}/{order}", it.id), &it.reason).await;
    api.close().await;
    let answer = answer?;
    if screen.json {
        screen.value(&answer);
        return Ok(());
    }
    let (id, state) = (it.id.to_string(), screen.named("replay", text(&answer, "state")));
    screen.line(screen.say_with("replay-now", &[("id", Arg::Text(&id)), ("state", Arg::Text(&state))]));
    Ok(())
}

fn show_list(screen: &Screen, answer: &Value) {
    if screen.json {
        screen.value(answer);
        return;
    }
    let mut table = screen.roomy(&["number", "partner", "state", "replay-counts", "why"], 3);
    for replay in list(answer, "replays") {
        table.add_row([
            number(replay, "id").to_string(),
            text(replay, "connector").to_owned(),
            screen.named("replay", text(replay, "state")),
            counted(screen, replay),
            format!("{} · {}", text(replay, "by"), text(replay, "reason")),
        ]);
    }
    screen.line(table.to_string());
}

/// `12 waiting · 3 done`: what there is any of.
fn counted(screen: &Screen, replay: &Value) -> String {
    let of = |state: &&str| number(&replay["counts"], state);
    let states = ["waiting", "sent", "done", "failed", "skipped", "left"];
    let parts = states.iter().filter(|state| of(state) > 0);
    let parts = parts.map(|state| format!("{} {}", screen.number(of(state)), screen.named("item", state)));
    parts.collect::<Vec<_>>().join(" · ")
}

fn show(screen: &Screen, answer: &Value, failed: &[Value]) {
    if screen.json {
        let mut answer = answer.clone();
        answer["failed"] = failed.into();
        screen.value(&answer);
        return;
    }
    let replay = &answer["replay"];
    let mut table = screen.plain_table();
    let mut row = |key: &str, value: String| {
        if !value.is_empty() {
            table.add_row([screen.say(key), value]);
        }
    };
    row("number", number(replay, "id").to_string());
    row("partner", text(replay, "connector").to_owned());
    row("state", screen.named("replay", text(replay, "state")));
    row("replay-stopped", screen_if(screen, "stopped", text(replay, "stopped")));
    row("replay-counts", counted(screen, replay));
    let minutes = number(replay, "minutes_left");
    if minutes > 0 {
        row("replay-time", screen.say_with("replay-minutes", &[("count", Arg::Count(minutes))]));
    }
    row("why", format!("{} · {}", text(replay, "by"), text(replay, "reason")));
    row("created", when::long(&replay["created_at"]));
    row("replay-started", when::long(&replay["started_at"]));
    row("ended", when::long(&replay["ended_at"]));
    let deeds = list(replay, "deeds").iter().map(|deed| {
        let order = screen.named("order", text(deed, "order"));
        let line =
            format!("{} {} {} {}", when::long(&deed["at"]), text(deed, "by"), order, text(deed, "reason"));
        line.trim_end().to_owned()
    });
    row("decided-by", deeds.collect::<Vec<_>>().join("\n"));
    screen.line(table.to_string());
    let mut table =
        screen.roomy(&["count", "state", "replay-treatment", "replay-ages", "replay-examples"], 2);
    for tally in list(answer, "tallies") {
        let mut ages = vec![when::short(&tally["oldest_at"]), when::short(&tally["newest_at"])];
        ages.dedup();
        let examples = list(tally, "examples").iter().map(|e| format!("#{}", number(e, "operation")));
        table.add_row([
            screen.number(number(tally, "items")),
            screen.named("item", text(tally, "state")),
            text(&tally["words"], screen.locale.code()).to_owned(),
            ages.join("\n"),
            examples.collect::<Vec<_>>().join(" "),
        ]);
    }
    screen.line(table.to_string());
    if failed.is_empty() {
        return;
    }
    let mut table = screen.roomy(&["number", "dossier-code", "why", "next"], 2);
    for item in failed {
        let why = format!("{}\n{}", advice(screen, item, "why"), text(item, "said"));
        table.add_row([
            number(item, "operation").to_string(),
            text(item, "dossier").to_owned(),
            why.trim_end().to_owned(),
            advice(screen, item, "next").to_owned(),
        ]);
    }
    screen.line(table.to_string());
}

fn screen_if(screen: &Screen, kind: &str, name: &str) -> String {
    if name.is_empty() { String::new() } else { screen.named(kind, name) }
}
