//! The portal's catalogue (contract 4): lists in one answer, `LayThuTuc` procedure by procedure. What it says is kept as
//! it came; only code, name and whether it is in force are read out of it.

use async_trait::async_trait;
use jiff::{Timestamp, civil::Date};
use lienthong_core::{
    catalogue::{
        AGENCIES, Book, Bound, FIELDS, Origin, PROCEDURE_DETAILS, PROCEDURES, Pulled, SERVICES, Table,
    },
    clock::business,
    dossier::DossierState,
    event::data::Dossier,
    outcome::{Cause, Outcome},
    port::connector::{Call, CatalogueList, CatalogueSource, CheckFailure},
};
use serde_json::Value;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::{
    Config, Dvcqg, ProcedureEntry,
    classify::{self, Meaning},
    exchange::{Effect, Visit},
    failed, map, procedure,
    wire::{LayDVC, LayDanhMuc, LayThuTuc, Reply},
};

/// A service of the catalogue: what we call its list, and the keys of its rows' codes and names.
struct Known {
    service: &'static str,
    list: &'static str,
    code: &'static str,
    name: &'static str,
}

const fn known(service: &'static str, list: &'static str, code: &'static str, name: &'static str) -> Known {
    Known { service, list, code, name }
}

const KNOWN: [Known; 5] = [
    known("LayDanhSachTTHC", PROCEDURES, "MATTHC", "TENTTHC"),
    known("LayThuTuc", PROCEDURE_DETAILS, "MATTHC", "TENTTHC"),
    known("LayDVC", SERVICES, "MADVC", "TENDVC"),
    known("LayDanhMucLinhVuc", FIELDS, "MALINHVUC", "TENLINHVUC"),
    known("LayDanhMucCoQuan", AGENCIES, "MADONVI", "TENDONVI"),
];

/// The services that are pulled unless configuration says otherwise.
pub(super) fn usual() -> Vec<String> {
    KNOWN.iter().map(|known| known.service.to_owned()).collect()
}

/// Whether this can be pulled: one that we know, or another `LayDanhMuc…`, whose rows are only known to be rows.
pub(super) fn is_service(name: &str) -> bool {
    KNOWN.iter().any(|known| known.service == name)
        || (name.starts_with("LayDanhMuc") && name.bytes().all(|b| b.is_ascii_alphanumeric()))
}

pub(super) fn list_of(service: &str) -> String {
    KNOWN.iter().find(|known| known.service == service).map_or(service, |known| known.list).to_owned()
}

#[async_trait]
impl CatalogueSource for Dvcqg {
    fn lists(&self) -> Vec<CatalogueList> {
        let services = self.config.catalogue.services.iter();
        let list = |service: &String| CatalogueList {
            name: list_of(service),
            each_of: (service == "LayThuTuc").then(|| PROCEDURES.to_owned()),
        };
        let mut lists: Vec<_> = services.map(list).collect();
        // The trees are many questions: everything else first.
        lists.sort_by_key(|list| list.each_of.is_some());
        lists
    }

    fn pace(&self) -> Duration {
        Duration::from_mins(1) / self.config.catalogue.per_minute.max(1)
    }

    fn believed_missing_percent(&self) -> u8 {
        self.config.catalogue.missing_percent
    }

    fn configured(&self) -> Vec<Bound> {
        let table = self.config.procedures.table.iter();
        let bound = |(local, entry): (&String, &ProcedureEntry)| Bound {
            connector: self.manifest.id.clone(),
            table: Table::Procedure,
            local: local.clone(),
            national: entry.code.clone(),
            origin: Origin::Configuration,
        };
        table.map(bound).collect()
    }

    async fn rows(
        &self,
        list: &str,
        code: Option<&str>,
        call: &Call<'_>,
    ) -> Result<Vec<Pulled>, CheckFailure> {
        let known = KNOWN.iter().find(|known| known.list == list);
        let mut visit = Visit::new(self, call, Vec::new());
        let asked = match (list, code) {
            (PROCEDURE_DETAILS, Some(code)) => visit.ask(&LayThuTuc { maTTHC: code }, Effect::None).await,
            (SERVICES, _) => visit.ask(&LayDVC {}, Effect::None).await,
            _ => visit.ask(&LayDanhMuc(known.map_or(list, |known| known.service)), Effect::None).await,
        };
        let reply = asked.map_err(failed)?;
        if !reply.is_success() {
            let refused = classify::read_refusal(&reply, &self.config, &visit.personal());
            // A session that is refused even when it is new is another refusal under the same code.
            let is_account = classify::meaning(&reply, &self.config) == Meaning::Account;
            let failure = failed(refused);
            let cause = if is_account { failure.cause } else { Cause::DataRefused };
            return Err(CheckFailure { cause, ..failure });
        }
        let keys = known.map(|known| (known.code, known.name));
        rows(&reply).map(|all| all.into_iter().filter_map(|row| pulled(row, keys)).collect()).ok_or_else(
            || CheckFailure { cause: Cause::Unreadable, said: format!("{list}: the answer holds no rows") },
        )
    }
}

/// The rows of an answer; those of `LayDVC` are one level deeper.
fn rows(reply: &Reply) -> Option<Vec<&Value>> {
    let rows = reply.rows()?;
    match rows.as_slice() {
        [Value::Object(only)] if only.contains_key("data") => match only.get("data")? {
            Value::Null => Some(Vec::new()),
            Value::Array(inner) => Some(inner.iter().collect()),
            _ => None,
        },
        _ => Some(rows),
    }
}

/// A row as an entry. Of a list that we do not know, the code is the first value whose key begins with `MA` or `ID`.
fn pulled(row: &Value, keys: Option<(&str, &str)>) -> Option<Pulled> {
    let object = row.as_object()?;
    let text = |key: &str| match object.get(key) {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let first = |begins: &str| object.keys().find(|key| key.starts_with(begins)).map(|key| text(key));
    let (code, name) = match keys {
        Some((code, name)) => (text(code), text(name)),
        None => (first("MA").or_else(|| first("ID")).unwrap_or_default(), first("TEN").unwrap_or_default()),
    };
    // TRANGTHAI: 1 = public. Where it is not said nothing is known against it.
    let in_force = matches!(text("TRANGTHAI").as_str(), "" | "1");
    (!code.is_empty()).then(|| Pulled { code, name, in_force, content: row.clone() })
}

/// The settings with what persons confirmed, as of a day; kept until either changes.
#[derive(Default)]
pub(super) struct Merged(Mutex<Option<(i64, Date, Arc<Config>)>>);

/// What an attempt goes by.
pub(super) struct Basis {
    pub(super) config: Arc<Config>,
    book: Arc<Book>,
    now: Timestamp,
}

impl Dvcqg {
    /// The settings and the book for an attempt; `renewed`: as the store has it now.
    async fn basis(&self, call: &Call<'_>, renewed: bool) -> Result<Basis, Outcome> {
        let book = match call.sessions.codes() {
            Some(codes) => codes.book(renewed).await.map_err(|e| {
                Outcome::not_done(Cause::Internal, format!("the mappings could not be read: {e}"))
            })?,
            None => Arc::default(),
        };
        let config = self.with_confirmed(&book, business(call.now).date());
        Ok(Basis { config, book, now: call.now })
    }

    pub(super) fn with_confirmed(&self, book: &Book, day: Date) -> Arc<Config> {
        let mut kept = self.merged.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((version, of, config)) = &*kept
            && (*version, *of) == (book.version, day)
        {
            return Arc::clone(config);
        }
        let (id, mut config) = (&self.manifest.id, self.config.clone());
        for mapping in book.holding(id, Table::Unit, day) {
            let name = if mapping.name.is_empty() { &mapping.national } else { &mapping.name };
            config.units.insert(mapping.local.clone(), name.clone());
        }
        for mapping in book.holding(id, Table::Status, day) {
            if let Ok(status) = mapping.national.parse() {
                config.statuses.insert(mapping.local.clone(), status);
            }
        }
        for mapping in book.holding(id, Table::Fee, day) {
            config.fees.insert(mapping.local.clone(), mapping.national.clone());
        }
        let config = Arc::new(config);
        *kept = Some((book.version, day, Arc::clone(&config)));
        config
    }

    /// Maps with the settings as this process knows them; what has no mapping is looked up in the store before it waits.
    pub(super) async fn mapped<T>(
        &self,
        call: &Call<'_>,
        map: impl Fn(&Basis) -> Result<T, Outcome> + Send + Sync,
    ) -> Result<T, Outcome> {
        let basis = self.basis(call, false).await?;
        match map(&basis) {
            Err(held @ Outcome::Held(_)) => {
                let newer = self.basis(call, true).await?;
                if newer.book.version == basis.book.version { Err(held) } else { map(&newer) }
            }
            mapped => mapped,
        }
    }

    /// The national code of the dossier's procedure and what the configuration says of it: the mapping that held when it
    /// was handed in.
    pub(super) fn procedure_of(
        &self,
        basis: &Basis,
        state: &DossierState,
        dossier: &Dossier,
    ) -> Result<(String, Option<ProcedureEntry>), Outcome> {
        let local =
            state.procedure().ok_or_else(|| map::lacks("MaTTHC", "the dossier names no procedure"))?;
        let at = dossier.submitted_at.or(dossier.received_at).unwrap_or(basis.now);
        let day = business(at).date();
        let configured = procedure::national(local, &basis.config.procedures);
        let stored = basis.book.find(&self.manifest.id, Table::Procedure, local, day);
        match (stored, configured) {
            (Some(stored), configured) => {
                // The names in the configuration are those of the code that it names.
                let portal_born = configured.and_then(|(_, entry)| entry?.portal_born);
                let code = stored.national.clone();
                let entry = ProcedureEntry { code: code.clone(), portal_born, ..ProcedureEntry::default() };
                Ok((code, Some(entry)))
            }
            (None, Some((code, entry))) => Ok((code, entry.cloned())),
            (None, None) => Err(map::unmapped(&self.manifest.id, "procedure", local)),
        }
    }
}
