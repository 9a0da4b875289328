//! `lienthong-soak`: months of a district in minutes, with kills and outages, and the oracle's judgement at the end.
#![expect(clippy::print_stdout, reason = "a report for the person who runs it")]
#![expect(clippy::expect_used, reason = "what the run cannot do ends it")]

mod report;

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use lienthong_mocks::{Behaviour, Rule, suite::Options};
use lienthong_tests::{Allowance, Oracle, Plan, World, eventually, program, province::Tuning, traffic};
use tokio::time::Instant;

/// Plays traffic through the adapter on private servers; run it by scripts/soak.
#[derive(Debug, Parser)]
struct Soak {
    /// How many dossier lives
    #[arg(long, default_value_t = 5303)]
    dossiers: u32,
    /// The mix of fields: even or chu-se
    #[arg(long, default_value = "chu-se")]
    profile: String,
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// The share of events with a duplicate, a conflict, a gap or a broken copy
    #[arg(long, default_value_t = 0.0)]
    mess: f64,
    /// The share of events in binary mode
    #[arg(long, default_value_t = 0.2)]
    binary: f64,
    /// How often the program is killed in the middle
    #[arg(long, default_value_t = 5)]
    kills: usize,
    /// How long each of the two partner outages lasts
    #[arg(long, env = "SOAK_OUTAGE_SECONDS", default_value_t = 60)]
    outage_seconds: u64,
    /// Operations with one partner at once
    #[arg(long, default_value_t = 16)]
    permits: usize,
    /// How long anything may take to come to rest, beyond the outages
    #[arg(long, default_value_t = 30)]
    patience_minutes: u64,
}

/// What happens on the way, at a share of the steps.
#[derive(Debug, Clone, Copy)]
enum Mishap {
    Kill,
    /// The portal answers with a proxy's page.
    PortalDown,
    /// The payment platform and the post close every connection.
    OthersGone,
}

impl Soak {
    /// Kills spread over the run, an outage after a quarter and after the half.
    fn mishaps(&self) -> Vec<(f64, Mishap)> {
        let kill = |n: usize| (n as f64 / (self.kills + 1) as f64, Mishap::Kill);
        let mut mishaps: Vec<_> = (1..=self.kills).map(kill).collect();
        if self.outage_seconds > 0 {
            mishaps.extend([(0.25, Mishap::PortalDown), (0.55, Mishap::OthersGone)]);
        }
        mishaps.sort_by(|a, b| a.0.total_cmp(&b.0));
        mishaps
    }

    fn plan(&self) -> Plan {
        Plan {
            tuning: Tuning {
                permits: self.permits,
                call_timeout_ms: 5_000,
                sweep_seconds: 30,
                ..Tuning::default()
            },
            partners: Options::default().keep_bodies(false),
            patience: Duration::from_secs(60 * self.patience_minutes + 2 * self.outage_seconds),
            ..Plan::on_servers()
        }
    }

    async fn traffic(&self) -> Vec<Vec<u8>> {
        let [dossiers, seed, mess] =
            [self.dossiers.to_string(), self.seed.to_string(), self.mess.to_string()];
        let options = ["--dossiers", &dossiers, "--seed", &seed, "--mess", &mess, "--profile", &self.profile];
        traffic::lines(&traffic::generate(&options).await)
    }
}

fn main() -> ExitCode {
    let soak = Soak::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    if runtime.block_on(play(&soak)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn play(soak: &Soak) -> bool {
    println!("program: {}", program::binary().display());
    let lines = soak.traffic().await;
    let oracle = Oracle::of(&lines);
    println!(
        "{} events of {} dossiers, {} broken lines",
        lines.len(),
        oracle.lives.len(),
        oracle.broken.len()
    );
    let mut world = soak.plan().open().await;
    let began = Instant::now();
    let publisher = world.publish("events.jsonl", &lines, &["--binary", &soak.binary.to_string()]);
    for (share, mishap) in soak.mishaps() {
        reach(&world, &oracle, share).await;
        println!(
            "{:>6.1} s  {:>3.0} % of the steps: {mishap:?}",
            began.elapsed().as_secs_f64(),
            share * 100.0
        );
        suffer(&mut world, mishap, Duration::from_secs(soak.outage_seconds)).await;
    }
    println!("published: {}", traffic::published(publisher).await);
    world.rests(lines.len()).await;
    println!("{:>6.1} s  everything delivered", began.elapsed().as_secs_f64());
    let delivered = began.elapsed();
    world.citizens_pay(&oracle).await;
    told(&world, "payment.succeeded", oracle.payable().count()).await;
    println!("{:>6.1} s  every payment paid and told", began.elapsed().as_secs_f64());
    world.suite.post.move_all(None);
    told(&world, "post.moved", oracle.parcels()).await;
    world.suite.post.move_all(None);
    told(&world, "post.delivered", oracle.parcels()).await;
    println!("{:>6.1} s  every parcel delivered and told", began.elapsed().as_secs_f64());
    world.rests(lines.len()).await;
    let allowance = Allowance { adjacent_identical_steps: soak.kills * soak.permits, redelivered: true };
    let course = report::Course {
        kills: soak.kills,
        outages: soak.mishaps().iter().filter(|(_, mishap)| !matches!(mishap, Mishap::Kill)).count(),
        outage: Duration::from_secs(soak.outage_seconds),
        delivered,
        whole: began.elapsed(),
        is_messy: soak.mess > 0.0,
    };
    report::report(&world, &oracle, allowance, &course).await
}

/// Waits until this share of all steps has reached the portal.
async fn reach(world: &World, oracle: &Oracle, share: f64) {
    let enough = (oracle.steps() as f64 * share) as u64;
    let moved = async || match world.suite.portal.counts().steps {
        steps if steps >= enough => Ok(()),
        steps => Err(format!("{steps} of {enough} steps")),
    };
    eventually("the next part is under way", world.plan.patience, moved).await;
}

async fn suffer(world: &mut World, mishap: Mishap, lasting: Duration) {
    match mishap {
        Mishap::Kill => {
            world.kill9();
            world.start().await;
        }
        Mishap::PortalDown => {
            let html = "<html><body>Hệ thống đang bảo trì</body></html>".to_owned();
            world.suite.portal.behave(Rule::always(Behaviour::HttpError { status: 503, html }));
            tokio::time::sleep(lasting).await;
            world.suite.portal.behave_well();
        }
        Mishap::OthersGone => {
            world.suite.payments.behave(Rule::always(Behaviour::DropBeforeEffect));
            world.suite.post.behave(Rule::always(Behaviour::DropBeforeEffect));
            tokio::time::sleep(lasting).await;
            world.suite.payments.behave_well();
            world.suite.post.behave_well();
        }
    }
}

/// Waits until so many results of a name stand in the outbox.
async fn told(world: &World, name: &str, count: usize) {
    let database = world.database.as_ref().expect("a world with servers");
    let asked = format!("select count(*) from outbox where name = '{name}'");
    let enough = async || match database.ask(&asked).await.parse::<usize>() {
        Ok(found) if found >= count => Ok(()),
        other => Err(format!("{other:?} of {count}")),
    };
    eventually(&format!("{name} is told"), world.plan.patience, enough).await;
}
