//! `lienthong dead show|admit`: what RabbitMQ has given up.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{
    Failure, Global, Screen,
    api::{self, Api},
    words::number,
};
use crate::i18n::Arg;

/// `lienthong dead …`
#[derive(Debug, Subcommand)]
pub enum Dead {
    /// Đếm các thông điệp RabbitMQ đã bỏ cuộc
    /// Count what RabbitMQ has given up
    #[command(verbatim_doc_comment)]
    Show,
    /// Nhận chúng như thông điệp bình thường, đúng thứ tự; mỗi lần nhiều nhất 5.000
    /// Admit them like any other message, in order; at most 5,000 a time
    #[command(verbatim_doc_comment)]
    Admit(Admit),
}

/// Why.
#[derive(Debug, Args)]
pub struct Admit {
    /// Lý do, được ghi vào nhật ký xử lý
    /// The reason, kept on record
    #[arg(long, verbatim_doc_comment)]
    pub reason: String,
}

impl Dead {
    pub(super) async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        match self {
            Self::Show => {
                let answer = api::ask(global, screen, "/v1/dead").await?;
                if screen.json {
                    screen.value(&answer);
                } else {
                    screen.line(screen.say_with("dead", &[("count", Arg::Count(number(&answer, "dead")))]));
                }
            }
            Self::Admit(admit) => {
                let api = Api::open(global, screen).await?;
                let answer = api.decide(screen, "/v1/dead/admit", &admit.reason).await;
                api.close().await;
                let answer = answer?;
                if screen.json {
                    screen.value(&answer);
                } else {
                    let count = |name| Arg::Count(number(&answer, name));
                    let counts = [
                        ("count", count("admitted")),
                        ("known", count("duplicate")),
                        ("quarantine", count("quarantined")),
                        ("waiting", count("left")),
                    ];
                    screen.line(screen.say_with("dead-admitted", &counts));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
