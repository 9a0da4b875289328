//! What a held operation waits for: something of ours. Whatever supplies it wakes all operations with the same key.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Something of ours that is missing. Its text form is the key under which operations wait and incidents are opened.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Need {
    /// A full snapshot of this dossier.
    Snapshot(String),
    /// An entry of a connector's mapping table: connector, table, local code.
    Mapping {
        /// The connector instance.
        connector: String,
        /// Which table: `procedure`, `unit`, `ward`, …
        table: String,
        /// The local code without an entry.
        code: String,
    },
    /// A payment that nobody requested yet.
    Payment(String),
    /// A parcel that nobody ordered yet.
    Parcel(String),
    /// A code that another partner or system has still to give.
    Code(String),
    /// An action that no connector of this installation has (yet).
    Action(String),
    /// A person's decision about this event.
    Decision(String),
    /// The decision that ends the fence of this epoch, after a restore.
    Restore(i64),
    /// That a partner that lost this dossier has created it anew: its steps follow then, and only then.
    Recreated(String),
    /// A setting without which the operation cannot be sent.
    Setting(String),
}

impl Need {
    /// Who can supply it: the `unit` by what it publishes or decides, or the `administrator` by a setting.
    pub fn owner(&self) -> &'static str {
        match self {
            Self::Snapshot(_) | Self::Payment(_) | Self::Parcel(_) | Self::Code(_) | Self::Decision(_) => {
                "unit"
            }
            Self::Mapping { .. }
            | Self::Action(_)
            | Self::Setting(_)
            | Self::Restore(_)
            | Self::Recreated(_) => "administrator",
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snapshot(dossier) => write!(f, "snapshot:{dossier}"),
            Self::Mapping { connector, table, code } => write!(f, "mapping:{connector}:{table}:{code}"),
            Self::Payment(id) => write!(f, "payment:{id}"),
            Self::Parcel(id) => write!(f, "parcel:{id}"),
            Self::Code(what) => write!(f, "code:{what}"),
            Self::Action(name) => write!(f, "action:{name}"),
            Self::Decision(what) => write!(f, "decision:{what}"),
            Self::Restore(epoch) => write!(f, "restore:{epoch}"),
            Self::Recreated(dossier) => write!(f, "recreated:{dossier}"),
            Self::Setting(what) => write!(f, "setting:{what}"),
        }
    }
}

/// A text that is no need.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a need such as snapshot:CODE, got {0:?}")]
pub struct BadNeed(String);

impl TryFrom<String> for Need {
    type Error = BadNeed;
    fn try_from(text: String) -> Result<Self, BadNeed> {
        text.parse()
    }
}

impl From<Need> for String {
    fn from(need: Need) -> String {
        need.to_string()
    }
}

impl std::str::FromStr for Need {
    type Err = BadNeed;
    fn from_str(text: &str) -> Result<Self, BadNeed> {
        let bad = || BadNeed(text.to_owned());
        let (kind, rest) = text.split_once(':').ok_or_else(bad)?;
        let rest_owned = rest.to_owned();
        Ok(match kind {
            "snapshot" => Self::Snapshot(rest_owned),
            "payment" => Self::Payment(rest_owned),
            "parcel" => Self::Parcel(rest_owned),
            "code" => Self::Code(rest_owned),
            "action" => Self::Action(rest_owned),
            "decision" => Self::Decision(rest_owned),
            "restore" => Self::Restore(rest.parse().map_err(|_| bad())?),
            "recreated" => Self::Recreated(rest_owned),
            "setting" => Self::Setting(rest_owned),
            "mapping" => {
                let mut parts = rest.splitn(3, ':');
                match (parts.next(), parts.next(), parts.next()) {
                    (Some(connector), Some(table), Some(code)) => {
                        Self::Mapping { connector: connector.into(), table: table.into(), code: code.into() }
                    }
                    _ => return Err(bad()),
                }
            }
            _ => return Err(bad()),
        })
    }
}
