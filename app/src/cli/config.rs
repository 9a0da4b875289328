//! `lienthong config check`: reads the file, its secrets and every connector's settings, without calling anybody.

use std::process::ExitCode;

use clap::Subcommand;
use lienthong_core::clock::{Clock, SystemClock};
use serde_json::json;

use super::{Failure, Global, Screen};
use crate::{compose, http::vendor::Vendors, i18n::Arg, tokens};

/// `lienthong config …`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Đọc tệp, các tệp bí mật và cấu hình từng đối tác; không gọi đi đâu
    /// Read the file, the secret files and every partner's settings; calls nobody
    #[command(verbatim_doc_comment)]
    Check,
}

impl ConfigCommand {
    pub(super) fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        let Self::Check = self;
        let config = super::load(global)?;
        tokens::check(&config)?;
        compose::store_address(&config)?;
        compose::broker_settings(&config)?;
        let connectors = compose::connectors(&config)?;
        Vendors::of(&config)?;
        let index = compose::index_settings(&config)?;
        let ahead = index.calendar_ahead_days.unwrap_or_default();
        let missing = match index.calendar_ahead_days {
            Some(_) => index.calendar.missing(SystemClock.now(), ahead),
            None => Vec::new(),
        };
        let path = super::config_path(global).map(|p| p.display().to_string());
        if screen.json {
            let names: Vec<String> = connectors.iter().map(|c| c.manifest().id.to_string()).collect();
            screen.value(&json!({ "ok": true, "file": path, "connectors": names, "years_missing": missing }));
            return Ok(ExitCode::SUCCESS);
        }
        let file = path.unwrap_or_else(|| screen.say("config-embedded"));
        screen.line(screen.say_with("config-good", &[("file", Arg::Text(&file))]));
        for year in &missing {
            screen.line(screen.say_with("calendar-missing", &[("year", Arg::Text(&year.to_string()))]));
        }
        if index.calendar_ahead_days.is_none() {
            screen.line(screen.say("calendar-none"));
        }
        let mut table = screen.table(&["partner", "kind", "actions"]);
        for connector in &connectors {
            let manifest = connector.manifest();
            let actions: Vec<String> =
                manifest.actions.keys().map(|a| screen.named("action", a.name())).collect();
            let kind = screen.named("cli-kind", manifest.kind.name());
            table.add_row([manifest.id.to_string(), kind, actions.join(", ")]);
        }
        screen.line(table.to_string());
        Ok(ExitCode::SUCCESS)
    }
}
