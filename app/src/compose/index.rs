//! Working time and the index from configuration: reads the year files and the catalogue of procedures.

use std::{path::Path, sync::Arc, time::Duration};

use lienthong_core::{
    calendar::{Calendar, Year},
    flow::index::IndexSettings,
    index::{catalogue::Catalogue, facts::Reading},
};

use crate::config::{CatalogueFile, Config, ConfigError, YearFile};

/// The index's settings.
pub fn index_settings(config: &Config) -> Result<IndexSettings, ConfigError> {
    Ok(IndexSettings {
        every: Duration::from_secs(config.index.refresh_seconds),
        reading: reading(config),
        rules: config.index.rules.clone(),
        catalogue: Arc::new(catalogue(config)?),
        calendar: Arc::new(calendar(config)?),
        calendar_ahead_days: config.calendar.years_dir.is_some().then_some(config.calendar.ahead_days),
    })
}

/// Working time.
pub fn calendar(config: &Config) -> Result<Calendar, ConfigError> {
    let (usual, units) = config.calendar.weeks().map_err(|(key, said)| {
        ConfigError::plain(format!("{key}: {said}"), "Sửa khóa này.\nMend this key.")
    })?;
    let years = match &config.calendar.years_dir {
        Some(folder) => years(folder)?,
        None => Vec::new(),
    };
    Ok(Calendar::new(years, usual, units))
}

fn years(folder: &Path) -> Result<Vec<Year>, ConfigError> {
    let entries = std::fs::read_dir(folder).map_err(|error| {
        ConfigError::plain(
            format!("calendar.years_dir: {}: {error}", folder.display()),
            "Tạo thư mục, đặt vào đó mỗi năm một tệp như 2026.toml (mẫu: calendar/2026.toml).\nMake the folder, with \
             a file for every year, such as 2026.toml.",
        )
    })?;
    let mut years = Vec::new();
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        if path.extension().is_none_or(|e| e != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string());
        let year = text.and_then(|text| YearFile::read(&text)).map_err(|said| {
            ConfigError::plain(
                format!("calendar.years_dir: {}: {said}", path.display()),
                "Sửa tệp này theo mẫu calendar/2026.toml.\nMend this file after the example calendar/2026.toml.",
            )
        })?;
        years.push(year);
    }
    Ok(years)
}

fn catalogue(config: &Config) -> Result<Catalogue, ConfigError> {
    let mut catalogue = match &config.index.catalogue_file {
        Some(path) => read_catalogue(path).map_err(|said| {
            ConfigError::plain(
                format!("index.catalogue_file: {}: {said}", path.display()),
                "Sửa tệp danh mục thủ tục; mẫu trong docs/index-766.md.\nMend the catalogue of procedures; see \
                 docs/index-766.md.",
            )
        })?,
        None => Catalogue::default(),
    };
    let tables = config.connectors.iter().filter_map(|c| c.dvcqg.as_ref());
    for (local, entry) in tables.flat_map(|dvcqg| &dvcqg.procedures.table) {
        catalogue.also(local, &entry.code);
    }
    Ok(catalogue)
}

fn read_catalogue(path: &Path) -> Result<Catalogue, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let file: CatalogueFile = if path.extension().is_some_and(|e| e == "json") {
        serde_json::from_str(&text).map_err(|error| error.to_string())?
    } else {
        toml::from_str(&text).map_err(|error| error.to_string())?
    };
    Catalogue::new(file.procedures).map_err(|twice| {
        let codes: Vec<String> = twice.into_iter().collect();
        format!("twice: {}", codes.join(", "))
    })
}

/// How the portal's connector turns a dossier into the portal's.
fn reading(config: &Config) -> Reading {
    let Some(portal) = config.connectors.iter().find_map(|c| c.dvcqg.as_ref()) else {
        return Reading::default();
    };
    let statuses = portal.statuses.iter().filter_map(|(from, to)| Some((from.parse().ok()?, *to)));
    let is_absolute = |url: &str| url.starts_with("http://") || url.starts_with("https://");
    let rewritten = portal.url_rewrite.iter().filter(|r| is_absolute(&r.to)).map(|r| r.from.clone());
    Reading {
        statuses: statuses.collect(),
        rewritten: rewritten.collect(),
        sends_unpaid_fees: portal.send_unpaid_fees,
    }
}
