//! What a backup says of itself: `manifest.json` beside the copy.

use std::{fs::File, io::Read, path::Path};

use aws_lc_rs::digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::StoreKind;

/// The file in the backup's folder.
pub const FILE: &str = "manifest.json";

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The program that made it.
    pub program: String,
    /// `sqlite` or `postgres`.
    pub store: String,
    /// The copy, in the same folder.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, hexadecimal.
    pub sha256: String,
    /// The number of the newest migration in it.
    pub migration: i64,
    /// The installation's short name.
    pub name: String,
    /// The installation's id.
    pub installation: String,
    /// Its epoch.
    pub epoch: i64,
    /// The highest number of an out-event, at least.
    pub outbox: i64,
    /// When it was begun; whatever it holds is older.
    pub taken_at: Timestamp,
}

/// What a kind of store is called.
pub fn kind(kind: StoreKind) -> &'static str {
    match kind {
        StoreKind::Sqlite => "sqlite",
        StoreKind::Postgres => "postgres",
    }
}

impl Manifest {
    /// Reads the manifest of a backup.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(folder.join(FILE)).map_err(|error| error.to_string())?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    /// Writes it, to the disk.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        let path = folder.join(FILE);
        std::fs::write(&path, format!("{}\n", serde_json::to_string_pretty(self)?))?;
        File::open(path)?.sync_all()?;
        File::open(folder)?.sync_all()
    }
}

/// Size and SHA-256 of a file.
pub fn sum(path: &Path) -> std::io::Result<(u64, String)> {
    let (mut file, mut context) = (File::open(path)?, digest::Context::new(&digest::SHA256));
    let (mut bytes, mut buffer) = (0, vec![0; 1 << 16]);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        context.update(&buffer[..read]);
        bytes += read as u64;
    }
    let mut hex = String::with_capacity(64);
    for byte in context.finish().as_ref() {
        hex.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or_default());
        hex.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or_default());
    }
    Ok((bytes, hex))
}
