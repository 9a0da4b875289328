//! Traffic: fixtures written by `tools/traffic.py` for tests that need nothing installed, and the tools themselves.

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use flate2::read::GzDecoder;
use tokio::task::spawn_blocking;

/// Debian's interpreter: it is the one that Debian's pika belongs to.
const PYTHON: &str = "/usr/bin/python3";

/// A committed piece of traffic, and the options that made it; an end-to-end test makes it again and compares.
#[derive(Debug, Clone, Copy)]
pub struct Fixture {
    pub file: &'static str,
    pub options: &'static [&'static str],
}

/// Sixty dossier lives, all good.
pub const SIXTY: Fixture = Fixture { file: "sixty.jsonl.gz", options: &["--dossiers", "60", "--seed", "11"] };
/// A hundred and twenty, with every kind of mess.
pub const MESS: Fixture =
    Fixture { file: "mess.jsonl.gz", options: &["--dossiers", "120", "--seed", "14", "--mess", "0.08"] };

impl Fixture {
    /// Its lines.
    pub fn lines(self) -> Vec<Vec<u8>> {
        let path = folder("fixtures").join(self.file);
        let file = std::fs::File::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut bytes = Vec::new();
        GzDecoder::new(file).read_to_end(&mut bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        lines(&bytes)
    }
}

/// The lines of a JSON-lines text, empty ones left out.
pub fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(<[u8]>::to_vec).collect()
}

/// The source that published about a subject.
pub fn source_of(lines: &[Vec<u8>], subject: &str) -> String {
    let events = lines.iter().filter_map(|l| serde_json::from_slice::<serde_json::Value>(l).ok());
    let mut sources =
        events.filter(|e| e["subject"] == subject).filter_map(|e| e["source"].as_str().map(str::to_owned));
    sources.next().unwrap_or_else(|| panic!("{subject}: not in this traffic"))
}

/// What `tools/traffic.py` writes with these options.
pub async fn generate(options: &[&str]) -> Vec<u8> {
    let mut command = Command::new(PYTHON);
    command.arg(folder("tools").join("traffic.py")).args(options);
    let output = spawn_blocking(move || command.output()).await.expect("the task").expect("python3");
    assert!(output.status.success(), "traffic.py: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Starts `tools/publish.py` on a file of lines.
pub fn publisher(file: &Path, url: &str, exchange: &str, options: &[&str]) -> Child {
    let mut command = Command::new(PYTHON);
    command.arg(folder("tools").join("publish.py")).args(["--url", url, "--exchange", exchange]);
    command.args(options).arg(file).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("python3")
}

/// Waits for a publisher; its counts as it printed them.
pub async fn published(publisher: Child) -> serde_json::Value {
    let output =
        spawn_blocking(move || publisher.wait_with_output()).await.expect("the task").expect("publish.py");
    assert!(output.status.success(), "publish.py: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("publish.py prints counts")
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
