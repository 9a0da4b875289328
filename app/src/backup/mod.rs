//! Backups of the store and their way back. A backup is a folder: the copy, and a manifest that says what it is of. Both
//! ways look over what they wrote; a restored store is fenced before anybody can send from it.

mod manifest;
mod postgres;

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use lienthong_core::{
    clock::{Clock, SystemClock, business},
    flow::restore::{self, Evidence},
    port::store::{Installation, StoreError},
};
use lienthong_store_sqlite::backup as sqlite;
use serde_json::json;

use crate::{
    cli::{Failure, Global, Screen, is_served, load},
    compose::StoreHandle,
    config::{Config, StoreKind},
    http::json::rfc3339,
    i18n::Arg,
    state_file::{self, Found, Seen},
};
use manifest::Manifest;

/// A failure in the words of `cli-{key}` with its remedy.
fn failure(screen: &Screen, key: &str, args: &[(&'static str, Arg<'_>)]) -> Failure {
    Failure::new(screen.say_with(key, args), screen.say_with(&format!("{key}.remedy"), args))
}

fn tell(screen: &Screen, key: &str) {
    if !screen.json {
        screen.line(screen.say(key));
    }
}

/// Copies the configured store into a new folder.
pub async fn backup(global: &Global, screen: &Screen, folder: &Path) -> Result<(), Failure> {
    let config = load(global)?;
    let named = folder.display().to_string();
    let unwritable = |_| failure(screen, "backup-unwritable", &[("folder", Arg::Text(&named))]);
    fs::create_dir_all(folder).map_err(unwritable)?;
    if fs::read_dir(folder).map_err(unwritable)?.next().is_some() {
        return Err(failure(screen, "backup-folder", &[("folder", Arg::Text(&named))]));
    }
    private(folder).map_err(unwritable)?;
    tell(screen, "backup-copying");
    let taken_at = SystemClock.now();
    let (file, migration, installation) = match config.store.kind {
        StoreKind::Sqlite => {
            let copied = sqlite::copy(&config.installation.data_dir, &folder.join("store.sqlite")).await?;
            tell(screen, "backup-checking");
            ("store.sqlite", copied.migration, copied.installation)
        }
        StoreKind::Postgres => {
            let contents = postgres::dump(&config, screen, &folder.join("store.dump")).await?;
            ("store.dump", contents.migration, contents.installation)
        }
    };
    let (bytes, sha256) = manifest::sum(&folder.join(file)).map_err(unwritable)?;
    let manifest = Manifest {
        program: env!("CARGO_PKG_VERSION").into(),
        store: manifest::kind(config.store.kind).into(),
        file: file.into(),
        bytes,
        sha256,
        migration,
        name: config.installation.name.clone(),
        installation: installation.id,
        epoch: installation.epoch,
        outbox: installation.outbox_highest,
        taken_at,
    };
    manifest.write(folder).map_err(unwritable)?;
    if screen.json {
        screen.value(&json!({ "folder": named, "manifest": manifest }));
    } else {
        let size = screen.number(i64::try_from(bytes.div_ceil(1 << 20)).unwrap_or(i64::MAX));
        let args = [
            ("folder", Arg::Text(&named)),
            ("size", Arg::Text(&size)),
            ("epoch", Arg::Count(manifest.epoch)),
        ];
        screen.line(screen.say_with("backup-done", &args));
    }
    Ok(())
}

/// The copy holds personal data: for this account only.
fn private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

/// Puts a backup in the place of the configured store, and the fence up.
pub async fn restore(global: &Global, screen: &Screen, folder: &Path, replace: bool) -> Result<(), Failure> {
    let config = load(global)?;
    tell(screen, "restore-checking");
    let manifest = usable(screen, &config, folder)?;
    if is_served(global, &config).await? {
        return Err(failure(screen, "restore-running", &[]));
    }
    let now = SystemClock.now();
    let aside = replace.then(|| format!("before_{}", business(now).strftime("%Y%m%d_%H%M%S")));
    let (copy, aside) = (folder.join(&manifest.file), aside.as_deref());
    let kept = match config.store.kind {
        StoreKind::Sqlite => place_sqlite(&config, screen, &manifest, &copy, aside).await?,
        StoreKind::Postgres => postgres::place(&config, screen, &manifest, &copy, aside).await?,
    };
    tell(screen, "restore-upgrading");
    let epoch = fence(&config, &manifest, kept.before.as_ref()).await?;
    if screen.json {
        screen.value(&json!({ "restored": true, "fenced": true, "epoch": epoch, "kept": kept.aside,
            "taken_at": rfc3339(manifest.taken_at) }));
        return Ok(());
    }
    let when = business(manifest.taken_at).strftime("%d/%m/%Y %H:%M:%S").to_string();
    screen.line(screen.say_with("restore-done", &[("when", Arg::Text(&when))]));
    if let Some(aside) = &kept.aside {
        screen.line(screen.say_with("restore-kept", &[("aside", Arg::Text(aside))]));
    }
    screen.line(screen.say("restore-first"));
    screen.line(format!("   {}", screen.say("restore-start")));
    Ok(())
}

/// The manifest of a backup that can be restored here.
fn usable(screen: &Screen, config: &Config, folder: &Path) -> Result<Manifest, Failure> {
    let named = folder.display().to_string();
    let unreadable = |said: &str| {
        failure(screen, "restore-unreadable", &[("folder", Arg::Text(&named)), ("said", Arg::Text(said))])
    };
    let manifest = Manifest::read(folder).map_err(|said| unreadable(&said))?;
    // A name in the folder, not a way out of it.
    if PathBuf::from(&manifest.file).file_name().and_then(|name| name.to_str()) != Some(&manifest.file) {
        return Err(unreadable(&manifest.file));
    }
    if manifest.store != manifest::kind(config.store.kind) {
        return Err(failure(screen, "restore-other-kind", &[("kind", Arg::Text(&manifest.store))]));
    }
    let newest = match config.store.kind {
        StoreKind::Sqlite => sqlite::newest_migration(),
        StoreKind::Postgres => lienthong_store_postgres::newest_migration(),
    };
    if manifest.migration > newest {
        return Err(failure(screen, "restore-newer", &[("migration", Arg::Count(manifest.migration))]));
    }
    let sum = manifest::sum(&folder.join(&manifest.file)).map_err(|error| unreadable(&error.to_string()))?;
    if sum != (manifest.bytes, manifest.sha256.clone()) {
        return Err(failure(screen, "restore-damaged", &[("file", Arg::Text(&manifest.file))]));
    }
    Ok(manifest)
}

/// What a restore put aside.
struct Kept {
    /// Where it is.
    aside: Option<String>,
    /// What it was of.
    before: Option<Installation>,
}

async fn place_sqlite(
    config: &Config,
    screen: &Screen,
    manifest: &Manifest,
    copy: &Path,
    aside: Option<&str>,
) -> Result<Kept, Failure> {
    let folder = &config.installation.data_dir;
    let target = folder.join("lienthong.sqlite");
    let is_there = target.exists();
    if is_there && aside.is_none() {
        return Err(failure(screen, "restore-not-empty", &[]));
    }
    sqlite::look(copy).await?;
    crate::tokens::make_folder(folder)?;
    // First the folder, then the state file: a refusal leaves no trace.
    let held = sqlite::hold(folder)?;
    expect_less(config, manifest)?;
    tell(screen, "restore-placing");
    let placed = held.place(copy, aside).await.map_err(|error| match error {
        StoreError::Rejected(_) => failure(screen, "restore-not-empty", &[]),
        other => other.into(),
    })?;
    let aside = aside.filter(|_| is_there).map(|aside| format!("{}.{aside}", target.display()));
    Ok(Kept { aside, before: placed.before })
}

/// Lets the state file know more than the backup does before the backup is in place: whoever crashes in between, the next
/// start finds an older store and puts the fence up itself.
fn expect_less(config: &Config, manifest: &Manifest) -> Result<(), Failure> {
    let path = state_file::path(config);
    let known = seen(&path);
    if known.as_ref().is_some_and(|k| k.installation == manifest.installation && k.epoch > manifest.epoch) {
        return Ok(());
    }
    let of_it = known.filter(|known| known.installation == manifest.installation);
    let expected = Seen {
        installation: manifest.installation.clone(),
        epoch: manifest.epoch + 1,
        outbox: of_it.as_ref().map_or(0, |seen| seen.outbox).max(manifest.outbox),
        newest_event_at: of_it.as_ref().and_then(|seen| seen.newest_event_at),
        at: of_it.map_or(manifest.taken_at, |seen| seen.at),
    };
    state_file::write(&path, &expected)
        .map_err(|error| Failure::new(format!("{}: {error}", path.display()), ""))
}

fn seen(path: &Path) -> Option<Seen> {
    match state_file::read(path) {
        Found::Seen(seen) => Some(seen),
        Found::Missing | Found::Unreadable(_) => None,
    }
}

/// Upgrades the restored store and fences it. Answers its epoch.
async fn fence(config: &Config, manifest: &Manifest, before: Option<&Installation>) -> Result<i64, Failure> {
    let handle = StoreHandle::open(config, "restore").await?;
    let fenced = fence_open(config, manifest, before, &handle).await;
    handle.close().await;
    fenced
}

async fn fence_open(
    config: &Config,
    manifest: &Manifest,
    before: Option<&Installation>,
    handle: &StoreHandle,
) -> Result<i64, Failure> {
    handle.migrate().await?;
    let store = handle.store();
    let known = store.installation().await?;
    let path = state_file::path(config);
    let seen = seen(&path);
    let last_seen = |seen: &Seen| -> Option<Timestamp> { (seen.at > manifest.taken_at).then_some(seen.at) };
    let evidence = Evidence {
        reason: "restored".into(),
        epoch: seen.as_ref().map_or(0, |s| s.epoch).max(before.map_or(0, |b| b.epoch)),
        outbox: seen.as_ref().map_or(0, |s| s.outbox).max(before.map_or(0, |b| b.outbox_highest)),
        backup_at: Some(manifest.taken_at),
        seen_at: seen.as_ref().and_then(last_seen),
    };
    restore::fence(&*store, &known, &evidence).await?;
    let now = store.installation().await?;
    let seen = Seen::of(&now, store.now().await?);
    if let Err(error) = state_file::write(&path, &seen) {
        tracing::warn!(%error, path = %path.display(), "the state file cannot be written");
    }
    Ok(now.epoch)
}
