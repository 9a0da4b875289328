//! The secret that signs tokens: configured, or, on loopback only, made once and kept in the data folder.

use std::{
    fs,
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret, SecretString};

use crate::{
    config::{Config, ConfigError, read_secret},
    http::auth::{Auth, random_text},
};

/// HS256 with a shorter secret could be guessed.
const SHORTEST: usize = 32;

/// Tokens of the secret that is there, if one is.
pub fn existing(config: &Config) -> Result<Option<Auth>, ConfigError> {
    if let Some(secret) = configured(config)? {
        return Ok(Some(Auth::new(secret)));
    }
    match fs::read_to_string(path(config)) {
        Ok(text) => Ok(Some(Auth::new(SecretString::from(text.trim().to_owned())))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(&path(config), &error)),
    }
}

/// Tokens of the secret that is there, or of a new one in the data folder.
pub fn existing_or_new(config: &Config) -> Result<Auth, ConfigError> {
    if let Some(auth) = existing(config)? {
        return Ok(auth);
    }
    make_folder(&config.installation.data_dir)?;
    let path = path(config);
    let secret = [random_text(), random_text()].into_iter().collect::<Result<Vec<_>, _>>();
    let secret = secret.map_err(|_| ConfigError::plain("Máy không cấp được số ngẫu nhiên.", ""))?.concat();
    // create_new: of two processes that start at once, one makes it and the other reads it.
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
        Ok(mut file) => file
            .write_all(format!("{secret}\n").as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|error| unusable(&path, &error))?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(unusable(&path, &error)),
    }
    existing(config)?.ok_or_else(|| unusable(&path, &ErrorKind::NotFound.into()))
}

/// Whether a service of this configuration has made its own secret: it has run here.
pub fn has_made_one(config: &Config) -> bool {
    path(config).is_file()
}

/// Whether the configured secret can be read and is long enough.
pub fn check(config: &Config) -> Result<(), ConfigError> {
    configured(config).map(|_| ())
}

/// Makes the data folder, for the service's account only.
pub fn make_folder(folder: &Path) -> Result<(), ConfigError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| {
        ConfigError::plain(
            format!("installation.data_dir: không tạo được thư mục {}: {error}", folder.display()),
            "Tạo thư mục này và cho tài khoản chạy dịch vụ quyền ghi, hoặc đổi installation.data_dir.\nCreate the folder \
             with write permission for the service's account, or change installation.data_dir.",
        )
    })
}

fn configured(config: &Config) -> Result<Option<SecretString>, ConfigError> {
    let http = &config.http;
    let secret =
        read_secret("http.token_secret", http.token_secret.as_ref(), http.token_secret_file.as_ref())?;
    match secret {
        Some(secret) if secret.expose_secret().len() < SHORTEST => Err(ConfigError::plain(
            format!("http.token_secret: ngắn hơn {SHORTEST} ký tự, đoán được."),
            "Tạo bí mật mới: openssl rand -hex 32\nMake a new one: openssl rand -hex 32",
        )),
        other => Ok(other),
    }
}

fn path(config: &Config) -> PathBuf {
    config.installation.data_dir.join("token-secret")
}

fn unusable(path: &Path, error: &std::io::Error) -> ConfigError {
    ConfigError::plain(
        format!("Không dùng được tệp bí mật {}: {error}", path.display()),
        "Cho tài khoản chạy dịch vụ quyền đọc và ghi tệp này.\nGive the service's account read and write permission.",
    )
}
