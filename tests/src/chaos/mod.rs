//! Chaos: replicas of the real program on a real RabbitMQ and PostgreSQL, behind proxies, with simulators as partners, while
//! by a seeded schedule everything fails that can fail. What must be true at the end, the oracle says.
//!
//! `course`: what a run is to be like; `fleet`: the replicas; `fault`: what fails, and how; `ground`: where it happens, and
//! whether things go on afterwards; `report`: the closing table.

mod course;
mod fault;
mod fleet;
mod ground;
mod report;

pub use course::Course;
pub use fault::Fault;
pub use report::{Faults, Network, Report, Survived};

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::{Allowance, Oracle, World, eventually, listener::taken};
use fault::Lane;
use fleet::Fleet;
use ground::Ground;

/// Plays a run to its end and judges it. What the replicas said is kept in `logs`.
pub async fn run(course: &Course, logs: &Path) -> Report {
    let lines = course.traffic().await;
    let oracle = Oracle::of(&lines);
    let mut world = course.plan().open().await;
    let began = Instant::now();
    let ground = Ground::prepare(course, &world, &oracle, &lines).await;
    tokio::join!(
        ground.publish(),
        ground.kill_again_and_again(),
        ground.suffer_again_and_again(Lane::Servers),
        ground.suffer_again_and_again(Lane::Partners),
        ground.live_on(),
    );
    let published = began.elapsed();
    let (faults, network, fleet) = ground.end();
    keep_logs(&world, &fleet, logs);
    world.api = fleet.api().await;
    world.rests(lines.len()).await;
    let delivered = began.elapsed();
    come_to_the_end(&world, &oracle, lines.len()).await;
    let (results, unheard) = heard(&world).await;
    let seen = world.seen().await;
    let lost_answers = ground::lost_answers(&world);
    let doubts = faults.doubts(course.replicas) + lost_answers.steps + network.torn("portal");
    // How many steps are doubled is judged apart.
    let allowance = Allowance { adjacent_identical_steps: usize::MAX, redelivered: true };
    let mut fallen = fleet.fallen();
    fallen.extend(panics(&world, &fleet));
    Report {
        seed: course.seed,
        replicas: course.replicas,
        events: lines.len(),
        late: late(&world).await,
        dossiers: oracle.lives.len(),
        steps: oracle.steps(),
        faults,
        network,
        lost_answers: lost_answers.all,
        adjacent: oracle.doubled_steps(&seen),
        doubts,
        double_openings: world.suite.payments.double_openings().len(),
        results,
        unheard,
        unfinished: world.unfinished().await,
        differences: oracle.judge(&seen, allowance),
        fallen,
        published,
        delivered,
        whole: began.elapsed(),
        logs: keep_logs(&world, &fleet, logs),
    }
}

/// Whoever has not paid pays; what is not delivered is; everything is told.
async fn come_to_the_end(world: &World, oracle: &Oracle, lines: usize) {
    world.citizens_pay(oracle).await;
    eventually("every payment is told", world.plan.patience, async || {
        enough(world, "payment.succeeded", oracle.payable().count()).await
    })
    .await;
    eventually("every parcel is delivered and told", world.plan.patience, async || {
        world.suite.post.move_all(None);
        // The adapter reads the tracking records every second.
        sleep(Duration::from_millis(500)).await;
        enough(world, "post.delivered", oracle.parcels()).await
    })
    .await;
    world.rests(lines).await;
}

async fn enough(world: &World, name: &str, count: usize) -> Result<(), String> {
    let database = world.database.as_ref().expect("a database");
    let told = database.try_ask(&format!("select count(*) from outbox where name = '{name}'")).await?;
    if told.parse::<usize>().is_ok_and(|told| told >= count) {
        Ok(())
    } else {
        Err(format!("{told} of {count}"))
    }
}

/// How many results there are, and how many of them no listener has taken.
async fn heard(world: &World) -> (usize, usize) {
    let numbers = world.database.as_ref().expect("a database").ask("select number from outbox").await;
    let numbers: BTreeSet<i64> = numbers.lines().filter_map(|number| number.parse().ok()).collect();
    let listener = world.listener.as_ref().expect("a listener");
    let taken = taken(&listener.hear_numbers(Duration::from_secs(20), &numbers).await);
    (numbers.len(), numbers.difference(&taken).count())
}

/// How many events came to the program behind a later one of their dossier.
async fn late(world: &World) -> usize {
    let database = world.database.as_ref().expect("a database");
    database.ask("select count(*) from events where late").await.parse().expect("a count")
}

/// Lines of the logs that tell of a panic.
fn panics(world: &World, fleet: &Fleet) -> Vec<String> {
    let texts =
        (0..fleet.size()).map(|at| std::fs::read_to_string(fleet::log(world, at)).unwrap_or_default());
    let lines = texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
    lines.filter(|line| line.contains("panicked")).collect()
}

fn keep_logs(world: &World, fleet: &Fleet, to: &Path) -> PathBuf {
    std::fs::create_dir_all(to).expect("a folder for the logs");
    for at in 0..fleet.size() {
        std::fs::copy(fleet::log(world, at), to.join(format!("replica-{at}.log")))
            .expect("a log can be kept");
    }
    to.to_owned()
}
