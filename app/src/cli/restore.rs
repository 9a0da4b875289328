//! `lienthong restore`: puts a backup in the place of the store; `restore status` and `restore release` are the decision
//! that ends the fence, over the API; `restore fence` puts it up by hand.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use lienthong_core::flow::restore::{self, Evidence};
use serde_json::{Value, json};

use super::{
    Failure, Global, Screen,
    api::{self, Api, percent},
    when,
    words::{list, number, text},
};
use crate::{backup, compose::StoreHandle, i18n::Arg, state_file};

/// `lienthong restore …`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Restore {
    #[command(subcommand)]
    what: Option<What>,
    /// Thư mục bản sao lưu, do lienthong backup tạo ra
    /// The folder of the backup, made by lienthong backup
    #[arg(value_name = "FOLDER", verbatim_doc_comment)]
    folder: Option<PathBuf>,
    /// Thay kho đang có; kho cũ được đổi tên và giữ lại bên cạnh
    /// Replace the store that is there; it is renamed and kept beside
    #[arg(long, verbatim_doc_comment)]
    replace: bool,
}

/// What follows a restore.
#[derive(Debug, Subcommand)]
pub enum What {
    /// Xem những gì đang chờ quyết định sau phục hồi
    /// What waits for the decision after a restore
    #[command(verbatim_doc_comment)]
    Status(Status),
    /// Quyết định cho gửi trở lại, có ghi lý do
    /// Decide to send again, on record
    #[command(verbatim_doc_comment)]
    Release(Release),
    /// Tự đánh dấu kho dữ liệu là bản cũ (khi phục hồi bằng công cụ khác); dừng dịch vụ trước
    /// Mark the store as an older one by hand (after restoring by other tools); stop the service first
    #[command(verbatim_doc_comment)]
    Fence,
}

/// Up to when steps would count as sent.
#[derive(Debug, Args)]
pub struct Status {
    /// Đếm các bước xử lý theo thời điểm này thay vì lúc phục hồi
    /// Count progress steps by this moment instead of the restore
    #[arg(long, value_name = "TIME", verbatim_doc_comment)]
    steps_until: Option<String>,
}

/// The decision.
#[derive(Debug, Args)]
pub struct Release {
    /// Lý do, được ghi vào nhật ký xử lý
    /// The reason, kept on record
    #[arg(long, verbatim_doc_comment)]
    reason: String,
    /// Bước xử lý xảy ra đến lúc này coi như đã gửi và bị bỏ qua: restore (lúc phục hồi), none (gửi tất cả), hoặc thời điểm
    /// Progress steps up to here count as sent and are left out: restore, none (send all), or a moment
    #[arg(long, value_name = "TIME", default_value = "restore", verbatim_doc_comment)]
    steps_until: String,
}

impl Restore {
    pub(super) async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        match (self.what, self.folder) {
            (Some(What::Status(status)), _) => {
                let query = status.steps_until.map(|until| format!("?steps_until={}", percent(&until)));
                let path = format!("/v1/restore{}", query.unwrap_or_default());
                show(screen, &api::ask(global, screen, &path).await?);
            }
            (Some(What::Release(release)), _) => release.run(global, screen).await?,
            (Some(What::Fence), _) => by_hand(global, screen).await?,
            (None, Some(folder)) => backup::restore(global, screen, &folder, self.replace).await?,
            (None, None) => {
                return Err(Failure::new(screen.say("restore-what"), screen.say("restore-what.remedy")));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Release {
    async fn run(&self, global: &Global, screen: &Screen) -> Result<(), Failure> {
        let api = Api::open(global, screen).await?;
        let body = json!({ "reason": self.reason, "steps_until": self.steps_until });
        let answer = api.decide_with(screen, "/v1/restore/release", &body).await;
        api.close().await;
        let answer = answer?;
        if screen.json {
            screen.value(&answer);
        } else {
            screen.line(screen.say("restore-released"));
        }
        Ok(())
    }
}

async fn by_hand(global: &Global, screen: &Screen) -> Result<(), Failure> {
    let config = super::load(global)?;
    let handle = StoreHandle::open(&config, "restore").await?;
    let fenced = fence_by_hand(&config, &handle).await;
    handle.close().await;
    let epoch = fenced?;
    if screen.json {
        screen.value(&json!({ "fenced": true, "epoch": epoch }));
    } else {
        screen.line(screen.say("restore-fenced-now"));
    }
    Ok(())
}

async fn fence_by_hand(config: &crate::config::Config, handle: &StoreHandle) -> Result<i64, Failure> {
    handle.migrate().await?;
    let store = handle.store();
    let known = store.installation().await?;
    let seen = match state_file::read(&state_file::path(config)) {
        state_file::Found::Seen(seen) => Some(seen),
        state_file::Found::Missing | state_file::Found::Unreadable(_) => None,
    };
    let evidence = Evidence {
        reason: "by_hand".into(),
        epoch: seen.as_ref().map_or(0, |s| s.epoch),
        outbox: seen.as_ref().map_or(0, |s| s.outbox),
        backup_at: None,
        seen_at: seen.map(|s| s.at),
    };
    restore::fence(&*store, &known, &evidence).await?;
    Ok(store.installation().await?.epoch)
}

fn show(screen: &Screen, report: &Value) {
    if screen.json {
        screen.value(report);
        return;
    }
    let released = &report["released"];
    if report["fenced"] != true {
        let at = when::long(&released["at"]);
        if released.is_null() {
            screen.line(screen.say("restore-none"));
        } else {
            let args = [("when", Arg::Text(&at)), ("by", Arg::Text(text(released, "by")))];
            screen.line(screen.say_with("restore-over", &args));
        }
        return;
    }
    let since = when::long(&report["since_at"]);
    screen.line(format!("✗ {}", screen.say_with("restore-fenced", &[("when", Arg::Text(&since))])));
    screen.line(screen.named("restore-reason", text(report, "reason")));
    for (key, field) in [("restore-backup", "backup_at"), ("restore-seen", "seen_at")] {
        if !report[field].is_null() {
            screen.line(format!("{}: {}", screen.say(key), when::long(&report[field])));
        }
    }
    screen.line("");
    if report["is_marked"] != true {
        screen.line(screen.say("restore-marking"));
    }
    let counts = ["asking", "total", "single"].map(|field| number(report, field));
    let names = ["asking", "total", "single"].into_iter().zip(counts);
    let args: Vec<_> = names.map(|(name, count)| (name, Arg::Count(count))).collect();
    screen.line(screen.say_with("restore-counts", &args));
    let mut table = screen.table(&["partner", "action", "waiting", "restore-absent"]);
    for waiting in list(report, "waiting") {
        table.add_row([
            text(waiting, "label").to_owned(),
            screen.named("action", text(waiting, "action")),
            screen.number(number(waiting, "operations")),
            screen.number(number(waiting, "absent")),
        ]);
    }
    if table.row_count() > 0 {
        screen.line(format!("\n{table}"));
    }
    screen.line("");
    let steps = &report["steps"];
    let until = when::long(&steps["until_at"]);
    screen.line(screen.say("restore-would"));
    screen.line(format!("  – {}", screen.say("restore-would-states")));
    let args = [
        ("when", Arg::Text(&until)),
        ("before", Arg::Count(number(steps, "before"))),
        ("after", Arg::Count(number(steps, "after"))),
    ];
    screen.line(format!("  – {}", screen.say_with("restore-would-steps", &args)));
    screen.line(format!("  – {}", screen.say("restore-would-rest")));
    screen.line("");
    screen.line(screen.say("restore-first"));
    screen.line(screen.say("restore-then"));
}
