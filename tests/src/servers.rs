//! The private servers of `scripts/with-servers`: their addresses, a database for each test, and control over them.

use std::{
    fs::File,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use tokio::task::spawn_blocking;

/// Addresses and controls.
#[derive(Debug, Clone)]
pub struct Servers {
    /// PostgreSQL's maintenance database.
    pub postgres: String,
    /// RabbitMQ.
    pub rabbitmq: String,
    folder: PathBuf,
    control: PathBuf,
}

/// Keeps the servers running (shared) or to oneself (alone) until dropped. A file lock: test programs may be several.
#[derive(Debug)]
pub struct Held {
    _file: File,
}

impl Servers {
    /// From the environment that `scripts/with-servers` gives.
    pub fn get() -> Self {
        let get = |name: &str| {
            std::env::var(name)
                .unwrap_or_else(|_| panic!("{name} is not set: run me under scripts/with-servers"))
        };
        Self {
            postgres: get("LIENTHONG_TEST_PG"),
            rabbitmq: get("LIENTHONG_TEST_AMQP"),
            folder: get("LIENTHONG_TEST_SERVERS").into(),
            control: get("LIENTHONG_TEST_SERVER").into(),
        }
    }

    /// The servers run while this is held.
    pub async fn shared(&self) -> Held {
        self.hold(false).await
    }

    /// Nobody else uses the servers while this is held: they may be stopped.
    pub async fn alone(&self) -> Held {
        self.hold(true).await
    }

    async fn hold(&self, alone: bool) -> Held {
        let path = self.folder.join("in-use");
        let held = spawn_blocking(move || {
            let file = File::options().create(true).append(true).open(&path)?;
            if alone {
                file.lock()?;
            } else {
                file.lock_shared()?;
            }
            Ok::<_, std::io::Error>(Held { _file: file })
        });
        held.await.expect("the task").expect("a lock on the servers")
    }

    /// `control("rabbitmq", "restart")`
    pub async fn control(&self, server: &str, what: &str) {
        let mut command = Command::new(&self.control);
        command.args([server, what]);
        let output =
            spawn_blocking(move || command.output()).await.expect("the task").expect("scripts/server");
        assert!(output.status.success(), "{server} {what}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A name that no other test of this or any other run uses.
pub fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("t{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A database of one test; gone with it.
#[derive(Debug)]
pub struct Database {
    /// Its address.
    pub url: String,
    name: String,
    maintenance: String,
}

impl Database {
    pub async fn create(servers: &Servers) -> Self {
        let name = unique();
        let maintenance = servers.postgres.clone();
        let (root, _) = maintenance.rsplit_once('/').expect("an address ends in a database");
        let database = Self { url: format!("{root}/{name}"), name: name.clone(), maintenance };
        psql(&database.maintenance, &format!("create database {name}")).await;
        database
    }

    /// The rows that a statement answers, unaligned, without headers.
    pub async fn ask(&self, statement: &str) -> String {
        psql(&self.url, statement).await
    }

    /// The same, while the server may be away.
    pub async fn try_ask(&self, statement: &str) -> Result<String, String> {
        try_psql(&self.url, statement).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let statement = format!("drop database if exists {} with (force)", self.name);
        // The servers go with everything in them; tidying up only keeps a long run small.
        drop(command(&self.maintenance, &statement).output());
    }
}

fn command(url: &str, statement: &str) -> Command {
    let mut command = Command::new("psql");
    command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]);
    command.args(["--command", statement, url]);
    command
}

async fn psql(url: &str, statement: &str) -> String {
    try_psql(url, statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"))
}

async fn try_psql(url: &str, statement: &str) -> Result<String, String> {
    let mut command = command(url, statement);
    let output = spawn_blocking(move || command.output()).await.expect("the task").expect("psql");
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
