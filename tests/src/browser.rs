//! A real browser, headless: Chromium looks at a page and shows what it made of it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use tokio::task::spawn_blocking;

/// A visitor with a profile of their own.
pub struct Browser {
    program: PathBuf,
    profile: tempfile::TempDir,
}

impl Browser {
    /// Debian's Chromium, or what calls itself so.
    pub fn new() -> Self {
        let known = ["/usr/bin/chromium", "/usr/bin/google-chrome", "/usr/bin/chromium-browser"];
        let program = known.iter().map(PathBuf::from).find(|p| p.exists()).expect("Chromium is installed");
        Self { program, profile: tempfile::tempdir().expect("a temporary folder") }
    }

    fn command(&self, url: &str) -> Command {
        let mut command = Command::new(&self.program);
        // Without sandbox: as root there is none. Virtual time: waits for what the page still loads, not for the clock.
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--disable-dev-shm-usage",
        ]);
        command.args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
        ]);
        command
            .arg("--virtual-time-budget=5000")
            .arg(format!("--user-data-dir={}", self.profile.path().display()));
        command.arg(url);
        command
    }

    /// The page as the browser understood it.
    pub async fn dom(&self, url: &str) -> String {
        let mut command = self.command(url);
        command.arg("--dump-dom");
        let output =
            spawn_blocking(move || command.output()).await.expect("the task").expect("Chromium runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The page as people see it, in a window of this width; a PNG.
    pub async fn screenshot(&self, url: &str, width: u32, height: u32, file: &Path) {
        let mut command = self.command(url);
        command
            .arg(format!("--window-size={width},{height}"))
            .arg(format!("--screenshot={}", file.display()));
        let output =
            spawn_blocking(move || command.output()).await.expect("the task").expect("Chromium runs");
        assert!(output.status.success() && file.is_file(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Default for Browser {
    fn default() -> Self {
        Self::new()
    }
}
