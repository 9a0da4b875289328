//! The only file that names connectors: from settings to a connector.

use lienthong_core::{id::ConnectorId, port::connector::Connector};
use serde::Deserialize;
use std::sync::Arc;

use crate::{ConfigError, dvcqg, dvcqg_payment, vnpost};

/// The settings of one connector instance: exactly one table, named after the implementation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The national portal.
    pub dvcqg: Option<dvcqg::Config>,
    /// The national payment platform.
    #[serde(alias = "dvcqg_payment")]
    pub dvcqg_payment: Option<dvcqg_payment::Config>,
    /// The post.
    pub vnpost: Option<vnpost::Config>,
}

/// Which implementation, with its settings.
enum Chosen<'a> {
    Dvcqg(&'a dvcqg::Config),
    DvcqgPayment(&'a dvcqg_payment::Config),
    Vnpost(&'a vnpost::Config),
}

/// The names of all implementations, as in settings and manifests.
pub const KINDS: [&str; 3] = ["dvcqg", "dvcqg-payment", "vnpost"];

fn chosen(settings: &Settings) -> Result<Chosen<'_>, ConfigError> {
    match settings {
        Settings { dvcqg: Some(config), dvcqg_payment: None, vnpost: None } => Ok(Chosen::Dvcqg(config)),
        Settings { dvcqg: None, dvcqg_payment: Some(config), vnpost: None } => {
            Ok(Chosen::DvcqgPayment(config))
        }
        Settings { dvcqg: None, dvcqg_payment: None, vnpost: Some(config) } => Ok(Chosen::Vnpost(config)),
        _ => Err(ConfigError::new("", format!("exactly one of the tables {} is needed", KINDS.join(", ")))),
    }
}

/// Which implementation the settings choose.
pub fn kind_of(settings: &Settings) -> Result<&'static str, ConfigError> {
    let [dvcqg, dvcqg_payment, vnpost] = KINDS;
    Ok(match chosen(settings)? {
        Chosen::Dvcqg(_) => dvcqg,
        Chosen::DvcqgPayment(_) => dvcqg_payment,
        Chosen::Vnpost(_) => vnpost,
    })
}

/// Builds the connector that the settings choose; touches no network. Keys of errors begin with the table's name.
pub fn build(
    id: ConnectorId,
    label: String,
    in_flight: Option<usize>,
    settings: &Settings,
) -> Result<Arc<dyn Connector>, ConfigError> {
    let kind = kind_of(settings)?;
    let built = match chosen(settings)? {
        Chosen::Dvcqg(config) => dvcqg::connector(id, label, in_flight, config),
        Chosen::DvcqgPayment(config) => dvcqg_payment::connector(id, label, in_flight, config),
        Chosen::Vnpost(config) => vnpost::connector(id, label, in_flight, config),
    };
    built.map_err(|error| ConfigError::new(format!("{kind}.{}", error.key), error.said))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings(value: serde_json::Value) -> Settings {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn exactly_one_table_chooses_the_implementation() {
        assert_eq!(kind_of(&Settings::default()).unwrap_err().key, "");
        let portal =
            json!({"adapter_url": "http://127.0.0.1:1", "username": "u", "password": "p", "madonvi": "m"});
        let settings = settings(json!({"dvcqg": portal}));
        assert_eq!(kind_of(&settings).unwrap(), "dvcqg");
        let id = ConnectorId::parse("portal").unwrap();
        let built = build(id, "Cổng".to_owned(), None, &settings).unwrap();
        assert_eq!(built.manifest().implementation, "dvcqg");
    }

    #[test]
    fn an_error_names_the_whole_path_of_the_setting() {
        let portal = json!({"adapter_url": "ftp://x", "username": "u", "password": "p", "madonvi": "m"});
        let id = ConnectorId::parse("portal").unwrap();
        let error = build(id, String::new(), None, &settings(json!({"dvcqg": portal}))).err().unwrap();
        assert_eq!(error.key, "dvcqg.adapter_url");
    }
}
