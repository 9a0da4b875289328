//! `lienthong serve` and `lienthong migrate`.

use std::process::ExitCode;

use clap::Args;
use lienthong_core::flow::run::Roles;

use super::{Failure, Global, Screen};
use crate::i18n::Arg;
use crate::{
    compose::{Application, Purpose, StoreHandle},
    lifecycle::{self, Ending},
};
use tokio_util::sync::CancellationToken;

/// What this process does.
#[derive(Debug, Args)]
pub struct Serve {
    /// Vai trò, cách nhau bằng dấu phẩy: intake,execute,http,relay,schedule (mặc định: tất cả)
    /// The roles of this process
    #[arg(long, value_name = "ROLES", verbatim_doc_comment)]
    pub roles: Option<String>,
}

impl Serve {
    pub(super) async fn run(self, global: &Global) -> Result<ExitCode, Failure> {
        let roles = match &self.roles {
            None => Roles::all(),
            Some(text) => text.parse::<Roles>().map_err(|error| {
                tracing::debug!(%error, "unusable roles");
                let screen = Screen::new(global.lang, global.json);
                Failure::new(
                    screen.say_with("bad-roles", &[("id", Arg::Text(text))]),
                    screen.say("bad-roles.remedy"),
                )
            })?,
        };
        let config = super::load_or_embedded(global)?;
        let application = Application::build(config, Purpose::Serve(roles)).await?;
        if let Some(address) = application.addresses().http {
            tracing::info!(%address, "listening");
        }
        let (soft, hard) = (CancellationToken::new(), CancellationToken::new());
        let watch = lifecycle::watch_signals(soft.clone(), hard.clone());
        let (ending, ()) = tokio::join!(
            async {
                let ending = application.run(soft.clone(), hard.clone()).await;
                hard.cancel();
                ending
            },
            watch
        );
        Ok(code(&ending))
    }
}

/// The exit code of a run; 1 also when work was cut, so that a supervisor's log shows it.
pub(super) fn code(ending: &Ending) -> ExitCode {
    match ending {
        Ending::Clean => ExitCode::SUCCESS,
        Ending::Cut => {
            tracing::warn!("stopped hard: what was with partners becomes doubtful when its lease ends");
            ExitCode::FAILURE
        }
        Ending::Failed(why) => {
            tracing::error!(why, "a task that must live has ended");
            ExitCode::FAILURE
        }
    }
}

/// `lienthong migrate`
pub(super) async fn migrate(global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
    let config = super::load(global)?;
    let store = StoreHandle::open(&config, "migrate").await?;
    let migrated = store.migrate().await;
    store.close().await;
    migrated?;
    if screen.json {
        screen.value(&serde_json::json!({ "migrated": true }));
    } else {
        screen.line(screen.say("migrated"));
    }
    Ok(ExitCode::SUCCESS)
}
