//! The sandbox: the real application on an embedded store, with strict simulators of the partners in the same process
//! on loopback. `serve` keeps it open; `demo` plays some weeks of a sample province through it and ends.

mod closing;
mod folder;
mod play;
mod province;
mod stage;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, path::Path, process::ExitCode, time::Duration};

use jiff::SignedDuration;
use lienthong_core::{event::RawMessage, flow::engine::Engine};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{Failure, Screen},
    http::auth::Scope,
    i18n::Arg,
    lifecycle::{self, Ending},
};
use closing::Closing;
use stage::{Stage, Tempo};

/// The log-in link of the sandbox is for the person who started it.
const LINK_LIFE: SignedDuration = SignedDuration::from_hours(12);

/// `lienthong sandbox`: serves until stopped.
pub async fn serve(
    data_dir: Option<&Path>,
    listen: SocketAddr,
    plays: bool,
    screen: &Screen,
) -> Result<ExitCode, Failure> {
    if !listen.ip().is_loopback() {
        return Err(Failure::new(screen.say("sandbox-loopback"), screen.say("sandbox-loopback.remedy")));
    }
    let tempo = Tempo::ByItself { pay_after: Duration::from_secs(20), move_every: Duration::from_secs(15) };
    let mut stage = Stage::open(data_dir, listen, tempo).await?;
    let token = stage.application().token("sandbox", &Scope::ALL, LINK_LIFE)?;
    let link = format!("{}/login?token={token}", stage.url());
    let (soft, hard) = (CancellationToken::new(), CancellationToken::new());
    screen.line(screen.say_with("sandbox-open", &[("url", Arg::Text(&link))]));
    let folder = stage.folder().display().to_string();
    screen.line(screen.say_with("sandbox-folder", &[("folder", Arg::Text(&folder))]));
    let partners = [stage.suite.portal.url(), stage.suite.payments.url(), stage.suite.post.url()].join("  ");
    screen.line(screen.say_with("sandbox-partners", &[("urls", Arg::Text(&partners))]));
    let (engine, url) = (std::sync::Arc::clone(stage.engine()), stage.url());
    let playing = async {
        if plays {
            match play_sample(&engine, screen).await {
                Ok(()) => {
                    let page = closing::index_page(&url, province::PERIOD);
                    screen.line(screen.say_with("sandbox-index", &[("url", Arg::Text(&page))]));
                }
                Err(failure) => screen.failure(&failure),
            }
        }
        std::future::pending::<()>().await;
    };
    let failed = tokio::select! {
        () = playing => None,
        () = soft.cancelled() => None,
        () = lifecycle::watch_signals(soft.clone(), hard.clone()) => None,
        why = stage.ended() => Some(why),
    };
    let ending = stage.close(&hard).await;
    match failed {
        Some(why) => Err(Failure::new(why, "")),
        None if ending == Ending::Clean => Ok(ExitCode::SUCCESS),
        None => Ok(ExitCode::FAILURE),
    }
}

async fn play_sample(engine: &std::sync::Arc<Engine>, screen: &Screen) -> Result<(), Failure> {
    let events = play::sample()?;
    let bar = screen.progress(events.len() as u64, "progress-events");
    play::admit(engine, events, &bar).await?;
    bar.finish_and_clear();
    screen.line(screen.say("sandbox-played"));
    Ok(())
}

/// `lienthong demo`: plays, shows the closing account, ends. 0 only if nothing waits or was set aside, both ledgers come
/// out and no partner's contract was violated.
pub async fn demo(
    data_dir: Option<&Path>,
    events: Option<&Path>,
    screen: &Screen,
) -> Result<ExitCode, Failure> {
    let events = match events {
        None => play::sample()?,
        Some(path) => {
            let read = std::fs::read(path);
            play::lines(&read.map_err(|error| Failure::new(format!("{}: {error}", path.display()), ""))?)
        }
    };
    let stage = Stage::open(data_dir, SocketAddr::from(([127, 0, 0, 1], 0)), Tempo::ByHand).await?;
    let closing = perform(&stage, events, screen).await;
    let ending = stage.close(&CancellationToken::new()).await;
    let is_good = closing?;
    Ok(if is_good && ending == Ending::Clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Plays and shows what came of it, also when it did not come to rest: that is when one wants to see it.
async fn perform(stage: &Stage, events: Vec<RawMessage>, screen: &Screen) -> Result<bool, Failure> {
    let played = play::all(stage, events, screen).await;
    let closing = Closing::read(stage).await?;
    closing.show(screen);
    played?;
    Ok(closing.is_good())
}
