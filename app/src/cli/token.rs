//! `lienthong token issue`: an access token for a person or a program, signed with the installation's secret.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use jiff::SignedDuration;
use lienthong_core::clock::{Clock, SystemClock};
use serde_json::json;

use super::{Failure, Global, Screen};
use crate::{http::auth::Scope, tokens};

/// `lienthong token …`
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Cấp một mã truy cập và in ra; mã không lưu ở đâu, mất thì cấp mã khác
    /// Issue a token and print it
    #[command(verbatim_doc_comment)]
    Issue(Issue),
}

/// For whom, for what, for how long.
#[derive(Debug, Args)]
pub struct Issue {
    /// Cấp cho ai: tên này được ghi vào nhật ký xử lý
    /// For whom: the name that goes on record
    #[arg(long, verbatim_doc_comment)]
    pub subject: String,
    /// Quyền: read (xem), publish (gửi sự kiện), operate (gửi lại, bỏ qua); dùng nhiều lần hoặc cách nhau bằng dấu phẩy
    /// What it allows; repeat it or separate by commas
    #[arg(long, value_enum, value_delimiter = ',', required = true, verbatim_doc_comment)]
    pub scope: Vec<Allowed>,
    /// Có hiệu lực bao nhiêu ngày
    /// Good for this many days
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=3650), verbatim_doc_comment)]
    pub days: u16,
}

/// A scope on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Allowed {
    /// Xem · look
    Read,
    /// Gửi sự kiện · publish events
    Publish,
    /// Gửi lại, bỏ qua thao tác · retry, dismiss
    Operate,
}

impl From<Allowed> for Scope {
    fn from(allowed: Allowed) -> Self {
        match allowed {
            Allowed::Read => Self::Read,
            Allowed::Publish => Self::Publish,
            Allowed::Operate => Self::Operate,
        }
    }
}

impl Token {
    pub(super) fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        let Self::Issue(issue) = self;
        let config = super::load(global)?;
        let auth = tokens::existing_or_new(&config)?;
        let scopes: Vec<Scope> = issue.scope.iter().copied().map(Scope::from).collect();
        let life = SignedDuration::from_hours(24 * i64::from(issue.days));
        let token = auth
            .issue(&issue.subject, &scopes, life, SystemClock.now())
            .map_err(|error| Failure::new(error.to_string(), ""))?;
        if screen.json {
            screen.value(&json!({ "token": token, "subject": issue.subject, "days": issue.days }));
        } else {
            screen.line(token);
        }
        Ok(ExitCode::SUCCESS)
    }
}
