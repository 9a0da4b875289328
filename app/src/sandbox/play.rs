//! The play: events in, payments paid, parcels moved, until nothing more moves by itself.

use std::{io::Read, sync::Arc, time::Duration};

use flate2::read::GzDecoder;
use indicatif::ProgressBar;
use lienthong_core::{
    event::{Origin, RawMessage},
    flow::{engine::Engine, intake},
    lane::LaneState,
    payment::PaymentState,
    port::views::Overview,
};
use tokio::time::Instant;

use super::stage::Stage;
use crate::{
    cli::{Failure, Screen},
    i18n::Arg,
};

/// Made by `tests/tools/traffic.py --dossiers 300 --seed 1`.
static SAMPLE: &[u8] = include_bytes!("../../samples/province.jsonl.gz");

/// Everything must have come to rest by then; on a slow machine it is far below.
const REST_WITHIN: Duration = Duration::from_mins(3);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The sample's events, one per line.
pub(super) fn sample() -> Result<Vec<RawMessage>, Failure> {
    let mut text = String::new();
    let read = GzDecoder::new(SAMPLE).read_to_string(&mut text);
    read.map_err(|error| Failure::new(format!("province.jsonl.gz: {error}"), ""))?;
    Ok(lines(text.as_bytes()))
}

/// The events of a JSON-lines text.
pub(super) fn lines(text: &[u8]) -> Vec<RawMessage> {
    let lines = text.split(|b| *b == b'\n').filter(|l| !l.trim_ascii().is_empty());
    lines.map(|l| RawMessage { origin: Origin::File, body: l.to_vec(), attributes: None }).collect()
}

/// Admits events in their order, a batch at a time.
pub(super) async fn admit(
    engine: &Arc<Engine>,
    events: Vec<RawMessage>,
    bar: &ProgressBar,
) -> Result<(), Failure> {
    for batch in events.chunks(engine.settings.batch.max(1)) {
        intake::admit(engine, batch.to_vec()).await?;
        bar.inc(batch.len() as u64);
    }
    Ok(())
}

/// The whole demonstration. Fails only when something did not come to rest; what came of it is read afterwards.
pub(super) async fn all(stage: &Stage, events: Vec<RawMessage>, screen: &Screen) -> Result<(), Failure> {
    let bar = screen.progress(events.len() as u64, "progress-events");
    admit(stage.engine(), events, &bar).await?;
    bar.finish_and_clear();
    come_to_rest(stage, screen, "progress-deliver").await?;
    pay(stage, screen).await?;
    deliver_parcels(stage, screen).await?;
    come_to_rest(stage, screen, "progress-settle").await
}

/// Waits until every lane is idle or waits for somebody.
async fn come_to_rest(stage: &Stage, screen: &Screen, key: &str) -> Result<(), Failure> {
    let views = stage.application().views();
    let began = Instant::now();
    let mut bar: Option<ProgressBar> = None;
    loop {
        let moving = moving(&views.overview(0).await?);
        let bar = bar.get_or_insert_with(|| screen.progress(moving.max(1), key));
        // New work may have been planned meanwhile: the bar grows rather than running backwards.
        bar.set_length(bar.length().unwrap_or(0).max(moving));
        bar.set_position(bar.length().unwrap_or(0).saturating_sub(moving));
        if moving == 0 {
            bar.finish_and_clear();
            return Ok(());
        }
        in_time(began, screen)?;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Lanes whose head goes on by itself.
fn moving(overview: &Overview) -> u64 {
    let is_moving = |state: &str| {
        [LaneState::Ready, LaneState::Running, LaneState::Doubtful, LaneState::Awaiting]
            .iter()
            .any(|s| s.name() == state)
    };
    let lanes = overview.lanes.iter().filter(|l| is_moving(&l.state)).map(|l| l.lanes).sum::<i64>();
    u64::try_from(lanes).unwrap_or(0)
}

/// Citizens pay what is open; what was cancelled or paid at the desk meanwhile, nobody pays any more.
async fn pay(stage: &Stage, screen: &Screen) -> Result<(), Failure> {
    let views = stage.application().views();
    let references = stage.suite.payments.references();
    let bar = screen.progress(references.len() as u64, "progress-pay");
    for known in references {
        let timeline = views.timeline(&known.dossier).await?;
        let is_open = timeline.is_some_and(|t| {
            t.payments
                .iter()
                .filter(|p| p.state == PaymentState::Open.name())
                .any(|p| p.references.iter().any(|r| r.reference == known.reference))
        });
        if is_open {
            stage.suite.payments.pay(&known.reference);
        }
        bar.inc(1);
    }
    stage.suite.payments.callbacks_delivered().await;
    bar.finish_and_clear();
    Ok(())
}

/// The post moves every parcel along until all are delivered, and the feed has told of it.
async fn deliver_parcels(stage: &Stage, screen: &Screen) -> Result<(), Failure> {
    let post = &stage.suite.post;
    while post.move_all(None) > 0 {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let wanted = post.counts().delivered;
    let bar = screen.progress(wanted, "progress-parcels");
    let began = Instant::now();
    loop {
        let told = super::closing::came_back(stage).await?;
        let delivered = told.get("post.delivered").map_or(0, |t| t.count);
        bar.set_position(delivered);
        if delivered >= wanted {
            bar.finish_and_clear();
            return Ok(());
        }
        in_time(began, screen)?;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn in_time(began: Instant, screen: &Screen) -> Result<(), Failure> {
    if began.elapsed() < REST_WITHIN {
        return Ok(());
    }
    let seconds = REST_WITHIN.as_secs() as i64;
    Err(Failure::new(screen.say_with("demo-restless", &[("seconds", Arg::Count(seconds))]), ""))
}
