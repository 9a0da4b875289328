//! Settings of the payment platform's connector. What the contract only guesses is marked \[GUESS\]: ask the platform.

use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;
use std::{net::IpAddr, path::PathBuf};

use crate::http::{ConfigError, HttpConfig};

/// How the platform's answers come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Envelope {
    /// As the platform writes them.
    Direct,
    /// Inside an adapter's `{"error_code":"0","message":"…"}`.
    Adapter,
    /// Whichever comes.
    Either,
}

/// Which of a beneficiary's two names of its bank goes into `MaNHThuHuong` \[GUESS\]; the other one where it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BankField {
    /// `bank_code`.
    Code,
    /// `bank_bin`.
    Bin,
}

/// `[connector.dvcqg_payment]` of a `[[connector]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where INIT goes.
    pub init_url: String,
    /// Where QUERY goes.
    pub query_url: String,
    /// Our partner code (MaDoiTac).
    pub partner_code: String,
    /// The secret of the signatures.
    #[serde(default)]
    pub secret: Option<SecretString>,
    /// A file that holds it.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// Bearer token of an LGSP in front of the platform; absent: none is sent.
    #[serde(default)]
    pub token: Option<SecretString>,
    /// A file that holds it.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// The payer's side as told to the platform; signed. Never read from the machine. Required unless `init_url` is on
    /// this machine.
    #[serde(default)]
    pub ip: Option<String>,
    /// `direct`, `adapter`, or `either`.
    #[serde(default = "default::envelope")]
    pub envelope: Envelope,
    /// PhienBan.
    #[serde(default = "default::protocol_version")]
    pub protocol_version: String,
    /// LoaiHinhThanhToan.
    #[serde(default = "default::payment_kind")]
    pub payment_kind: String,
    /// MaKenhThanhToan.
    #[serde(default = "default::one")]
    pub channel: String,
    /// MaThietBi.
    #[serde(default = "default::one")]
    pub device: String,
    /// NgonNgu.
    #[serde(default = "default::language")]
    pub language: String,
    /// MaTienTe; a callback in another currency is not applied.
    #[serde(default = "default::currency")]
    pub currency: String,
    /// MaNganHang; `PAYMENT` lets the platform offer the choice.
    #[serde(default = "default::bank")]
    pub bank: String,
    /// MaDichVu of fees and charges.
    #[serde(default = "default::two")]
    pub fee_service_kind: String,
    /// MaDichVu of fines.
    #[serde(default = "default::one")]
    pub fine_service_kind: String,
    /// MaDichVu of taxes; the contract knows none, so that they are held until this is set.
    #[serde(default)]
    pub tax_service_kind: Option<String>,
    /// Makes MaDVC out of MaTTHC where the event names no public service.
    #[serde(default = "default::service_suffix")]
    pub service_suffix: String,
    /// LoaiPhiLePhi of postage: 1 = phí, 2 = lệ phí \[GUESS\].
    #[serde(default = "default::one")]
    pub postage_line_kind: String,
    /// MaPhiLePhi of a line without code.
    #[serde(default = "default::two")]
    pub missing_fee_code: String,
    /// What MaNHThuHuong takes.
    #[serde(default = "default::beneficiary_bank")]
    pub beneficiary_bank: BankField,
    /// Longest ThongTinGiaoDich.
    #[serde(default = "default::description_length")]
    pub description_length: usize,
    /// MaLoi of a QUERY about a reference that the platform does not know \[GUESS\].
    #[serde(default = "default::unknown_reference_codes")]
    pub unknown_reference_codes: Vec<String>,
    /// MaLoi of an INIT whose reference was used before [GUESS: none known].
    #[serde(default)]
    pub duplicate_codes: Vec<String>,
    /// The same by the platform's words \[GUESS\].
    #[serde(default = "default::duplicate_phrases")]
    pub duplicate_phrases: Vec<String>,
    /// MaLoi of a wrong signature or partner code: the connector pauses \[GUESS\].
    #[serde(default = "default::credential_codes")]
    pub credential_codes: Vec<String>,
    /// LoaiBanTin that a callback may have \[GUESS\]; `any` admits all but those of questions and their answers.
    #[serde(default = "default::callback_message_types")]
    pub callback_message_types: Vec<String>,
    /// MaLoi of our answer to the callback of a failed payment; `00` = received and stored \[GUESS\].
    #[serde(default = "default::success")]
    pub answer_failed_with: String,
    /// Longest wait for one answer.
    #[serde(default = "default::call_timeout_ms")]
    pub call_timeout_ms: u64,
    /// No INIT is begun when less of the attempt's time is left.
    #[serde(default = "default::min_write_ms")]
    pub min_write_ms: u64,
    /// How long the platform may take to know of an INIT that got no answer.
    #[serde(default = "default::settling_seconds")]
    pub settling_seconds: u32,
    /// The connection.
    #[serde(default)]
    pub http: HttpConfig,
}

mod default {
    use super::{BankField, Envelope};

    macro_rules! texts {
        ($($name:ident = $text:literal),+ $(,)?) => { $(pub(super) fn $name() -> String { $text.to_owned() })+ };
    }
    texts! {
        protocol_version = "1.0.6", payment_kind = "PAY", one = "1", two = "2", language = "vi-VN", currency = "VND",
        bank = "PAYMENT", service_suffix = ".01", success = "00",
    }
    pub(super) fn envelope() -> Envelope {
        Envelope::Either
    }
    pub(super) fn beneficiary_bank() -> BankField {
        BankField::Code
    }
    pub(super) fn description_length() -> usize {
        200
    }
    pub(super) fn unknown_reference_codes() -> Vec<String> {
        vec!["04".to_owned()]
    }
    pub(super) fn duplicate_phrases() -> Vec<String> {
        ["đã tồn tại", "trùng", "đã được sử dụng"].map(str::to_owned).to_vec()
    }
    pub(super) fn credential_codes() -> Vec<String> {
        vec!["97".to_owned()]
    }
    pub(super) fn callback_message_types() -> Vec<String> {
        vec!["CONFIRM".to_owned()]
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
        let init = address("init_url", &self.init_url)?;
        address("query_url", &self.query_url)?;
        if self.partner_code.trim().is_empty() {
            return Err(ConfigError::new("partner_code", "empty: write the code that the platform gave us"));
        }
        if self.partner_code.contains('|') {
            return Err(ConfigError::new("partner_code", "contains |, which delimits the signed text"));
        }
        match self.ip.as_deref().map(str::parse::<IpAddr>) {
            Some(Err(_)) => {
                let said = format!("{:?} is no IP address", self.ip.as_deref().unwrap_or_default());
                return Err(ConfigError::new("ip", said));
            }
            Some(Ok(ip)) if ip.is_loopback() && !is_local(&init) => return Err(no_ip(&init)),
            None if !is_local(&init) => return Err(no_ip(&init)),
            Some(Ok(_)) | None => {}
        }
        if self.description_length == 0 {
            return Err(ConfigError::new("description_length", "0: the platform asks for a description"));
        }
        if self.call_timeout_ms <= self.min_write_ms {
            return Err(ConfigError::new("min_write_ms", "has to be less than call_timeout_ms"));
        }
        Ok(())
    }

    /// The address told to the platform; only a platform on this machine is told 127.0.0.1.
    pub(super) fn payer_ip(&self) -> String {
        self.ip.clone().unwrap_or_else(|| "127.0.0.1".to_owned())
    }
}

fn no_ip(init: &Url) -> ConfigError {
    let host = init.host_str().unwrap_or_default();
    let said = format!(
        "write the public address that {host} is to be told (it is signed): 127.0.0.1 says nothing there"
    );
    ConfigError::new("ip", said)
}

fn address(key: &str, text: &str) -> Result<Url, ConfigError> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        Ok(_) | Err(_) => {
            Err(ConfigError::new(key, format!("{text:?} is no address such as https://host/path")))
        }
    }
}

fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}
