//! The engine under measurement: the program itself, as a process, with the configuration of a small province.

use std::{fmt::Write as _, path::PathBuf, process::Stdio, time::Duration};

use tokio::{
    net::TcpListener,
    process::{Child, Command},
    time::Instant,
};

use crate::{
    callbacks,
    failed::{Failed, at},
    measure,
    traffic::{self, UNITS, unit},
};

/// How long it may take to be ready, and to stop.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a run of the engine is to be like.
#[derive(Debug, Clone)]
pub struct Setting {
    /// PostgreSQL; none: SQLite in the run's folder.
    pub store: Option<String>,
    /// RabbitMQ; none: HTTP only.
    pub rabbitmq: Option<String>,
    /// What the names at RabbitMQ end in.
    pub name: String,
    /// The portal.
    pub partner: String,
    /// Operations with it at once.
    pub in_flight: usize,
    /// Whether results are published.
    pub tells: bool,
    /// Whether there is a payment platform beside the portal.
    pub has_payments: bool,
    /// Which of how many intake queues this process takes its turn at; each has the events of its share of the units.
    pub queue: (usize, usize),
}

impl Setting {
    /// The exchange that the one-stop system publishes to.
    pub fn exchange(&self) -> String {
        format!("motcua.{}", self.name)
    }

    /// The engine's queue.
    fn queue(&self) -> String {
        format!("intake.{}.{}", self.name, self.queue.0)
    }

    /// What that queue takes.
    fn bindings(&self) -> Vec<String> {
        let (place, queues) = self.queue;
        if queues == 1 {
            return vec!["#".to_owned()];
        }
        (0..UNITS).filter(|n| n % queues == place).map(|n| format!("{}.#", unit(n))).collect()
    }

    /// The exchange for results.
    pub fn told(&self) -> String {
        format!("told.{}", self.name)
    }

    fn text(&self, folder: &str, port: u16) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        writeln!(text, "[installation]\nname = \"h99\"\nlabel = \"Bench\"\ndata_dir = {folder:?}\n")?;
        match &self.store {
            Some(url) => writeln!(text, "[store]\nkind = \"postgres\"\nurl = {url:?}\n")?,
            None => writeln!(text, "[store]\nkind = \"sqlite\"\n")?,
        }
        if let Some(url) = &self.rabbitmq {
            writeln!(
                text,
                "[broker]\nurl = {url:?}\nexchange_in = {:?}\nexchange_out = {:?}\nqueue = {:?}\n\
                 dead_exchange = \"dead.{1}\"\ndead_queue = \"dead.{1}\"\npublish = {}\nbindings = {:?}\n",
                self.exchange(),
                self.told(),
                self.queue(),
                self.tells,
                self.bindings(),
            )?;
        }
        // A partner that was away is tried soon, and comes back fast.
        writeln!(
            text,
            "[http]\nlisten = \"127.0.0.1:{port}\"\n\n[engine]\ntest_seconds = 1\ntest_longest_seconds = 1\n\
             ramp_step_seconds = 1\n",
        )?;
        for number in 0..UNITS {
            let code = unit(number);
            writeln!(
                text,
                "[[source]]\npattern = \"/motcua/{code}\"\nunits = [\"{code}\"]\n\
                 [[unit]]\ncode = \"{code}\"\nname = \"UBND xã Mẫu\"",
            )?;
        }
        writeln!(
            text,
            "[[connector]]\nid = \"dvcqg\"\nlabel = \"Portal\"\nin_flight = {}\n[connector.dvcqg]\n\
             adapter_url = \"{}\"\nusername = \"bench\"\npassword = \"bench\"\nmadonvi = \"000.00.00.H99\"\n\
             dstcode = \"VN:GOV:000.00.00.G22:vpcp\"\nlook_up = \"in_doubt\"",
            self.in_flight, self.partner,
        )?;
        if self.has_payments {
            writeln!(
                text,
                "[[beneficiary]]\nname = {:?}\naccount = \"3511099000008\"\nbank_bin = \"970436\"\n\
                 bank_code = \"VCB\"\nholder = \"Kho bạc Nhà nước khu vực Mẫu\"\n\
                 [[connector]]\nid = {:?}\nlabel = \"Payments\"\nin_flight = 64\n[connector.dvcqg_payment]\n\
                 init_url = \"{2}/payments\"\nquery_url = \"{2}/payments\"\npartner_code = {3:?}\nsecret = {4:?}",
                traffic::BENEFICIARY,
                callbacks::PLATFORM,
                self.partner,
                callbacks::PARTNER_CODE,
                callbacks::SECRET,
            )?;
        }
        Ok(text)
    }
}

/// A running engine; it is killed when this is dropped.
pub struct Engine {
    process: Child,
    pid: u32,
    /// Its HTTP address.
    pub base: String,
    log: PathBuf,
    config: PathBuf,
    _folder: tempfile::TempDir,
}

/// What a stopped engine has cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Processor time, its start included, seconds.
    pub cpu_seconds: f64,
    /// The most memory it had, MiB.
    pub peak_mib: f64,
}

impl Engine {
    /// Starts one and waits until it is ready; how long that took.
    pub async fn start(setting: &Setting) -> Result<(Self, Duration), Failed> {
        let folder = tempfile::tempdir().map_err(at("a folder for the engine"))?;
        let port = free_port().await?;
        let config = folder.path().join("lienthong.toml");
        let text =
            setting.text(&folder.path().display().to_string(), port).map_err(at("the configuration"))?;
        std::fs::write(&config, text).map_err(at("the configuration"))?;
        let log = config.with_extension("log");
        let said = std::fs::File::create(&log).map_err(at("the engine's log"))?;
        let program = std::env::current_exe().map_err(at("the program's own path"))?;
        let began = Instant::now();
        let process = Command::new(program)
            .arg("--config")
            .arg(&config)
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(said.try_clone().map_err(at("the engine's log"))?)
            .stderr(said)
            .kill_on_drop(true)
            .spawn()
            .map_err(at("starting the engine"))?;
        let pid = process.id().ok_or_else(|| Failed::new("the engine ended at once"))?;
        let base = format!("http://127.0.0.1:{port}");
        let mut engine = Self { process, pid, base, log, config, _folder: folder };
        engine.ready(began).await?;
        Ok((engine, began.elapsed()))
    }

    async fn ready(&mut self, began: Instant) -> Result<(), Failed> {
        let address = self.base.trim_start_matches("http://").to_owned();
        loop {
            if is_ready(&address).await {
                return Ok(());
            }
            let has_ended = self.process.try_wait().map_err(at("the engine"))?.is_some();
            if has_ended || began.elapsed() > PATIENCE {
                return Err(Failed::new(format!("the engine did not start: {}", self.last_words())));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(12)..).unwrap_or_default().join("\n")
    }

    /// The embedded store's file.
    pub fn file(&self) -> PathBuf {
        self.config.with_file_name("lienthong.sqlite")
    }

    /// A token to publish with.
    pub async fn token(&self) -> Result<String, Failed> {
        let program = std::env::current_exe().map_err(at("the program's own path"))?;
        let issued = Command::new(program)
            .arg("--config")
            .arg(&self.config)
            .args(["token", "issue", "--subject", "bench", "--scope", "publish"])
            .output()
            .await
            .map_err(at("a token"))?;
        Ok(String::from_utf8_lossy(&issued.stdout).trim().to_owned())
    }

    /// What it has cost so far.
    pub fn cost(&self) -> Result<Cost, Failed> {
        Ok(Cost { cpu_seconds: measure::cpu_seconds(self.pid)?, peak_mib: measure::peak_mib(self.pid)? })
    }

    /// The memory it has now, MiB.
    pub fn resident_mib(&self) -> Result<f64, Failed> {
        measure::resident_mib(self.pid)
    }

    /// Asks it to stop and waits.
    pub async fn stop(mut self) -> Result<Cost, Failed> {
        let cost = self.cost()?;
        let asked = Command::new("kill").arg("-TERM").arg(self.pid.to_string()).status().await;
        asked.map_err(at("stopping the engine"))?;
        let ended = tokio::time::timeout(PATIENCE, self.process.wait()).await;
        match ended {
            Ok(Ok(status)) if status.success() => Ok(cost),
            other => Err(Failed::new(format!(
                "the engine did not stop cleanly ({other:?}): {}",
                self.last_words()
            ))),
        }
    }
}

/// A port that is free now: nobody else on the machine takes one meanwhile.
pub(crate) async fn free_port() -> Result<u16, Failed> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(at("a port"))?;
    Ok(listener.local_addr().map_err(at("a port"))?.port())
}

/// Whether `/readyz` says so. By hand: a client would be a pool and a resolver for one line.
pub(crate) async fn is_ready(address: &str) -> bool {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let asked = async {
        let mut stream = tokio::net::TcpStream::connect(address).await?;
        let request = format!("GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = [0; 16];
        let read = stream.read(&mut answer).await?;
        Ok::<_, std::io::Error>(answer.get(..read).is_some_and(|a| a.starts_with(b"HTTP/1.1 200")))
    };
    asked.await.unwrap_or(false)
}
