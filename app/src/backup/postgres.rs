//! PostgreSQL: its own tools do the work, run with the address in their environment, so that no password stands on a
//! command line.

use std::{path::Path, process::Command, time::Duration};

use lienthong_store_postgres::{Contents, Options, PostgresStore};
use reqwest::Url;
use secrecy::ExposeSecret;

use super::{Kept, Manifest, expect_less, failure, tell};
use crate::{
    cli::{Failure, Screen},
    compose::store_address,
    config::Config,
    i18n::Arg,
};

/// What the sessions of a backup or restore are called at the server.
const NAME: &str = "lienthong-backup";
/// How many quarters of a second sessions of a service may linger.
const PATIENCE: u32 = 12;

async fn connect(config: &Config) -> Result<PostgresStore, Failure> {
    let url = store_address(config)?.ok_or_else(|| Failure::new("store.url", ""))?;
    let options =
        Options { max_connections: 2, name: NAME.into(), ..Options::new(url.expose_secret().to_owned()) };
    Ok(PostgresStore::connect(options).await?)
}

/// A tool with the configured database in its environment.
fn tool(config: &Config, screen: &Screen, name: &str) -> Result<Command, Failure> {
    let url = store_address(config)?.ok_or_else(|| Failure::new("store.url", ""))?;
    let bad = || failure(screen, "backup-tool", &[("tool", Arg::Text(name))]);
    let url = Url::parse(url.expose_secret()).map_err(|_| bad())?;
    let mut command = Command::new(name);
    for (variable, value) in environment(&url) {
        command.env(variable, value);
    }
    Ok(command)
}

/// The address as the variables of libpq.
fn environment(url: &Url) -> Vec<(&'static str, String)> {
    let mut found = vec![("PGAPPNAME", NAME.to_owned())];
    let mut put = |name, value: &str| {
        if !value.is_empty() {
            found.push((name, plain(value)));
        }
    };
    put("PGHOST", url.host_str().unwrap_or_default().trim_matches(['[', ']']));
    put("PGPORT", &url.port().map(|port| port.to_string()).unwrap_or_default());
    put("PGUSER", url.username());
    put("PGPASSWORD", url.password().unwrap_or_default());
    put("PGDATABASE", url.path().trim_start_matches('/'));
    for (name, value) in url.query_pairs() {
        let variable = match &*name {
            "sslmode" | "ssl-mode" => "PGSSLMODE",
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => "PGSSLROOTCERT",
            "sslcert" | "ssl-cert" => "PGSSLCERT",
            "sslkey" | "ssl-key" => "PGSSLKEY",
            "host" => "PGHOST",
            "port" => "PGPORT",
            "user" => "PGUSER",
            "password" => "PGPASSWORD",
            "dbname" => "PGDATABASE",
            _ => continue,
        };
        found.retain(|(known, _)| *known != variable);
        found.push((variable, value.into_owned()));
    }
    found
}

/// A part of an address without its percent signs.
fn plain(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let code = (*first == b'%').then(|| after.get(..2)).flatten();
        let code = code
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn run(screen: &Screen, name: &str, mut command: Command) -> Result<Vec<u8>, Failure> {
    let output =
        command.output().map_err(|_| failure(screen, "backup-tool", &[("tool", Arg::Text(name))]))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(failure(screen, "backup-tool-failed", &[("tool", Arg::Text(name)), ("said", Arg::Text(&said))]))
}

/// Dumps the database into a file, and reads the dump's table of contents back.
pub(super) async fn dump(config: &Config, screen: &Screen, into: &Path) -> Result<Contents, Failure> {
    let store = connect(config).await?;
    let contents = store.contents().await;
    store.close().await;
    let contents = contents?.ok_or_else(|| Failure::new(screen.say("no-config"), ""))?;
    let mut dump = tool(config, screen, "pg_dump")?;
    dump.args(["--format=custom", "--no-owner", "--no-privileges", "--no-password", "--schema=public"]);
    dump.arg("--file").arg(into);
    run(screen, "pg_dump", dump)?;
    tell(screen, "backup-checking");
    let mut list = tool(config, screen, "pg_restore")?;
    list.arg("--list").arg(into);
    let listed = String::from_utf8_lossy(&run(screen, "pg_restore", list)?).into_owned();
    if !listed.contains("TABLE DATA public installation") {
        let args = [("tool", Arg::Text("pg_dump")), ("said", Arg::Text("installation"))];
        return Err(failure(screen, "backup-tool-failed", &args));
    }
    // Whole to the last byte: every row is read, and nothing is done with it.
    let mut read = tool(config, screen, "pg_restore")?;
    read.args(["--file", "/dev/null"]).arg(into);
    run(screen, "pg_restore", read)?;
    Ok(contents)
}

/// Restores a dump in the place of what is there.
pub(super) async fn place(
    config: &Config,
    screen: &Screen,
    manifest: &Manifest,
    copy: &Path,
    aside: Option<&str>,
) -> Result<Kept, Failure> {
    let store = connect(config).await?;
    let placed = place_in(config, screen, manifest, copy, aside, &store).await;
    store.close().await;
    placed
}

async fn place_in(
    config: &Config,
    screen: &Screen,
    manifest: &Manifest,
    copy: &Path,
    aside: Option<&str>,
    store: &PostgresStore,
) -> Result<Kept, Failure> {
    // The server takes a moment to notice that a process was killed.
    for left in (0..=PATIENCE).rev() {
        if store.others().await? == 0 {
            break;
        }
        if left == 0 {
            return Err(failure(screen, "restore-running", &[]));
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let contents = store.contents().await?;
    let mut kept = Kept { aside: None, before: contents.map(|contents| contents.installation) };
    if kept.before.is_some() {
        let Some(aside) = aside else { return Err(failure(screen, "restore-not-empty", &[])) };
        expect_less(config, manifest)?;
        tell(screen, "restore-placing");
        store.put_aside(aside).await?;
        kept.aside = Some(aside.to_owned());
    } else {
        expect_less(config, manifest)?;
        tell(screen, "restore-placing");
    }
    let mut restore = tool(config, screen, "pg_restore")?;
    restore.args([
        "--no-owner",
        "--no-privileges",
        "--no-password",
        "--single-transaction",
        "--exit-on-error",
    ]);
    // Only what is in the schema, not the schema itself: it is there.
    restore.arg("--schema=public");
    restore.arg(format!("--dbname={}", database(config)?)).arg(copy);
    run(screen, "pg_restore", restore)?;
    Ok(kept)
}

/// The database's name alone: without one on its command line `pg_restore` writes a script.
fn database(config: &Config) -> Result<String, Failure> {
    let url = store_address(config)?.ok_or_else(|| Failure::new("store.url", ""))?;
    let url = Url::parse(url.expose_secret()).map_err(|_| Failure::new("store.url", ""))?;
    let found = environment(&url);
    let name = |wanted| found.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.clone());
    Ok(name("PGDATABASE").or_else(|| name("PGUSER")).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_goes_into_variables_and_passwords_with_percent_signs_come_out_whole() {
        let url = "postgres://lt:m%40t%20kh%25u@db.local:5433/lienthong?sslmode=verify-full&host=/run/pg";
        let found = environment(&Url::parse(url).unwrap());
        let value = |name| found.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        assert_eq!(value("PGPASSWORD"), Some("m@t kh%u"));
        assert_eq!((value("PGUSER"), value("PGDATABASE")), (Some("lt"), Some("lienthong")));
        assert_eq!((value("PGHOST"), value("PGPORT")), (Some("/run/pg"), Some("5433")));
        assert_eq!(value("PGSSLMODE"), Some("verify-full"));
    }
}
