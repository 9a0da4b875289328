//! Go-live day: hundreds of dossiers of a former system are taken over, of which the portal knows a part already.

use lienthong_core::testing::fixtures::{self, events::event};
use lienthong_mocks::{Behaviour, Rule};
use lienthong_tests::{Place, Plan, World, eventually, program};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

const DOSSIERS: u32 = 240;
/// Every third one was sent by the former system.
const KNOWN: u32 = DOSSIERS / 3;
/// Published in the middle by a counter that knows nothing of the take-over.
const LIVE: u32 = 10_000;
const PATIENCE: Duration = Duration::from_mins(2);

fn is_known(code: &str) -> bool {
    let number = code.rsplit('-').next().and_then(|n| n.parse::<u32>().ok());
    number.is_some_and(|n| n <= DOSSIERS && n.is_multiple_of(3))
}

fn adopted() -> Vec<u8> {
    let line = |n| {
        let code = fixtures::nth_code(n);
        let left =
            json!([{ "at": "2026-11-23T08:30:00+07:00", "officer": "Lê Văn Mẫu", "content": "Thẩm định" }]);
        let adopted = event("dossier.adopted", code.as_str(), 1).with_data("/on_portal", "ask");
        adopted.with_data("/steps", left).with_data("/steps_sent_until", "2026-11-23T08:00:00+07:00").bytes()
    };
    (1..=DOSSIERS).map(line).collect::<Vec<_>>().join(&b'\n')
}

/// What the portal was asked to change: whole dossiers and steps.
fn written(world: &World) -> (u64, u64, u64) {
    let counts = world.suite.portal.counts();
    (counts.creates, counts.updates, counts.steps)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_back_fill_sends_only_what_is_missing_and_today_s_dossiers_do_not_wait_for_it() {
    let mut plan = Plan::embedded(Place::Program);
    plan.partners.portal.portal_born = Arc::new(is_known);
    let mut world = plan.open().await;
    world.suite.portal.behave(Rule::always(Behaviour::Stall { millis: 30 }));
    let file = world.file("adopted.jsonl");
    std::fs::write(&file, adopted()).unwrap();
    let arguments = |world: &World| {
        let words =
            ["event", "publish", &file.display().to_string(), "--at-most-waiting", "20", "--batch", "20"]
                .map(str::to_owned);
        let of = ["--config", &world.config().display().to_string(), "--server", &world.api.base]
            .map(str::to_owned);
        [of.to_vec(), words.to_vec()].concat()
    };
    let publish =
        async |line: Vec<String>| program::json(&line.iter().map(String::as_str).collect::<Vec<_>>()).await;

    // In the middle of it a counter publishes today's dossier, and then the program dies.
    let first = publish(arguments(&world));
    let live = fixtures::nth_code(LIVE);
    let interrupted = async {
        let under_way = async || if written(&world).0 >= 20 { Ok(()) } else { Err(written(&world)) };
        eventually("the back-fill is under way", PATIENCE, under_way).await;
        world.api.publish(&[event("dossier.received", live.as_str(), 1).bytes()]).await;
        let is_there = async || world.suite.portal.dossier(live.as_str()).map(|_| ()).ok_or(written(&world));
        eventually("today's dossier is at the portal", PATIENCE, is_there).await;
        let (creates, ..) = written(&world);
        world.kill9();
        creates
    };
    let ((status, _), before_live) = tokio::join!(first, interrupted);
    assert!(!status.success(), "the server died under it");
    let missing = u64::from(DOSSIERS - KNOWN);
    assert!(before_live < missing, "{before_live} of {missing} went before today's dossier");

    // Again, from the beginning: what was taken counts as duplicate.
    world.start().await;
    let (status, again) = publish(arguments(&world)).await;
    assert!(status.success(), "{again}");
    let of = |report: &Value, verdict: &str| report["verdicts"][verdict].as_u64().unwrap_or(0);
    assert!(of(&again, "duplicate") > 0 && of(&again, "accepted") > 0, "{again}");
    assert_eq!(of(&again, "duplicate") + of(&again, "accepted"), u64::from(DOSSIERS));
    world.rests(DOSSIERS as usize + 1).await;
    let permits = world.plan.tuning.permits as u64;
    let (creates, updates, steps) = written(&world);
    assert_eq!(creates, missing + 1, "only what was missing, and today's");
    // What was with the portal when the program died was begun, and goes whole; a step of it may be there twice.
    assert!(updates <= permits, "{updates} updates of what the portal had");
    let all = u64::from(DOSSIERS) + 1;
    assert!((all..=all + permits).contains(&steps), "{steps} steps");
    assert_eq!(world.unfinished().await, Vec::<String>::new());

    // Once more: nothing at all.
    let before = written(&world);
    let (status, repeated) = publish(arguments(&world)).await;
    assert!(status.success() && of(&repeated, "duplicate") == u64::from(DOSSIERS), "{repeated}");
    let standing = world.rests(DOSSIERS as usize + 1).await;
    assert_eq!((standing.held, standing.stuck), (0, 0));
    assert_eq!(written(&world), before, "the second run sends nothing");
    let found = repeated["adopted"]["found"].as_u64().unwrap_or(0);
    let known = u64::from(KNOWN);
    assert!((known.saturating_sub(permits)..=known).contains(&found), "{repeated}");
}
