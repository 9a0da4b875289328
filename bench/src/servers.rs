//! Private servers: RabbitMQ and PostgreSQL by the scripts that the tests use, which are inside the program.

use std::{env, io::Write as _, os::unix::fs::PermissionsExt as _, path::Path, process::ExitCode};

use tokio::process::Command;

use crate::failed::{Failed, at};

const SCRIPTS: [(&str, &str); 3] = [
    ("with-servers", include_str!("../../scripts/with-servers")),
    ("servers.bash", include_str!("../../scripts/servers.bash")),
    ("server", include_str!("../../scripts/server")),
];

/// Where they are.
#[derive(Debug, Clone)]
pub struct Servers {
    /// PostgreSQL, its database `postgres`.
    pub postgres: String,
    /// RabbitMQ.
    pub rabbitmq: String,
}

impl Servers {
    /// Those that the environment names.
    pub fn known() -> Option<Self> {
        Some(Self {
            postgres: env::var("LIENTHONG_TEST_PG").ok()?,
            rabbitmq: env::var("LIENTHONG_TEST_AMQP").ok()?,
        })
    }

    /// The address of another database of the same server.
    pub fn database(&self, name: &str) -> String {
        match self.postgres.rsplit_once('/') {
            Some((server, _)) => format!("{server}/{name}"),
            None => self.postgres.clone(),
        }
    }
}

/// Runs this very command again inside private servers, which end with it.
pub async fn inside() -> Result<ExitCode, Failed> {
    let folder = tempfile::tempdir().map_err(at("a temporary folder"))?;
    for (name, text) in SCRIPTS {
        write(&folder.path().join(name), text).map_err(at("the servers' scripts"))?;
    }
    let program = env::current_exe().map_err(at("the program's own path"))?;
    let status = Command::new(folder.path().join("with-servers"))
        .arg(program)
        .args(env::args_os().skip(1))
        .status()
        .await
        .map_err(at("private servers (bash, and Debian's rabbitmq-server and postgresql)"))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.set_permissions(std::fs::Permissions::from_mode(0o755))
}
