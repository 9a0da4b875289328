//! The configuration: one TOML file, overlaid by environment variables, read into typed sections and checked. Every
//! complaint names the key, the value, the line and the remedy.

mod check;
mod document;
mod error;
mod index;
mod overlay;
mod reconcile;
mod rules;
mod secret;
mod sections;
#[cfg(test)]
mod tests;
mod vendor;

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

pub use error::{ConfigError, Problem};
pub use index::{Calendar, CatalogueFile, Index, Sheet, YearFile};
pub use reconcile::Reconcile;
pub use rules::rules;
pub use secret::read_secret;
pub use sections::{
    Beneficiary, Broker, Connector, Engine, Http, Installation, Planning, Retention, Source, Store,
    StoreKind, Unit,
};
pub use vendor::{Fees, RepeatedCreate, UnknownProgress, Vendor};

use document::Document;

/// The whole configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who we are and where our files are.
    #[serde(default)]
    pub installation: Installation,
    /// Where everything is kept.
    #[serde(default)]
    pub store: Store,
    /// RabbitMQ; absent: events come by HTTP and files only.
    pub broker: Option<Broker>,
    /// The API, the console, the callbacks.
    #[serde(default)]
    pub http: Http,
    /// How the engine works.
    #[serde(default)]
    pub engine: Engine,
    /// For how long things are kept.
    #[serde(default)]
    pub retention: Retention,
    /// Open points of planning.
    #[serde(default)]
    pub planning: Planning,
    /// Working time.
    #[serde(default)]
    pub calendar: Calendar,
    /// The national index.
    #[serde(default)]
    pub index: Index,
    /// The morning sheet.
    #[serde(default)]
    pub sheet: Sheet,
    /// How what partners have is compared with what we have.
    #[serde(default)]
    pub reconcile: Reconcile,
    /// Which source may speak for which units.
    #[serde(default, rename = "source")]
    pub sources: Vec<Source>,
    /// One-stop systems that call us as the gateway they know.
    #[serde(default, rename = "vendor")]
    pub vendors: Vec<Vendor>,
    /// Known units.
    #[serde(default, rename = "unit")]
    pub units: Vec<Unit>,
    /// Accounts that may receive money.
    #[serde(default, rename = "beneficiary")]
    pub beneficiaries: Vec<Beneficiary>,
    /// Partners.
    #[serde(default, rename = "connector")]
    pub connectors: Vec<Connector>,
}

impl Config {
    /// Reads a file, overlaid by the process's environment.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            ConfigError::plain(
                format!("Không đọc được tệp cấu hình {}: {error}", path.display()),
                "Kiểm tra đường dẫn và quyền đọc tệp, hoặc chỉ tệp khác bằng --config.\nCheck the path and the \
                 permissions, or name another file by --config.",
            )
        })?;
        Self::parse(&path.display().to_string(), &text, path.parent(), &overlay::of_process())
    }

    /// The embedded default, overlaid by the process's environment: SQLite in `./data`, loopback, no partners.
    pub fn embedded() -> Result<Self, ConfigError> {
        Self::parse("(mặc định)", "", None, &overlay::of_process())
    }

    /// Whether variables of this process configure something.
    pub fn is_in_environment() -> bool {
        !overlay::of_process().is_empty()
    }

    /// Reads a text. `folder`: what relative paths in it start from. `environment`: overlay variables by full name.
    pub fn parse(
        name: &str,
        text: &str,
        folder: Option<&Path>,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let variables = overlay::variables(environment);
        let mut document = Document::parse(name, text)?;
        document.overlay(&variables)?;
        if let Some(folder) = folder {
            document.anchor_paths(folder);
        }
        let config: Self = document.read()?;
        let problems = check::problems(&config);
        if problems.is_empty() { Ok(config) } else { Err(document.complain(problems)) }
    }
}
