//! How a simulated portal is set up.

use super::gateway::GatewayPaths;
use crate::credentials;
use std::{sync::Arc, time::Duration};

/// Where the destination code must be; the contract shows both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DstcodeIn {
    Either,
    Query,
    Header,
}

/// Which dossiers were born on the portal and are known to it from the start.
pub type PortalBorn = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Who has an account at the portal.
pub type AccountOf = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

#[derive(Clone)]
pub struct Options {
    pub username: String,
    pub password: String,
    /// The only `madonvi` accepted; `None` accepts every well-formed agency code.
    pub madonvi: Option<String>,
    pub dstcode: String,
    pub dstcode_in: DstcodeIn,
    pub login_path: String,
    pub data_path: String,
    pub session_ttl: Duration,
    /// \[GUESS\] What the portal says to an unknown or expired session; no source shows it.
    pub session_error_code: String,
    pub session_error_message: String,
    /// \[GUESS\] The code of every other refusal.
    pub refusal_code: String,
    pub portal_born: PortalBorn,
    /// A provincial gateway stands in front: its addresses in place of the adapter's.
    pub gateway: Option<GatewayPaths>,
    /// The account of a person by identity number or tax code (`TraCuuTechID`).
    pub account_of: AccountOf,
    /// Keep whole requests and answers in the journal.
    pub keep_bodies: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            username: credentials::PORTAL_USERNAME.to_owned(),
            password: credentials::PORTAL_PASSWORD.to_owned(),
            madonvi: Some(credentials::PORTAL_UNIT.to_owned()),
            dstcode: credentials::PORTAL_DSTCODE.to_owned(),
            dstcode_in: DstcodeIn::Either,
            login_path: "/VXPAdapter/RestService/forward/mapi/login".to_owned(),
            data_path: "/VXPAdapter/RestService/forward/mapi/g".to_owned(),
            session_ttl: Duration::from_mins(10),
            session_error_code: "-1".to_owned(),
            session_error_message: "Phiên làm việc không hợp lệ hoặc đã hết hạn".to_owned(),
            refusal_code: "-1".to_owned(),
            portal_born: Arc::new(|code| code.starts_with("G22.99-")),
            gateway: None,
            account_of: Arc::new(|number| (number.len() == 12).then(|| format!("tech-{number}"))),
            keep_bodies: true,
        }
    }
}
