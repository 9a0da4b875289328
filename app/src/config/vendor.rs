//! `[[vendor]]`: one-stop systems that go on calling the gateway they already call, and find us there.

use std::{collections::BTreeMap, path::PathBuf};

use lienthong_core::{
    id::{ConnectorId, Source, UnitCode},
    status::PortalStatus,
};
use secrecy::SecretString;
use serde::Deserialize;

use super::{Config, Problem};

/// `[[vendor]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vendor {
    /// The name under which it calls: the subject of its token, and its user name.
    pub name: String,
    /// The source of its events; `[[source]]` says for which units it may speak.
    pub source: Source,
    /// A password of its own, where its client cannot keep a token.
    pub password: Option<SecretString>,
    /// A file that holds it.
    pub password_file: Option<PathBuf>,
    /// A header that brings the token or the password, where its client has no other place.
    pub header: Option<String>,
    /// The unit of dossiers whose unit neither their name for it nor their code tells.
    pub unit: Option<UnitCode>,
    /// Whose tables are read backwards; none: the first connection to the portal.
    pub connector: Option<ConnectorId>,
    /// Below it stands a service's name: `{base_path}/TraCuuHoSo`.
    #[serde(default = "default::base_path")]
    pub base_path: String,
    /// The login of those who send the envelope.
    #[serde(default = "default::login_path")]
    pub login_path: String,
    /// Where the envelope goes.
    #[serde(default = "default::envelope_path")]
    pub envelope_path: String,
    /// One address for new and known dossiers, with `isUpdating` in the query.
    #[serde(default = "default::sync_path")]
    pub sync_path: String,
    /// New dossiers.
    pub create_path: Option<String>,
    /// Known dossiers.
    pub update_path: Option<String>,
    /// Progress.
    pub progress_path: Option<String>,
    /// How long a login lasts.
    #[serde(default = "default::session_minutes")]
    pub session_minutes: u32,
    /// What a create of a dossier that is known here is answered with.
    #[serde(default)]
    pub repeated_create: RepeatedCreate,
    /// What becomes of progress of a dossier that is not known here.
    #[serde(default)]
    pub unknown_progress: UnknownProgress,
    /// What a fee with a price means.
    #[serde(default)]
    pub fees: Fees,
    /// Further codes of statuses.
    #[serde(default)]
    pub statuses: BTreeMap<String, PortalStatus>,
}

/// A create of a dossier that is known here, with other content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepeatedCreate {
    /// Answered as the portal does: it exists. Two dossiers under one code do not become one.
    #[default]
    Exists,
    /// Taken as an update.
    Update,
}

/// Progress of a dossier that is not known here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownProgress {
    /// Kept; it goes once the dossier is told.
    #[default]
    Keep,
    /// Refused as the portal does.
    Refuse,
}

/// What a fee with a price means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fees {
    /// It was paid: known clients send no others.
    #[default]
    Paid,
    /// It is due.
    Due,
}

impl Vendor {
    /// Every address of its own, by its key.
    pub fn paths(&self) -> Vec<(&'static str, &str)> {
        let mut all = vec![
            ("base_path", self.base_path.as_str()),
            ("login_path", &self.login_path),
            ("envelope_path", &self.envelope_path),
            ("sync_path", &self.sync_path),
        ];
        let more = [
            ("create_path", &self.create_path),
            ("update_path", &self.update_path),
            ("progress_path", &self.progress_path),
        ];
        all.extend(more.into_iter().filter_map(|(key, path)| Some((key, path.as_deref()?))));
        all
    }
}

/// Beginnings of our own addresses.
const OURS: [&str; 4] = ["/v1", "/callbacks", "/login", "/logout"];

/// What is wrong with the entries.
pub(super) fn problems(config: &Config, found: &mut Vec<Problem>) {
    for (i, vendor) in config.vendors.iter().enumerate() {
        let key = |name: &str| format!("vendor[{i}].{name}");
        let is_plain = |text: &str| {
            (1..=100).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic() && b != b':')
        };
        if !is_plain(&vendor.name) || config.vendors.iter().take(i).any(|v| v.name == vendor.name) {
            found.push(Problem::new(
                key("name"),
                format!("{:?} trống, trùng, hoặc có dấu cách hay dấu hai chấm.", vendor.name),
                "Đặt tên riêng không dấu, ví dụ \"motcua-000.00.08.H99\".\nUse a name of its own in ASCII without spaces or colons.",
            ));
        }
        for (name, path) in vendor.paths() {
            let is_good = path.starts_with('/')
                && path.len() > 1
                && !path.ends_with('/')
                && path.bytes().all(|b| b.is_ascii_graphic() && !b"?#{}*\\".contains(&b));
            let is_ours = OURS.iter().any(|o| path == *o || path.starts_with(&format!("{o}/")));
            if !is_good || is_ours {
                found.push(Problem::new(
                    key(name),
                    format!("{path:?} không dùng làm đường dẫn được."),
                    "Viết đường dẫn bắt đầu bằng /, không có ? # { } *, không kết thúc bằng /, không nằm dưới /v1 và \
                     /callbacks.\nUse a path that begins with / and is none of our own.",
                ));
            }
        }
        if let Some(header) = &vendor.header {
            let is_token = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
            if header.is_empty() || !header.bytes().all(is_token) {
                found.push(Problem::new(
                    key("header"),
                    format!("{header:?} không phải tên tiêu đề HTTP."),
                    "Ví dụ \"X-Api-Key\".\nFor example \"X-Api-Key\".",
                ));
            }
        }
        if !(1..=60).contains(&vendor.session_minutes) {
            found.push(Problem::new(
                key("session_minutes"),
                format!("{} ngoài khoảng 1-60.", vendor.session_minutes),
                "Đặt một số từ 1 đến 60.\nSet a number from 1 to 60.",
            ));
        }
        if let Some(id) = &vendor.connector
            && !config.connectors.iter().any(|c| c.id == *id && c.dvcqg.is_some())
        {
            found.push(Problem::new(
                key("connector"),
                format!("{id} không phải kết nối tới Cổng DVC quốc gia."),
                "Ghi id của một [[connector]] có bảng dvcqg, hoặc bỏ khóa này.\nName a connector with a dvcqg table, or leave \
                 the key out.",
            ));
        }
    }
}

mod default {
    pub(super) fn base_path() -> String {
        "/KetNoiMotCuaQuocGia".to_owned()
    }
    pub(super) fn login_path() -> String {
        "/VXPAdapter/RestService/forward/mapi/login".to_owned()
    }
    pub(super) fn envelope_path() -> String {
        "/VXPAdapter/RestService/forward/mapi/g".to_owned()
    }
    pub(super) fn sync_path() -> String {
        "/api/SynsTTHCC/DongBoHoSoMC".to_owned()
    }
    pub(super) fn session_minutes() -> u32 {
        10
    }
}
