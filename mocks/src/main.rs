//! The simulators as a program: prints their addresses as one JSON line, runs until told to stop.

use clap::Parser;
use lienthong_mocks::{
    Rule,
    suite::{Listeners, Options, Suite},
};
use serde::Deserialize;
use std::{error::Error, path::PathBuf, time::Duration};
use tokio::{net::TcpListener, signal};

/// Strict simulators of the national portal, the payment platform and the post.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[arg(long, default_value = "127.0.0.1:0")]
    portal: String,
    #[arg(long, default_value = "127.0.0.1:0")]
    payments: String,
    #[arg(long, default_value = "127.0.0.1:0")]
    post: String,
    /// Where payment results are posted.
    #[arg(long)]
    callback_url: Option<String>,
    /// Pay every opened reference after so many milliseconds.
    #[arg(long)]
    auto_pay_ms: Option<u64>,
    /// Move every parcel along its script, one step per so many milliseconds.
    #[arg(long)]
    auto_move_ms: Option<u64>,
    /// Keep digests instead of bodies in the journals.
    #[arg(long)]
    no_bodies: bool,
    /// JSON with the first rules: `{"portal": [rule, ..], "payments": [..], "post": [..]}`.
    #[arg(long)]
    data_file: Option<PathBuf>,
}

/// The rules in force from the start.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FirstRules {
    portal: Vec<Rule>,
    payments: Vec<Rule>,
    post: Vec<Rule>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let rules: FirstRules = match &arguments.data_file {
        Some(path) => serde_json::from_slice(&tokio::fs::read(path).await?)?,
        None => FirstRules::default(),
    };
    let listeners = Listeners {
        portal: TcpListener::bind(&arguments.portal).await?,
        payments: TcpListener::bind(&arguments.payments).await?,
        post: TcpListener::bind(&arguments.post).await?,
    };
    let mut options = Options::default().keep_bodies(!arguments.no_bodies);
    options.payments.callback_url = arguments.callback_url;
    options.payments.auto_pay = arguments.auto_pay_ms.map(Duration::from_millis);
    options.post.auto_move = arguments.auto_move_ms.map(Duration::from_millis);
    let suite = Suite::start(listeners, options).await;
    suite.portal.behave_only(rules.portal);
    suite.payments.behave_only(rules.payments);
    suite.post.behave_only(rules.post);
    announce(&suite);
    let mut terminate = signal::unix::signal(signal::unix::SignalKind::terminate())?;
    tokio::select! {
        result = signal::ctrl_c() => result?,
        _ = terminate.recv() => {}
    }
    suite.stop().await;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the one line that tells the caller where the simulators are")]
fn announce(suite: &Suite) {
    let addresses = serde_json::json!({"portal": suite.portal.url(), "payments": suite.payments.url(),
        "post": suite.post.url()});
    println!("{addresses}");
}
