//! Settings of the national portal's connector, and what they mean once checked.

use lienthong_core::{event::data::PaperKind, operation::ActionKind, status::PortalStatus};
use secrecy::SecretString;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use super::{
    dialect::{Dialect, Gateway},
    inbound::InboundConfig,
    look_up::LookupFields,
    wire::is_optional,
};
use crate::http::{ConfigError, HttpConfig};

/// Settings of one portal connection. Times in the unit that the name says.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How the portal is reached: `adapter` or `gateway`.
    #[serde(default)]
    pub dialect: Dialect,
    /// The local adapter appliance, e.g. `http://10.0.0.5:8080`, or the provincial gateway.
    pub adapter_url: String,
    /// Paths of a provincial gateway; needed where `dialect` is `gateway`.
    pub gateway: Option<Gateway>,
    /// Further headers of every request: what the adapter or the gateway asks for. None is known.
    #[serde(default)]
    pub headers: BTreeMap<String, SecretString>,
    /// Path of the login.
    #[serde(default = "default::login_path")]
    pub login_path: String,
    /// Path of the catalogues (`LayDanhSachTTHC`).
    #[serde(default = "default::data_path")]
    pub share_path: String,
    /// Path of everything else.
    #[serde(default = "default::data_path")]
    pub integration_path: String,
    /// Code of the portal's subsystem.
    #[serde(default = "default::dstcode")]
    pub dstcode: String,
    /// Where that code stands: `query` or `header`.
    #[serde(default)]
    pub dstcode_in: DstcodeIn,
    /// Address of the provider behind the destination, where the adapter wants it.
    pub providerurl: Option<String>,
    /// Account at the portal: in known installations the agency code. A gateway needs none.
    #[serde(default)]
    pub username: String,
    /// Its password.
    pub password: Option<SecretString>,
    /// A file with its password.
    pub password_file: Option<PathBuf>,
    /// Code of the connected system, sent with every request.
    #[serde(default)]
    pub madonvi: String,
    /// How long a session is used. The portal's own limit is not documented; known clients assume 10.
    #[serde(default = "default::session_minutes")]
    pub session_minutes: u32,
    /// How long one call may take.
    #[serde(default = "default::call_timeout_ms")]
    pub call_timeout_ms: u64,
    /// After an unclear attempt nothing goes out on the lane for so long.
    #[serde(default = "default::settling_seconds")]
    pub settling_seconds: u32,
    /// No write begins when less than this is left of the attempt.
    #[serde(default = "default::min_write_ms")]
    pub min_write_ms: u64,
    /// Connection settings.
    #[serde(default)]
    pub http: HttpConfig,
    /// Procedures: from local to national codes.
    #[serde(default)]
    pub procedures: Procedures,
    /// What of the portal's catalogue is pulled, and how.
    #[serde(default)]
    pub catalogue: CatalogueConfig,
    /// Statuses that this deployment sends otherwise; 0 = not sent, the operation is held.
    #[serde(default)]
    pub statuses: BTreeMap<String, u8>,
    /// Names of units by code; they win over the names in events.
    #[serde(default)]
    pub units: BTreeMap<String, String>,
    /// Codes of fees at the portal by local code. Without an entry the local code is sent.
    #[serde(default)]
    pub fees: BTreeMap<String, String>,
    /// `LoaiGiayTo` by kind of paper (`original`, `copy`, `electronic`); the code list is not known. Default: empty.
    #[serde(default)]
    pub paper_kinds: PaperCodes,
    /// Longest texts.
    #[serde(default)]
    pub lengths: Lengths,
    /// Beginnings of file addresses to replace, first match wins: the portal fetches files through the adapter.
    #[serde(default)]
    pub url_rewrite: Vec<Rewrite>,
    /// `DuocThanhToanTrucTuyen` of a dossier paid online: `1` on the portal, `2` on our gateway.
    #[serde(default = "default::online_payment_code")]
    pub online_payment_code: String,
    /// Whether fees that are due and not paid go into `DanhSachLePhi` as well.
    #[serde(default)]
    pub send_unpaid_fees: bool,
    /// How portal-born dossiers are kept in step, where the procedure's entry says nothing.
    #[serde(default)]
    pub portal_born: PortalBorn,
    /// `TrangThai` of `DongBoTrangThaiHoSo` by status: 1-11, or 0 = the portal is not told. Without an entry the operation
    /// is held. Default: the two that are evidenced, 2 and 5.
    #[serde(default = "default::born_statuses")]
    pub born_statuses: BTreeMap<String, u8>,
    /// `NoiNopHoSo` of a dossier born here and of one born on the portal.
    #[serde(default)]
    pub origins: Origins,
    /// Asks `TraCuuTechID` for the portal's account of an online applicant where the event does not name it.
    #[serde(default)]
    pub look_up_account: bool,
    /// How many progress steps go in a call, 1-10.
    #[serde(default = "default::steps_per_call")]
    pub steps_per_call: usize,
    /// Fields of the dossier that are left out while they are empty, other than sent as `""` or `[]`.
    #[serde(default)]
    pub omit_empty: BTreeSet<String>,
    /// Sends `SoGiayToChuHoSo` too; whether it belongs to the national contract is not known.
    #[serde(default)]
    pub send_owner_number: bool,
    /// `LoaiDinhDanh` of passports and tax codes; the code list is not known. Empty: such identities are left out.
    #[serde(default)]
    pub identity_kinds: IdentityCodes,
    /// `MaCSDL` by the event's code. Without an entry the event's code is sent.
    #[serde(default)]
    pub databases: BTreeMap<String, String>,
    /// `TrangThaiBoSung` of a supplement that was asked for and of one that was received.
    #[serde(default)]
    pub supplement_states: SupplementStates,
    /// Our own adapter as files are fetched through it. Default: `adapter_url` and what stands before `/RestService/` in
    /// `integration_path`.
    pub file_adapter: Option<String>,
    /// What the portal may send to the province; none: nothing is taken.
    pub inbound: Option<InboundConfig>,
    /// What of a row of `TraCuuHoSo` is compared with what we have; its fields are not known. Default: only whether there
    /// is one.
    #[serde(default)]
    pub lookup_fields: LookupFields,
    /// How long answers of `LayThuTuc` are kept.
    #[serde(default = "default::procedure_cache_hours")]
    pub procedure_cache_hours: u32,
    /// What to do with progress steps after an unclear answer.
    #[serde(default)]
    pub on_unclear_steps: OnUnclearSteps,
    /// When the portal is asked whether it knows a dossier before it is told of it.
    #[serde(default)]
    pub look_up: LookUp,
    /// Codes with which the portal refuses a session; together with `session_phrases`. A guess: not documented.
    #[serde(default = "default::session_error_codes")]
    pub session_error_codes: Vec<String>,
    /// Words with which the portal refuses a session. A guess: not documented.
    #[serde(default = "default::session_phrases")]
    pub session_phrases: Vec<String>,
    /// Words with which the portal refuses the account as a whole: the connector pauses. A guess: not documented.
    #[serde(default = "default::account_phrases")]
    pub account_phrases: Vec<String>,
    /// Codes of a create that mean that the dossier exists, whatever the words.
    #[serde(default = "default::exists_codes")]
    pub exists_codes: Vec<String>,
    /// Words that mean that the dossier exists, whatever the code.
    #[serde(default = "default::exists_phrases")]
    pub exists_phrases: Vec<String>,
    /// Words that mean that the portal does not know the dossier. A guess: not documented.
    #[serde(default = "default::unknown_phrases")]
    pub unknown_phrases: Vec<String>,
    /// Words of a successful write; their absence is only noted.
    #[serde(default = "default::success_phrase")]
    pub success_phrase: String,
}

/// Where the destination code stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DstcodeIn {
    /// In the query.
    #[default]
    Query,
    /// In a header of that name.
    Header,
}

/// How a portal-born dossier is kept in step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortalBorn {
    /// By `DongBoHoSoMC` with the portal's code.
    #[default]
    Full,
    /// By `DongBoTrangThaiHoSo` only.
    Status,
    /// By both, the dossier first.
    Both,
}

/// What to do with progress steps after an unclear answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnclearSteps {
    /// Send them again, byte for byte, one step a call.
    #[default]
    Repeat,
    /// Wait for a person.
    Person,
}

/// When the portal is asked whether it knows a dossier before it is told of it; never if it has acknowledged it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookUp {
    /// Always: what a create that meets a known dossier is answered is not documented.
    #[default]
    Always,
    /// Where it may know it: an earlier attempt had begun, or the dossier was born there. One call less for every new one;
    /// a create that meets "exists" is looked up then.
    InDoubt,
    /// Never, for gateways without `TraCuuHoSo`: a create that meets "exists" is taken for ours and becomes an update, as
    /// known clients do. What has to be asked, an adopted dossier, is held.
    Never,
}

/// The mapping of procedures.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Procedures {
    /// Codes of the form `N.NNNNNN`, with or without a suffix, are national already.
    pub passthrough_national: bool,
    /// Entries by local code.
    pub table: BTreeMap<String, ProcedureEntry>,
}

impl Default for Procedures {
    fn default() -> Self {
        Self { passthrough_national: true, table: BTreeMap::new() }
    }
}

/// The pull of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CatalogueConfig {
    /// The services that are pulled, by the portal's names; none: nothing is.
    pub services: Vec<String>,
    /// How many questions a minute.
    pub per_minute: u32,
    /// Up to this share of a list that is missing from an answer, in percent, is believed to be withdrawn.
    pub missing_percent: u8,
}

impl Default for CatalogueConfig {
    fn default() -> Self {
        Self { services: super::catalogue::usual(), per_minute: 60, missing_percent: 10 }
    }
}

/// A procedure at the portal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcedureEntry {
    /// National code.
    pub code: String,
    /// Its name; without it `LayThuTuc` is asked.
    pub name: Option<String>,
    /// Code of its field.
    pub field_code: Option<String>,
    /// Name of its field.
    pub field_name: Option<String>,
    /// How its portal-born dossiers are kept in step.
    pub portal_born: Option<PortalBorn>,
}

/// `LoaiGiayTo` by kind of paper.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PaperCodes {
    original: String,
    copy: String,
    electronic: String,
}

impl PaperCodes {
    /// The code of a kind.
    pub fn of(&self, kind: Option<PaperKind>) -> &str {
        match kind {
            Some(PaperKind::Original) => &self.original,
            Some(PaperKind::Copy) => &self.copy,
            Some(PaperKind::Electronic) => &self.electronic,
            None => "",
        }
    }
}

/// `LoaiDinhDanh` of the kinds whose code is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityCodes {
    /// Of a passport.
    pub passport: String,
    /// Of a tax code.
    pub tax_code: String,
}

/// `NoiNopHoSo`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Origins {
    /// Handed in here; seen.
    pub local: String,
    /// Handed in on the portal; inferred.
    pub portal: String,
}

impl Default for Origins {
    fn default() -> Self {
        Self { local: "2".to_owned(), portal: "1".to_owned() }
    }
}

/// `TrangThaiBoSung`: a bool in the one client that has it, written like its other ones.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SupplementStates {
    /// Asked for.
    pub requested: String,
    /// Received.
    pub received: String,
}

impl Default for SupplementStates {
    fn default() -> Self {
        Self { requested: "False".to_owned(), received: "True".to_owned() }
    }
}

/// Longest texts, in characters: guesses of known clients that made errors stop (dvcqg contract, 10.10).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lengths {
    /// `GhiChu`.
    pub note: usize,
    /// `TrichYeuHoSo`.
    pub summary: usize,
    /// `NguoiXuLy`.
    pub officer: usize,
    /// `TenTepDinhKem`.
    pub document_name: usize,
    /// `TenGiayTo`.
    pub paper_name: usize,
}

impl Default for Lengths {
    fn default() -> Self {
        Self { note: 1999, summary: 1000, officer: 50, document_name: 4000, paper_name: 2000 }
    }
}

/// A beginning of addresses and what stands for it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rewrite {
    /// As in events.
    pub from: String,
    /// As the portal can reach it.
    pub to: String,
    /// Added as the query: `dstcode=…&providerurl=…`, where the way leads through an adapter.
    #[serde(default)]
    pub query: String,
}

impl Config {
    /// The actions that wait for a person after an unclear answer.
    pub(super) fn person_after_doubt(&self) -> BTreeSet<ActionKind> {
        match self.on_unclear_steps {
            OnUnclearSteps::Repeat => BTreeSet::new(),
            OnUnclearSteps::Person => BTreeSet::from([ActionKind::AppendProgress]),
        }
    }

    /// How long one call may take.
    pub fn call_timeout(&self) -> Duration {
        Duration::from_millis(self.call_timeout_ms)
    }

    /// The status number to send; none: this deployment does not send it.
    pub fn status(&self, status: PortalStatus) -> Option<u8> {
        let code = status.code();
        Some(self.statuses.get(code.to_string().as_str()).copied().unwrap_or(code)).filter(|c| *c != 0)
    }

    /// How this dossier of the portal is kept in step.
    pub(super) fn portal_born_of(&self, entry: Option<&ProcedureEntry>) -> PortalBorn {
        entry.and_then(|e| e.portal_born).unwrap_or(self.portal_born)
    }

    /// Whether any portal-born dossier is kept in step in this way.
    pub(super) fn keeps_born_by(&self, how: PortalBorn) -> bool {
        let by_entry = self.procedures.table.values().any(|e| e.portal_born == Some(how));
        self.portal_born == how || by_entry
    }

    /// What can be wrong beyond types.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let is_direct = self.dialect == Dialect::Adapter;
        for (key, value, is_needed) in [
            ("adapter_url", &self.adapter_url, true),
            ("username", &self.username, is_direct),
            ("madonvi", &self.madonvi, is_direct),
        ] {
            if is_needed && value.trim().is_empty() {
                return Err(ConfigError::new(key, "empty"));
            }
        }
        match (self.dialect, &self.gateway) {
            (Dialect::Gateway, Some(gateway)) => gateway.check(self)?,
            (Dialect::Gateway, None) => {
                let said = "missing: dialect = \"gateway\" needs the gateway's paths";
                return Err(ConfigError::new("gateway", said));
            }
            (Dialect::Adapter, Some(_)) => {
                let said = "is not used: write dialect = \"gateway\", or leave the table out";
                return Err(ConfigError::new("gateway", said));
            }
            (Dialect::Adapter, None) => {}
        }
        for (key, value) in [
            ("call_timeout_ms", self.call_timeout_ms),
            ("session_minutes", u64::from(self.session_minutes)),
            ("min_write_ms", self.min_write_ms),
        ] {
            if value == 0 {
                return Err(ConfigError::new(key, "must be more than 0"));
            }
        }
        if self.min_write_ms > self.call_timeout_ms {
            let said =
                format!("{} is more than call_timeout_ms ({})", self.min_write_ms, self.call_timeout_ms);
            return Err(ConfigError::new("min_write_ms", said));
        }
        for (from, to) in &self.statuses {
            let is_known = from.parse::<u8>().is_ok_and(|c| PortalStatus::try_from(c).is_ok());
            if !is_known || (*to != 0 && PortalStatus::try_from(*to).is_err()) {
                return Err(ConfigError::new(
                    format!("statuses.{from}"),
                    format!("{from} = {to}: from 1-10 to 1-10, or 0"),
                ));
            }
        }
        for (from, to) in &self.born_statuses {
            let is_known = from.parse::<u8>().is_ok_and(|c| PortalStatus::try_from(c).is_ok());
            if !is_known || *to > 11 {
                return Err(ConfigError::new(
                    format!("born_statuses.{from}"),
                    format!("{from} = {to}: from 1-10 to 1-11, or 0"),
                ));
            }
        }
        if !(1..=10).contains(&self.steps_per_call) {
            let said = format!("{}: from 1 to 10 go in a call", self.steps_per_call);
            return Err(ConfigError::new("steps_per_call", said));
        }
        if let Some(field) = self.omit_empty.iter().find(|f| !is_optional(f)) {
            let said = format!("{field:?} is no field of the dossier that may be empty");
            return Err(ConfigError::new("omit_empty", said));
        }
        for name in self.headers.keys() {
            let is_token = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
            if name.is_empty() || !name.bytes().all(is_token) {
                return Err(ConfigError::new(format!("headers.{name}"), "not the name of a header"));
            }
        }
        if let Some(name) = self.catalogue.services.iter().find(|name| !super::catalogue::is_service(name)) {
            let said = format!("{name:?} is no catalogue: LayDanhSachTTHC, LayThuTuc, LayDVC or LayDanhMuc…");
            return Err(ConfigError::new("catalogue.services", said));
        }
        if self.catalogue.per_minute == 0 || self.catalogue.missing_percent > 100 {
            let said = "per_minute must be more than 0, missing_percent at most 100".to_owned();
            return Err(ConfigError::new("catalogue", said));
        }
        if !["1", "2", "3"].contains(&self.online_payment_code.as_str()) {
            return Err(ConfigError::new(
                "online_payment_code",
                format!("{:?} is none of 1, 2, 3", self.online_payment_code),
            ));
        }
        for (key, length) in [
            ("note", self.lengths.note),
            ("summary", self.lengths.summary),
            ("officer", self.lengths.officer),
            ("document_name", self.lengths.document_name),
            ("paper_name", self.lengths.paper_name),
        ] {
            if length < 10 {
                return Err(ConfigError::new(format!("lengths.{key}"), format!("{length} is less than 10")));
            }
        }
        self.check_procedures()
    }

    fn check_procedures(&self) -> Result<(), ConfigError> {
        for (local, entry) in &self.procedures.table {
            if entry.code.trim().is_empty() {
                return Err(ConfigError::new(format!("procedures.table.{local}.code"), "empty"));
            }
        }
        Ok(())
    }
}

mod default {
    use std::collections::BTreeMap;

    pub(super) fn login_path() -> String {
        "/VXPAdapter/RestService/forward/mapi/login".to_owned()
    }
    pub(super) fn data_path() -> String {
        "/VXPAdapter/RestService/forward/mapi/g".to_owned()
    }
    pub(super) fn dstcode() -> String {
        "VN:GOV:000.00.00.G22:vpcpdvcprovider".to_owned()
    }
    pub(super) fn session_minutes() -> u32 {
        8
    }
    pub(super) fn call_timeout_ms() -> u64 {
        15_000
    }
    pub(super) fn settling_seconds() -> u32 {
        90
    }
    pub(super) fn min_write_ms() -> u64 {
        5000
    }
    pub(super) fn born_statuses() -> BTreeMap<String, u8> {
        [("2".to_owned(), 2), ("5".to_owned(), 5)].into()
    }
    pub(super) fn steps_per_call() -> usize {
        10
    }
    pub(super) fn online_payment_code() -> String {
        "2".to_owned()
    }
    pub(super) fn procedure_cache_hours() -> u32 {
        12
    }
    pub(super) fn session_error_codes() -> Vec<String> {
        words(&["-1"])
    }
    pub(super) fn session_phrases() -> Vec<String> {
        words(&["phiên", "session", "đăng nhập", "hết hạn"])
    }
    pub(super) fn account_phrases() -> Vec<String> {
        words(&["tài khoản không", "tài khoản bị", "sai tên đăng nhập", "sai mật khẩu", "sai tài khoản"])
    }
    pub(super) fn exists_codes() -> Vec<String> {
        words(&["3", "-3"])
    }
    pub(super) fn exists_phrases() -> Vec<String> {
        words(&["đã tồn tại"])
    }
    pub(super) fn unknown_phrases() -> Vec<String> {
        words(&["không tồn tại", "không tìm thấy", "chưa tồn tại"])
    }
    pub(super) fn success_phrase() -> String {
        "thành công".to_owned()
    }
    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|w| (*w).to_owned()).collect()
    }
}
