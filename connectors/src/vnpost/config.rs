//! Settings of the post's connector. What the contract only infers is marked \[GUESS\]: ask the post.

use lienthong_core::parcel::ParcelState;
use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf};

use crate::http::{ConfigError, HttpConfig};

/// The agency's end of every parcel's way.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agency {
    /// Name.
    pub name: String,
    /// Phone.
    pub phone: String,
    /// Street address.
    pub address: String,
    /// E-mail.
    #[serde(default)]
    pub email: String,
    /// The post's own province code.
    pub province: i64,
    /// The post's own district code.
    #[serde(default)]
    pub district: Option<i64>,
}

/// A ward in the post's own codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ward {
    /// The post's own province code.
    pub province: i64,
    /// The post's own district code.
    pub district: i64,
}

/// The unit of `EventTime`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum TimeUnit {
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
}

/// `[connector.vnpost]` of a `[[connector]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where tokens are given.
    pub token_url: String,
    /// Where orders go.
    pub order_url: String,
    /// Where they are cancelled.
    pub cancel_url: String,
    /// The tracking feed.
    pub tracking_url: String,
    /// Name of our key at the gateway.
    pub customer_key: String,
    /// Its secret.
    #[serde(default)]
    pub secret_key: Option<SecretString>,
    /// A file that holds it.
    #[serde(default)]
    pub secret_key_file: Option<PathBuf>,
    /// The code that the post gave the agency.
    pub customer_code: String,
    /// The agency, for units without an entry of their own.
    pub sender: Agency,
    /// Agencies by unit code; a parcel's `desk_unit` is looked for first, then the dossier's unit.
    #[serde(default)]
    pub units: BTreeMap<String, Agency>,
    /// Province code of the statistics office -> the post's.
    #[serde(default)]
    pub provinces: BTreeMap<String, i64>,
    /// Ward code of the statistics office -> the post's province and district.
    #[serde(default)]
    pub wards: BTreeMap<String, Ward>,
    /// A ward without an entry is sent with its province's code alone, without a district; else it is held.
    #[serde(default)]
    pub default_district_from_province: bool,
    /// `Status` of success.
    #[serde(default = "default::accepted_status")]
    pub accepted_status: Vec<i64>,
    /// `Status` of an order number that the post has already.
    #[serde(default = "default::exists_status")]
    pub exists_status: Vec<i64>,
    /// `Status` of a cancellation of what is gone already: done, with a note [GUESS: none known].
    #[serde(default)]
    pub cancel_gone_status: Vec<i64>,
    /// Records of one page, at most 1000.
    #[serde(default = "default::page_size")]
    pub page_size: usize,
    /// Unit of `EventTime` \[GUESS\]: `ms` or `s`.
    #[serde(default = "default::event_time_unit")]
    pub event_time_unit: TimeUnit,
    /// `StatusCode` -> `accepted`, `moving`, `delivered`, `failed` or `came_back`. Replaces the default, 4 = delivered;
    /// other codes are carried verbatim only.
    #[serde(default = "default::status_meanings")]
    pub status_meanings: BTreeMap<String, ParcelState>,
    /// A token is renewed this long before it ends.
    #[serde(default = "default::token_margin_seconds")]
    pub token_margin_seconds: u32,
    /// Life of a token that does not say it.
    #[serde(default = "default::token_seconds")]
    pub token_seconds: u32,
    /// Longest wait for one answer.
    #[serde(default = "default::call_timeout_ms")]
    pub call_timeout_ms: u64,
    /// No order is begun when less of the attempt's time is left.
    #[serde(default = "default::min_write_ms")]
    pub min_write_ms: u64,
    /// How long the post may take to know of an order that got no answer.
    #[serde(default = "default::settling_seconds")]
    pub settling_seconds: u32,
    /// The connection.
    #[serde(default)]
    pub http: HttpConfig,
}

mod default {
    use super::{BTreeMap, ParcelState, TimeUnit};

    pub(super) fn accepted_status() -> Vec<i64> {
        vec![100]
    }
    pub(super) fn exists_status() -> Vec<i64> {
        vec![101]
    }
    pub(super) fn page_size() -> usize {
        1000
    }
    pub(super) fn event_time_unit() -> TimeUnit {
        TimeUnit::Milliseconds
    }
    pub(super) fn status_meanings() -> BTreeMap<String, ParcelState> {
        BTreeMap::from([("4".to_owned(), ParcelState::Delivered)])
    }
    pub(super) fn token_margin_seconds() -> u32 {
        60
    }
    pub(super) fn token_seconds() -> u32 {
        300
    }
    pub(super) fn call_timeout_ms() -> u64 {
        15_000
    }
    pub(super) fn min_write_ms() -> u64 {
        2_000
    }
    pub(super) fn settling_seconds() -> u32 {
        60
    }
}

impl Config {
    /// Refuses what could not work.
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let urls = [
            ("token_url", &self.token_url),
            ("order_url", &self.order_url),
            ("cancel_url", &self.cancel_url),
            ("tracking_url", &self.tracking_url),
        ];
        for (key, text) in urls {
            let is_address = |url: Url| matches!(url.scheme(), "http" | "https") && url.has_host();
            if !Url::parse(text).is_ok_and(is_address) {
                return Err(ConfigError::new(
                    key,
                    format!("{text:?} is no address such as https://host/path"),
                ));
            }
        }
        for (key, text) in [("customer_key", &self.customer_key), ("customer_code", &self.customer_code)] {
            if text.trim().is_empty() {
                return Err(ConfigError::new(key, "empty: write what the post gave us"));
            }
        }
        agency("sender", &self.sender)?;
        for (unit, entry) in &self.units {
            agency(&format!("units.{unit}"), entry)?;
        }
        if !(1..=1000).contains(&self.page_size) {
            return Err(ConfigError::new(
                "page_size",
                format!("{}: the post gives 1 to 1000", self.page_size),
            ));
        }
        if self.call_timeout_ms <= self.min_write_ms {
            return Err(ConfigError::new("min_write_ms", "has to be less than call_timeout_ms"));
        }
        self.meanings().map(|_| ())
    }

    /// The table of status codes by number.
    pub(super) fn meanings(&self) -> Result<BTreeMap<i64, ParcelState>, ConfigError> {
        let entry = |(code, means): (&String, &ParcelState)| {
            let key = format!("status_meanings.{code}");
            let Ok(number) = code.parse::<i64>() else {
                return Err(ConfigError::new(key, "is no number: write the post's StatusCode"));
            };
            match means {
                ParcelState::Accepted
                | ParcelState::Moving
                | ParcelState::Delivered
                | ParcelState::Failed
                | ParcelState::CameBack => Ok((number, *means)),
                ParcelState::Requested | ParcelState::Cancelled | ParcelState::Refused => {
                    let said = "no movement: write accepted, moving, delivered, failed or came_back";
                    Err(ConfigError::new(key, said))
                }
            }
        };
        self.status_meanings.iter().map(entry).collect()
    }
}

fn agency(key: &str, agency: &Agency) -> Result<(), ConfigError> {
    let texts = [("name", &agency.name), ("phone", &agency.phone), ("address", &agency.address)];
    match texts.iter().find(|(_, text)| text.trim().is_empty()) {
        Some((field, _)) => {
            Err(ConfigError::new(format!("{key}.{field}"), "empty: the post refuses orders without it"))
        }
        None => Ok(()),
    }
}
