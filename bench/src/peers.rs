//! Programs of others for the same job, written plainly from public packages: what somebody would run instead. They are not
//! part of this project; they run from a folder that the user names, on the same servers and against the same partner.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::{Child, Command};

use crate::{
    failed::{Failed, at},
    floor, measure,
    run::{Ground, Load, PATIENCE, Run, around, each, run_of},
    servers::Servers,
    store::{self, Database},
    traffic::Event,
};

/// Queues that Celery makes for delayed tasks where its own are quorum queues; they would outlive it.
const CELERY_DELAYS: usize = 28;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// One process: amqplib, undici, pg; order per dossier in memory.
    Node,
    /// Celery 5 with gevent, acknowledged late; no order.
    Celery,
}

/// Where they are.
#[derive(Debug, Clone)]
pub struct Peers {
    folder: PathBuf,
}

/// What one needs from its environment.
pub struct Place<'a> {
    /// The servers.
    pub servers: &'a Servers,
    /// Its database.
    pub store: String,
    /// Its queue.
    pub queue: &'a str,
    /// Where it POSTs.
    pub partner: String,
    /// Requests at once.
    pub in_flight: usize,
}

impl Peers {
    /// Those of a folder; what is missing there is told with the way to get it.
    pub fn of(folder: &Path) -> Result<Self, Failed> {
        let needs = [
            ("node/peer.mjs", "the folder of the peers' sources (node/, celery_peer.py, requirements.txt)"),
            ("celery_peer.py", "the folder of the peers' sources (node/, celery_peer.py, requirements.txt)"),
            (
                "node/node_modules",
                "their packages: (cd node && npm ci), in a copy if the folder is read-only",
            ),
            (
                "venv/bin/python",
                "their packages: python3 -m venv venv && venv/bin/pip install -r requirements.txt",
            ),
        ];
        for (path, remedy) in needs {
            if !folder.join(path).exists() {
                return Err(Failed::new(format!(
                    "--peers {}: no {path}. It takes {remedy}",
                    folder.display()
                )));
            }
        }
        let folder = folder.canonicalize().map_err(at("the peers' folder"))?;
        Ok(Self { folder })
    }

    /// Starts one; what it says goes to `log`.
    pub fn start(&self, peer: Peer, place: &Place<'_>, log: &Path) -> Result<Child, Failed> {
        let said = std::fs::File::create(log).map_err(at("the peer's log"))?;
        let mut command = match peer {
            Peer::Node => {
                let mut command = Command::new("node");
                command.arg("node/peer.mjs");
                command
            }
            Peer::Celery => {
                let mut command = Command::new(self.folder.join("venv/bin/python"));
                let in_flight = place.in_flight.to_string();
                command
                    .args([
                        "-B",
                        "-m",
                        "celery",
                        "-A",
                        "celery_peer",
                        "worker",
                        "-P",
                        "gevent",
                        "-c",
                        &in_flight,
                    ])
                    .args(["-l", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"])
                    .env("POOLKIND", "gevent");
                command
            }
        };
        command
            .current_dir(&self.folder)
            .env("AMQP", &place.servers.rabbitmq)
            .env("PG", &place.store)
            .env("QUEUE", place.queue)
            .env("CQUEUE", place.queue)
            .env("QTYPE", "quorum")
            .env("PARTNER", &place.partner)
            .env("PREFETCH", place.in_flight.to_string())
            .env("CONC", place.in_flight.to_string())
            .env("POOL", "16")
            .env("NO_PROXY", "*")
            .stdin(Stdio::null())
            .stdout(said.try_clone().map_err(at("the peer's log"))?)
            .stderr(said)
            .kill_on_drop(true)
            .spawn()
            .map_err(at("starting a peer (node, python)"))
    }
}

impl Ground {
    /// A run of somebody else's program.
    pub async fn peer(&mut self, load: &Load, peers: &Peers, peer: Peer) -> Result<Run, Failed> {
        let name = self.name("peer");
        self.admin.create(&name, "template0").await?;
        let mut database = Database::connect(&self.servers.database(&name)).await?;
        database.run(floor::TABLE.to_owned()).await?;
        self.set_out(load);
        match peer {
            Peer::Node => {
                self.broker.declare(&name).await?;
                let with_name = |event: &Event| Event { body: event_of(event), ..event.clone() };
                let events: Vec<Event> = load.events.iter().map(with_name).collect();
                self.broker.publish(&name, &events, None).await?;
            }
            // Its own exchange has the queue's name.
            Peer::Celery => {
                self.broker.declare_queue(&name).await?;
                self.broker.publish_tasks(&name, &load.events).await?;
            }
        }
        let place = Place {
            servers: &self.servers,
            store: self.servers.database(&name),
            queue: &name,
            partner: format!("{}/partner", self.portal()),
            in_flight: load.in_flight,
        };
        let folder = tempfile::tempdir().map_err(at("a folder for a log"))?;
        let (log, before) = (folder.path().join("log"), around()?);
        let mut process = peers.start(peer, &place, &log)?;
        let pid = process.id().ok_or_else(|| Failed::new("the peer ended at once"))?;
        let events = i64::try_from(load.events.len()).unwrap_or(i64::MAX);
        let reached = database.reach(store::PEER_FINISHED, events, PATIENCE);
        let ended = tokio::select! {
            reached = reached => reached.err().map(|error| error.to_string()),
            status = process.wait() => Some(format!("it ended: {status:?}")),
        };
        if let Some(said) = ended {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            return Err(Failed::new(format!("{peer:?}: {said}\n{text}")));
        }
        let (after, cpu, peak_mib) = (around()?, measure::cpu_seconds(pid)?, measure::peak_mib(pid)?);
        process.kill().await.map_err(at("ending a peer"))?;
        let (span, latency) = (database.span(store::FLOOR_SPAN).await?, database.floor_latency().await?);
        database.close().await;
        self.admin.drop(&name).await?;
        self.broker.remove(&name).await?;
        if peer == Peer::Celery {
            for number in 0..CELERY_DELAYS {
                self.broker.remove(&format!("celery_delayed_{number}")).await?;
            }
        }
        self.all_asked(load)?;
        let mut run = run_of(load, span.seconds, cpu, peak_mib, latency);
        run.around_ms = each(load, before, after);
        Ok(run)
    }
}

/// The same event for a peer, which looks for the dossier under another name.
pub fn event_of(event: &Event) -> String {
    let rest = event.body.strip_prefix('{').unwrap_or(&event.body);
    format!("{{\"dossier\":\"{}\",{rest}", event.subject)
}

/// The same as the argument of a Celery task, in Celery's second protocol.
pub fn task_of(event: &Event) -> String {
    serde_json::json!([[event_of(event)], {}, { "callbacks": null, "errbacks": null, "chain": null, "chord": null }])
        .to_string()
}
