//! Secrets: given in place (`x = "…"`) or, better, as a file (`x_file = "path"`) that only the service can read.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::error::ConfigError;

/// The secret of `key`, from its value or its file. Both given, or an unreadable or empty file, is a complaint that
/// names the key and the path, never the content.
pub fn read_secret(
    key: &str,
    value: Option<&SecretString>,
    file: Option<&PathBuf>,
) -> Result<Option<SecretString>, ConfigError> {
    match (value, file) {
        (Some(_), Some(_)) => Err(ConfigError::plain(
            format!("{key}: cho cả giá trị lẫn tệp."),
            format!(
                "Chỉ giữ một trong hai: `{key}` hoặc `{key}_file`.\nKeep one of `{key}` and `{key}_file`."
            ),
        )),
        (Some(value), None) => Ok(Some(value.clone())),
        (None, Some(path)) => read_file(key, path).map(Some),
        (None, None) => Ok(None),
    }
}

fn read_file(key: &str, path: &Path) -> Result<SecretString, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        ConfigError::plain(
            format!("{key}_file: không đọc được {}: {error}", path.display()),
            "Tạo tệp này, một dòng duy nhất, chỉ tài khoản chạy dịch vụ được đọc (chmod 600).\nCreate the file: one \
             line, readable by the service's account only.",
        )
    })?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(ConfigError::plain(
            format!("{key}_file: tệp {} rỗng.", path.display()),
            "Ghi giá trị bí mật vào tệp, một dòng duy nhất.\nPut the secret into the file, on one line.",
        ));
    }
    Ok(SecretString::from(text.to_owned()))
}
