//! Settings of what the portal sends to the province. Nothing is taken unless the table is there and says who may send.

use lienthong_core::id::UnitCode;
use secrecy::SecretString;
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf};

use super::{content::Kind, guard::Net};
use crate::http::ConfigError;

/// What the portal may send, and how it is believed. Everything that is set must hold.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InboundConfig {
    /// A header that the adapter adds to every request; its value is `secret`.
    pub secret_header: Option<String>,
    /// Its value.
    pub secret: Option<SecretString>,
    /// A file with its value.
    pub secret_file: Option<PathBuf>,
    /// HTTP basic: the user.
    pub basic_username: Option<String>,
    /// The user's password.
    pub basic_password: Option<SecretString>,
    /// A file with the user's password.
    pub basic_password_file: Option<PathBuf>,
    /// Addresses or networks at the other end of the connection: the adapter, or a proxy of ours.
    pub allowed_peers: Vec<String>,
    /// Takes requests of whoever reaches us, because only the adapter can. Said on purpose, or nothing is taken.
    pub trust_network: bool,
    /// Where the services are, behind `/inbound/{connector}/`.
    pub paths: Paths,
    /// The unit that gets what comes, by national code of the procedure; `*`: all others. Empty: the one-stop systems decide.
    pub units: BTreeMap<String, UnitCode>,
    /// Ordinary dossiers; their contract is not public.
    pub dossiers: Option<DossierRoute>,
    /// The largest request.
    pub largest_request_bytes: usize,
    /// The largest file, decoded.
    pub largest_file_bytes: usize,
    /// The largest XML file of tax notices, decoded.
    pub largest_xml_bytes: usize,
    /// What files may be: `pdf`, `png`, `jpeg`, `tiff`, `office`, `xml`.
    pub file_types: Vec<Kind>,
    /// Hosts beside our adapter from which files may be fetched.
    pub file_hosts: Vec<String>,
    /// The HTTP status while we cannot store anything: what makes the portal repeat is not documented.
    pub unavailable_status: u16,
}

impl Default for InboundConfig {
    fn default() -> Self {
        Self {
            secret_header: None,
            secret: None,
            secret_file: None,
            basic_username: None,
            basic_password: None,
            basic_password_file: None,
            allowed_peers: Vec::new(),
            trust_network: false,
            paths: Paths::default(),
            units: BTreeMap::new(),
            dossiers: None,
            largest_request_bytes: 32 << 20,
            largest_file_bytes: 10 << 20,
            largest_xml_bytes: 4 << 20,
            file_types: Kind::ALL.to_vec(),
            file_hosts: Vec::new(),
            unavailable_status: 503,
        }
    }
}

/// Paths of the services, as known implementations have them; an empty one is off.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Paths {
    /// New trade promotions.
    pub promotion: String,
    /// Amendments of trade promotions, and vouchers of land tax.
    pub data: String,
    /// Notices of land tax.
    pub tax: String,
    /// Look-ups.
    pub search: String,
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            promotion: "addtthcKhuyenMai".to_owned(),
            data: "nhanhsdvcqg".to_owned(),
            tax: "nhantbthuedvcqg".to_owned(),
            search: "search/call".to_owned(),
        }
    }
}

/// Ordinary dossiers, assumed to come as `{service, isUpdating, data}` with the dossier of `DongBoHoSoMC`. The names of the
/// services are not known and have no default; what has no name is not taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DossierRoute {
    /// Its path.
    pub path: String,
    /// A new dossier.
    pub submit: String,
    /// A dossier again, with what was asked for.
    pub supplement: String,
    /// The citizen withdraws it.
    pub withdraw: String,
    /// The citizen has paid on the portal.
    pub pay: String,
}

impl InboundConfig {
    /// What can be wrong beyond types and secrets.
    pub(in crate::dvcqg) fn check(&self) -> Result<(), ConfigError> {
        let error = |key: &str, said: String| Err(ConfigError::new(format!("inbound.{key}"), said));
        for (key, bytes) in [
            ("largest_request_bytes", self.largest_request_bytes),
            ("largest_file_bytes", self.largest_file_bytes),
            ("largest_xml_bytes", self.largest_xml_bytes),
        ] {
            if !(1024..=256 << 20).contains(&bytes) {
                return error(key, format!("{bytes}: from 1024 to 268435456"));
            }
        }
        if !(200..=599).contains(&self.unavailable_status) {
            return error("unavailable_status", format!("{} is no HTTP status", self.unavailable_status));
        }
        let Paths { promotion, data, tax, search } = &self.paths;
        let given: Vec<_> = [promotion, data, tax, search].into_iter().filter(|p| !p.is_empty()).collect();
        if given.iter().enumerate().any(|(at, path)| given[..at].contains(path)) {
            return error("paths", "one path for two services".to_owned());
        }
        if let Some(path) = given.iter().find(|path| path.starts_with('/') || path.contains(['?', ' '])) {
            return error("paths", format!("{path:?}: without a slash before it, without a query"));
        }
        if let Some(route) = &self.dossiers {
            if route.path.trim().is_empty() || route.path.starts_with('/') {
                let said = "missing, or with a slash before it: ask the portal's support".to_owned();
                return error("dossiers.path", said);
            }
            if [promotion, tax, search].contains(&&route.path) {
                return error("dossiers.path", format!("{:?} is the path of another service", route.path));
            }
            let names = [&route.submit, &route.supplement, &route.withdraw, &route.pay];
            let named: Vec<_> = names.into_iter().filter(|name| !name.trim().is_empty()).collect();
            if named.is_empty() {
                let said = "no service has a name: write submit, supplement, withdraw or pay";
                return error("dossiers", said.to_owned());
            }
            if named.iter().enumerate().any(|(at, name)| named[..at].contains(name)) {
                return error("dossiers", "one name for two services".to_owned());
            }
        }
        for peer in &self.allowed_peers {
            if Net::parse(peer).is_none() {
                let said = format!("{peer:?} is neither an address nor a network such as 10.0.0.0/24");
                return error("allowed_peers", said);
            }
        }
        Ok(())
    }
}
