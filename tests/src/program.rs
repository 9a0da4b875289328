//! The real program as a child process.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::eventually;

/// Far more than it takes on a slow machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running `lienthong serve`; killed when dropped.
pub struct Program {
    child: Child,
    log: PathBuf,
    /// Where it listens.
    pub address: SocketAddr,
}

/// The program that was built with these tests.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this program");
    // target/debug/deps/e2e-… or target/release/lienthong-soak
    let folder = test.ancestors().skip(1).find(|f| !f.ends_with("deps")).expect("a target folder");
    let binary = folder.join("lienthong");
    assert!(
        binary.is_file(),
        "{} is missing: build it with `cargo build --workspace --all-features --bins --tests`, as make does",
        binary.display()
    );
    binary
}

/// A command of the program with nothing of this process's environment that could configure it.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    let ours = std::env::vars_os().map(|(name, _)| name);
    for name in ours.filter(|name| name.to_string_lossy().starts_with("LIENTHONG_")) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs a command of the program to its end.
pub async fn run(arguments: &[&str]) -> Output {
    let mut command = command(arguments);
    spawn_blocking(move || command.output()).await.expect("the task").expect("the program runs")
}

/// Runs a command with `--json`; its exit status and what it answered.
pub async fn json(arguments: &[&str]) -> (ExitStatus, Value) {
    let output = run(&[&["--json"], arguments].concat()).await;
    let answered = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        let (said, complained) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        panic!("{arguments:?} --json: {error}\n{said}\n{complained}")
    });
    (output.status, answered)
}

impl Program {
    /// Starts it and waits until it listens.
    pub async fn start(config: &Path, log: &Path) -> Self {
        match Self::try_start(config, log).await {
            Ok(program) => program,
            Err(why) => panic!("{why}"),
        }
    }

    /// Starts it as a supervisor would, who tries again when the program ends at once because what it needs is away.
    pub async fn try_start(config: &Path, log: &Path) -> Result<Self, String> {
        let file = std::fs::File::options().create(true).append(true).open(log).expect("a log file");
        let before = file.metadata().map_or(0, |m| m.len());
        let config = config.display().to_string();
        let mut command = command(&["--log-format", "json", "--config", &config, "serve"]);
        let child = command.stdout(Stdio::null()).stderr(file).spawn().expect("the program starts");
        let mut program = Self { child, log: log.to_owned(), address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let listens = async || match program.ended() {
            Some(status) => Ok(Err(format!("the program ended at once, {status}: {}", tail(&program.log)))),
            None => program.listens(before).map(Ok),
        };
        program.address = eventually("the program listens", PATIENCE, listens).await?;
        Ok(program)
    }

    fn listens(&self, before: u64) -> Result<SocketAddr, String> {
        let said = std::fs::read_to_string(&self.log).map_err(|e| e.to_string())?;
        let new = said.get(usize::try_from(before).unwrap_or(0)..).unwrap_or_default();
        let lines = new.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut addresses =
            lines.filter(|l| l["message"] == "listening").filter_map(|l| l["address"].as_str()?.parse().ok());
        addresses.next().ok_or_else(|| "nothing yet".to_owned())
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// `kill -STOP`: it stands still with everything it has in its hands, and does not know it.
    pub async fn freeze(&self) {
        self.signal("-STOP").await;
    }

    /// `kill -CONT`
    pub async fn thaw(&self) {
        self.signal("-CONT").await;
    }

    async fn signal(&self, signal: &'static str) {
        let pid = self.child.id().to_string();
        let asked = spawn_blocking(move || Command::new("kill").args([signal, &pid]).status());
        assert!(
            asked.await.expect("the task").expect("kill").success(),
            "the program was gone already: {}",
            tail(&self.log)
        );
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill9(mut self) {
        self.child.kill().expect("it still ran");
        self.child.wait().expect("it can be waited for");
    }

    /// Asks it to stop as a supervisor does, and waits for it.
    pub async fn stop(mut self) -> ExitStatus {
        self.signal("-TERM").await;
        // One that stands still hears of it when it goes on.
        self.signal("-CONT").await;
        let ended =
            async || self.child.try_wait().map_err(|e| e.to_string())?.ok_or_else(|| "it runs".to_owned());
        eventually("the program stops", PATIENCE, ended).await
    }
}

impl Drop for Program {
    #[expect(clippy::print_stderr, reason = "a failed test shows what the program said")]
    fn drop(&mut self) {
        // Errors: it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
        if std::thread::panicking() {
            eprintln!("the program's last words:\n{}", tail(&self.log));
        }
    }
}

fn tail(log: &Path) -> String {
    let said = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = said.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
