//! Logs: to stderr, plain for people or JSON for collectors. Secrets are secret types and never get here; partners'
//! words are masked where they come in.

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_subscriber::{EnvFilter, fmt};

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One line of text each.
    #[default]
    Plain,
    /// One JSON object each.
    Json,
}

/// Our own crates at `level`, the libraries at warnings; `LIENTHONG_LOG` says it in full
/// (`lienthong=debug,lapin=info`).
pub fn install(format: Format, level: &str) {
    let usual = format!(
        "warn,lienthong={level},lienthong_core={level},lienthong_connectors={level},\
                         lienthong_store_sqlite={level},lienthong_store_postgres={level}"
    );
    let mut filter = EnvFilter::try_from_env("LIENTHONG_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    // lapin logs every returned message with its body: people's data. The publisher tells of returns itself.
    if let Ok(silent) = "lapin::returned_messages=off".parse() {
        filter = filter.add_directive(silent);
    }
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(true);
    // `try_init`: a second call in one process (tests) keeps the first.
    let installed = match format {
        Format::Plain => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
        Format::Json => lines.json().flatten_event(true).try_init(),
    };
    if let Err(error) = installed {
        tracing::debug!(%error, "logging was installed before");
    }
}
