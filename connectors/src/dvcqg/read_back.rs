//! The way back: a dossier or a progress entry on the portal's wire -> `dossier`, status and step of the event contract.
//! Pure. The forward way is `map.rs` and `lists.rs`; what it can send, this reads. It reads tolerantly (older clients leave
//! fields out, write numbers for texts), and keeps what it does not understand.

mod lists;
mod row;

use lienthong_core::{
    event::data::PaperKind,
    id::{DossierCode, UnitCode},
    status::PortalStatus,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

use super::config::{Config, Rewrite};
use lists::{kind_by_form, word};
use row::Row;

/// What the forward way looks up in the configuration, the other way round.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// Units by name, as it is compared.
    units: BTreeMap<String, UnitCode>,
    statuses: BTreeMap<String, PortalStatus>,
    fees: BTreeMap<String, String>,
    databases: BTreeMap<String, String>,
    identity_kinds: BTreeMap<String, &'static str>,
    paper_kinds: BTreeMap<String, &'static str>,
    origins: BTreeMap<String, &'static str>,
    supplement_states: BTreeMap<String, bool>,
    rewrites: Vec<Rewrite>,
    fees_are_paid: bool,
}

impl Tables {
    /// The tables of a connector's settings. Fees on the wire are paid ones, unless those that are due are sent as well.
    pub fn of(config: &Config) -> Self {
        let turned = |table: &BTreeMap<String, String>| {
            table.iter().rev().map(|(ours, theirs)| (theirs.clone(), ours.clone())).collect()
        };
        let named = |(code, name): (&String, &String)| Some((folded(name), UnitCode::parse(code).ok()?));
        let statuses = PortalStatus::ALL.iter().rev();
        let mut statuses: BTreeMap<String, PortalStatus> =
            statuses.filter_map(|s| Some((config.status(*s)?.to_string(), *s))).collect();
        // A status that goes out as itself is read as itself, whatever else goes out as it.
        for status in PortalStatus::ALL.iter().filter(|s| config.status(**s) == Some(s.code())) {
            statuses.insert(status.code().to_string(), *status);
        }
        let kinds = [
            (PaperKind::Original, "original"),
            (PaperKind::Copy, "copy"),
            (PaperKind::Electronic, "electronic"),
        ];
        let kinds = kinds.iter().rev().map(|(k, word)| (config.paper_kinds.of(Some(*k)).to_owned(), *word));
        let identities =
            [(&config.identity_kinds.passport, "passport"), (&config.identity_kinds.tax_code, "tax_code")];
        let states = &config.supplement_states;
        Self {
            units: config.units.iter().filter_map(named).collect(),
            statuses,
            fees: turned(&config.fees),
            databases: turned(&config.databases),
            identity_kinds: identities.iter().map(|(code, kind)| ((*code).clone(), *kind)).collect(),
            paper_kinds: kinds.filter(|(code, _)| !code.is_empty()).collect(),
            origins: [(config.origins.local.clone(), "local"), (config.origins.portal.clone(), "portal")]
                .into(),
            supplement_states: [(states.requested.clone(), false), (states.received.clone(), true)].into(),
            rewrites: config.url_rewrite.clone(),
            fees_are_paid: !config.send_unpaid_fees,
        }
    }

    /// Further units by name; those of the connector's own table go before.
    #[must_use]
    pub fn with_units<'a>(mut self, units: impl IntoIterator<Item = (&'a UnitCode, &'a str)>) -> Self {
        for (code, name) in units {
            self.units.entry(folded(name)).or_insert_with(|| code.clone());
        }
        self
    }

    /// Further codes of statuses; they go before.
    #[must_use]
    pub fn with_statuses(mut self, statuses: impl IntoIterator<Item = (String, PortalStatus)>) -> Self {
        self.statuses.extend(statuses);
        self
    }

    /// Whether fees on the wire have been paid.
    #[must_use]
    pub fn with_paid_fees(mut self, are_paid: bool) -> Self {
        self.fees_are_paid = are_paid;
        self
    }

    fn status(&self, code: &str) -> Option<PortalStatus> {
        let code = code.trim_start_matches('0');
        self.statuses.get(code).copied().or_else(|| {
            // Without a connector's settings every code is itself.
            let own = code.parse::<u8>().ok().and_then(|c| PortalStatus::try_from(c).ok());
            own.filter(|_| self.statuses.is_empty())
        })
    }

    fn identity_kind(&self, code: &str) -> Option<&'static str> {
        match code {
            "1" => Some("citizen_id"),
            "2" => Some("old_citizen_id"),
            other => self.identity_kinds.get(other).copied(),
        }
    }

    fn paper_kind(&self, code: &str) -> Option<&'static str> {
        self.paper_kinds.get(code).copied()
    }

    fn received(&self, state: &str) -> Option<bool> {
        let is = |text: &str| match text.to_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        };
        self.supplement_states.get(state).copied().or_else(|| is(state))
    }

    /// The address that the forward way would make this one of.
    fn url(&self, url: String) -> String {
        let Some(rule) = self.rewrites.iter().find(|r| !r.to.is_empty() && url.starts_with(&r.to)) else {
            return url;
        };
        let rest = url.get(rule.to.len()..).unwrap_or_default();
        let bare = rest.strip_suffix(rule.query.as_str()).filter(|_| !rule.query.is_empty());
        let bare = bare.and_then(|bare| bare.strip_suffix(['?', '&']));
        match (bare, rule.query.is_empty()) {
            (Some(bare), _) => format!("{}{bare}", rule.from),
            (None, true) => format!("{}{rest}", rule.from),
            (None, false) => url,
        }
    }
}

/// A name as names are compared.
fn folded(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// A field that cannot be read. `got` may hold what is personal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Where: `MaHoSo`, `DanhSachLePhi[0].Gia`.
    pub field: String,
    /// What was expected, in Vietnamese words.
    pub expected: String,
    /// What was found.
    pub got: String,
}

impl Unreadable {
    fn new(field: &str, expected: &str, got: &str) -> Self {
        Self { field: field.to_owned(), expected: expected.to_owned(), got: got.chars().take(200).collect() }
    }
}

/// A dossier as read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReadDossier {
    /// `dossier` of the event contract, without what is empty.
    pub dossier: Map<String, Value>,
    /// Its status.
    pub status: Option<PortalStatus>,
    /// Its supplements, each as `supplement` of the event contract.
    pub supplements: Vec<Map<String, Value>>,
    /// The name of the unit that handles it.
    pub unit_name: String,
    /// The fields that the wire names, empty or not, as JSON pointers into `dossier`.
    pub named: Vec<&'static str>,
    /// What says something and has no place, by its name on the wire.
    pub left_over: Map<String, Value>,
}

/// A progress entry as read.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadStep {
    /// The dossier's code.
    pub code: DossierCode,
    /// `step` of the event contract.
    pub step: Map<String, Value>,
    /// The status after it.
    pub status: Option<PortalStatus>,
    /// What says something and has no place, by its name on the wire.
    pub left_over: Map<String, Value>,
}

/// Texts that are taken as they are.
const TEXTS: [(&str, &str); 12] = [
    ("MaTTHC", "/procedure/code"),
    ("TenTTHC", "/procedure/name"),
    ("MaLinhVuc", "/procedure/field_code"),
    ("TenLinhVuc", "/procedure/field_name"),
    ("SoBienNhan", "/receipt_no"),
    ("ChuHoSo", "/applicant/name"),
    ("MaDoiTuong", "/applicant/portal_account"),
    ("Email", "/applicant/email"),
    ("SoDienThoai", "/applicant/phone"),
    ("TrichYeuHoSo", "/summary"),
    ("ThongTinTra", "/return_info"),
    ("GhiChu", "/note"),
];

/// Moments.
const MOMENTS: [(&str, &str); 6] = [
    ("NgayNopHoSo", "/submitted_at"),
    ("NgayTiepNhan", "/received_at"),
    ("NgayHenTra", "/due_at"),
    ("NgayKetThucXuLy", "/finished_at"),
    ("NgayTra", "/returned_at"),
    ("NgayTuChoi", "/rejected_at"),
];

/// Codes with a word for each.
type Words = &'static [(&'static str, &'static str)];
const WORDS: [(&str, &str, Words); 4] = [
    ("KenhThucHien", "/channel", &[("", ""), ("1", "counter"), ("2", "online"), ("3", "post")]),
    (
        "LoaiDoiTuong",
        "/applicant/kind",
        &[("", ""), ("1", "citizen"), ("2", "business"), ("3", "agency"), ("4", "organisation")],
    ),
    ("HinhThuc", "/return_by", &[("", ""), ("0", "desk"), ("1", "post")]),
    ("DuocThanhToanTrucTuyen", "/paid_online", &[("", ""), ("0", ""), ("1", "portal"), ("2", "gateway")]),
];

impl ReadDossier {
    /// Says what the wire names: nothing, or a value.
    fn put(&mut self, pointer: &'static str, value: Option<Value>) {
        self.named.push(pointer);
        let Some(value) = value else { return };
        let mut at = &mut self.dossier;
        let mut parts = pointer.split('/').skip(1).peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                at.insert(part.to_owned(), value);
                return;
            }
            let inner = at.entry(part).or_insert_with(|| json!({}));
            let Value::Object(inner) = inner else { return };
            at = inner;
        }
    }

    /// The dossier as a whole: what the wire names is as it says, what it does not name is as it was known.
    pub fn over(&self, known: Option<&Map<String, Value>>) -> Map<String, Value> {
        let mut whole = known.cloned().unwrap_or_default();
        for pointer in &self.named {
            match pointer.rsplit_once('/') {
                Some(("", name)) => drop(whole.remove(name)),
                Some((parent, name)) => {
                    let parent = whole.get_mut(parent.trim_start_matches('/'));
                    if let Some(Value::Object(parent)) = parent {
                        parent.remove(name);
                    }
                }
                None => {}
            }
        }
        lienthong_core::dossier::merge(&mut whole, &self.dossier);
        whole
    }

    /// The code under which the wire names it.
    pub fn code(&self) -> Option<DossierCode> {
        DossierCode::parse(self.dossier.get("code")?.as_str()?).ok()
    }
}

/// The code in `MaHoSo`.
pub fn code(row: &Value) -> Result<DossierCode, Unreadable> {
    code_of(&mut Row::of(row, "")?)
}

fn code_of(row: &mut Row<'_>) -> Result<DossierCode, Unreadable> {
    let text = row.said("MaHoSo")?;
    let expected = "mã hồ sơ {mã đơn vị}-{yyMMdd}-{số}, ví dụ 000.00.08.H99-261123-0001";
    DossierCode::parse(&text).map_err(|_| row.bad("MaHoSo", expected, &text))
}

fn status(row: &mut Row<'_>, name: &str, tables: &Tables) -> Result<Option<PortalStatus>, Unreadable> {
    let text = row.said(name)?;
    if text.is_empty() {
        return Ok(None);
    }
    let status = tables.status(&text);
    status.map(Some).ok_or_else(|| row.bad(name, "một trạng thái từ 1 đến 10", &text))
}

/// Reads a dossier (`DongBoHoSoMC`, contract 5).
pub fn dossier(row: &Value, tables: &Tables) -> Result<ReadDossier, Unreadable> {
    let mut row = Row::of(row, "")?;
    let code = code_of(&mut row)?;
    let mut read =
        ReadDossier { status: status(&mut row, "TrangThaiHoSo", tables)?, ..ReadDossier::default() };
    let mut left = Map::new();
    read.put("/code", Some(json!(code)));
    for (name, pointer) in TEXTS {
        if let Some(text) = row.text(name)? {
            read.put(pointer, Some(json!(text)).filter(|_| !text.is_empty()));
        }
    }
    for (name, pointer) in MOMENTS {
        if let Some(moment) = row.moment(name)? {
            read.put(pointer, Some(json!(moment)).filter(|_| !moment.is_empty()));
        }
    }
    for (name, pointer, words) in WORDS {
        if row.text(name)?.is_some() {
            let word = word(&mut row, name, words)?;
            read.put(pointer, word.map(|word| json!(word)));
        }
    }
    born(&mut row, &code, tables, &mut read)?;
    unit(&mut row, &code, tables, &mut read)?;
    people(&mut row, tables, &mut read, &mut left)?;
    if let Some(list) = lists::documents(&mut row, "TaiLieuNop", tables, &mut left)? {
        read.put("/documents", Some(Value::Array(list)));
    }
    if let Some(is) = row.flag("HoSoCoThanhPhanSoHoa")? {
        let documents = read.dossier.get("documents").and_then(Value::as_array);
        let by_documents =
            documents.is_some_and(|list| list.iter().any(|d| d["digitised"] == true && d["deleted"] != true));
        read.put("/digitised", (is && !by_documents).then_some(json!(true)));
    }
    if let Some(list) = lists::fees(&mut row, "DanhSachLePhi", tables, &mut left)? {
        read.put("/fees", Some(Value::Array(list)));
    }
    if let Some(list) = lists::papers(&mut row, tables, &mut left)? {
        read.put("/papers", Some(Value::Array(list)));
    }
    if let Some(list) = lists::results(&mut row, tables, &mut left)? {
        read.put("/results", Some(Value::Array(list)));
    }
    if let Some(list) = lists::databases(&mut row, tables, &mut left)? {
        read.put("/databases", Some(Value::Array(list)));
    }
    read.supplements = lists::supplements(&mut row, tables, &mut left)?.unwrap_or_default();
    // One client fills it with the phone number.
    let fax = row.said("Fax")?;
    if fax != row.said("SoDienThoai")? {
        row.not_understood("Fax");
    }
    row.left_over(&mut left);
    read.left_over = left;
    Ok(read)
}

/// Where it was born. Older clients do not say it: a code of the portal's own does.
fn born(
    row: &mut Row<'_>,
    code: &DossierCode,
    tables: &Tables,
    read: &mut ReadDossier,
) -> Result<(), Unreadable> {
    let said = row.said("NoiNopHoSo")?;
    let word = tables.origins.get(&said).copied().or(match said.as_str() {
        "1" => Some("portal"),
        "2" => Some("local"),
        _ => None,
    });
    match word {
        Some(word) => read.put("/origin", Some(json!(word))),
        None if said.is_empty() && code.as_str().starts_with("G22.") => {
            read.put("/origin", Some(json!("portal")));
        }
        None => row.not_understood("NoiNopHoSo"),
    }
    Ok(())
}

/// The wire names the unit that handles it, and does not give its code: the one with this name, else the one in the
/// dossier's own code.
fn unit(
    row: &mut Row<'_>,
    code: &DossierCode,
    tables: &Tables,
    read: &mut ReadDossier,
) -> Result<(), Unreadable> {
    let Some(name) = row.text("DonViXuLy")? else { return Ok(()) };
    let of_code = || UnitCode::parse(code.unit_part()).ok().filter(|unit| unit.as_str().len() == 13);
    let unit = tables.units.get(&folded(&name)).cloned().or_else(of_code);
    read.put("/unit", unit.map(|unit| json!({ "code": unit, "name": name })));
    read.unit_name = name;
    Ok(())
}

/// Owner and further owners.
fn people(
    row: &mut Row<'_>,
    tables: &Tables,
    read: &mut ReadDossier,
    left: &mut Map<String, Value>,
) -> Result<(), Unreadable> {
    if let Some(is) = row.flag("TaiKhoanDuocXacThucVoiVNeID")? {
        read.put("/applicant/vneid_verified", is.then_some(json!(true)));
    }
    let identities = lists::identities(row, tables, left)?;
    let number = row.said("SoGiayToChuHoSo")?;
    let mut further = identities.clone().unwrap_or_default();
    let place = if number.is_empty() { Some(0) } else { further.iter().position(|i| i["number"] == number) };
    let by_form = || kind_by_form(&number).map(|kind| json!({ "kind": kind, "number": number }));
    let own = match place.filter(|place| *place < further.len()) {
        Some(place) => Some(further.remove(place)),
        None => by_form(),
    };
    if own.is_none() {
        row.not_understood("SoGiayToChuHoSo");
    }
    if identities.is_some() || !number.is_empty() {
        read.put("/applicant/id", own);
    }
    if identities.is_some() {
        let further = further.iter().enumerate();
        let further: Vec<Value> =
            further.map(|(n, identity)| json!({ "id": (n + 2).to_string(), "identity": identity })).collect();
        read.put("/applicants", (!further.is_empty()).then_some(Value::Array(further)));
    }
    // One client puts the identity number where the portal's account belongs.
    let number = read.dossier.get("applicant").and_then(|a| a.pointer("/id/number")).cloned();
    if let Some(Value::Object(applicant)) = read.dossier.get_mut("applicant")
        && number.is_some()
        && applicant.get("portal_account") == number.as_ref()
    {
        applicant.remove("portal_account");
        row.not_understood("MaDoiTuong");
    }
    Ok(())
}

/// Reads a progress entry (`CapNhatTienDoHoSoMC`, contract 6).
pub fn step(row: &Value, tables: &Tables) -> Result<ReadStep, Unreadable> {
    let mut row = Row::of(row, "")?;
    let code = code_of(&mut row)?;
    let status = status(&mut row, "TrangThai", tables)?;
    let mut step = Map::new();
    let content = row.said("NoiDungXuLy")?;
    if content.is_empty() {
        return Err(row.bad("NoiDungXuLy", "nội dung không được để trống", ""));
    }
    let Some(at) = row.at("ThoiDiemXuLy")? else {
        return Err(row.bad("ThoiDiemXuLy", "thời điểm dạng yyyyMMddHHmmss (giờ Việt Nam)", ""));
    };
    step.insert("at".to_owned(), json!(at));
    step.insert("content".to_owned(), json!(content));
    for (name, field) in [("NguoiXuLy", "officer"), ("ChucDanh", "title"), ("PhongBanXuLy", "department")] {
        let text = row.said(name)?;
        if !text.is_empty() {
            step.insert(field.to_owned(), json!(text));
        }
    }
    for (name, field) in [("NgayBatDau", "started_at"), ("NgayKetThucTheoQuyDinh", "due_at")] {
        if let Some(moment) = row.at(name)? {
            step.insert(field.to_owned(), json!(moment));
        }
    }
    if let Some(status) = status {
        step.insert("status".to_owned(), json!(status));
    }
    let mut left_over = Map::new();
    row.left_over(&mut left_over);
    Ok(ReadStep { code, step, status, left_over })
}
