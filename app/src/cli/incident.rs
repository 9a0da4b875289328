//! `lienthong incident list|close`: what is open for a person, once however many operations it holds.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{
    Failure, Global, Screen,
    api::{self, Api},
    when,
    words::{list, number, text},
};
use crate::i18n::Arg;

/// `lienthong incident …`
#[derive(Debug, Subcommand)]
pub enum Incident {
    /// Liệt kê các sự cố đang mở
    /// List what is open
    #[command(verbatim_doc_comment)]
    List,
    /// Đóng một sự cố về tiền hoặc mã hồ sơ, có ghi lý do; các sự cố khác tự đóng
    /// Close one about money or codes, on record; the others close by themselves
    #[command(verbatim_doc_comment)]
    Close(Close),
}

/// Which one, and why.
#[derive(Debug, Args)]
pub struct Close {
    /// Số trong danh sách
    /// Its number in the list
    #[arg(verbatim_doc_comment)]
    pub id: i64,
    /// Lý do, được ghi vào nhật ký xử lý
    /// The reason, kept on record
    #[arg(long, verbatim_doc_comment)]
    pub reason: String,
}

impl Close {
    /// Tells the server.
    pub(super) async fn run(
        &self,
        global: &Global,
        screen: &Screen,
        things: &str,
        done: &str,
    ) -> Result<(), Failure> {
        let api = Api::open(global, screen).await?;
        let answer = api.decide(screen, &format!("/v1/{things}/{}/close", self.id), &self.reason).await;
        api.close().await;
        let answer = answer?;
        if screen.json {
            screen.value(&answer);
        } else {
            screen.line(screen.say_with(done, &[("id", Arg::Text(&self.id.to_string()))]));
        }
        Ok(())
    }
}

impl Incident {
    pub(super) async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        match self {
            Self::List => show(screen, &api::ask(global, screen, "/v1/status").await?),
            Self::Close(close) => close.run(global, screen, "incidents", "done-incident").await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show(screen: &Screen, status: &Value) {
    if screen.json {
        screen.value(&status["incidents"]);
        return;
    }
    let mut table = screen.roomy(&["number", "since", "waiting", "what", "said"], 3);
    for incident in list(status, "incidents") {
        table.add_row([
            number(incident, "id").to_string(),
            when::short(&incident["opened_at"]),
            number(incident, "waiting").to_string(),
            text(incident, "key").to_owned(),
            text(incident, "said").to_owned(),
        ]);
    }
    screen.line(table.to_string());
}
