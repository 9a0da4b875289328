//! Ordinary dossiers of the portal: submitted, supplemented, withdrawn, paid for. An assumption: the contract is not public,
//! so the form is that of `DongBoHoSoMC`, and the services' names are the operator's.

use lienthong_core::{
    event::canonical,
    port::inbound::{FileIn, FileSource, Item, Known, Message, Unread},
};
use serde_json::{Value, json};

use super::{
    config::DossierRoute,
    fields::{Object, as_sent, clean, is_true, short, text},
    promotion::{identity, unit, unit_of},
};
use crate::dvcqg::{
    config::Config,
    read_back::{self, ReadDossier, Tables, Unreadable},
};

/// What a service tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Submitted,
    Supplemented,
    Withdrawn,
    Paid,
}

impl Deed {
    /// What configuration makes of a service's name.
    pub(super) fn of(route: &DossierRoute, service: &str) -> Option<Self> {
        let named = [
            (&route.submit, Self::Submitted),
            (&route.supplement, Self::Supplemented),
            (&route.withdraw, Self::Withdrawn),
            (&route.pay, Self::Paid),
        ];
        let found = named.into_iter().find(|(name, _)| !service.is_empty() && *name == service);
        found.map(|(_, deed)| deed)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Submitted => "portal.dossier_submitted",
            Self::Supplemented => "portal.dossier_supplemented",
            Self::Withdrawn => "portal.dossier_withdrawn",
            Self::Paid => "portal.dossier_paid",
        }
    }
}

/// Everything that `data` lists: one dossier, or several.
pub(super) fn read(deed: Deed, body: &Object, config: &Config) -> Result<Vec<Item>, Unread> {
    let tables = Tables::of(config);
    let is_updating = is_true(&text(body, "isUpdating"));
    let rows: Vec<&Value> = match body.get("data") {
        Some(Value::Array(rows)) => rows.iter().collect(),
        Some(row @ Value::Object(_)) => vec![row],
        Some(_) | None => Vec::new(),
    };
    if rows.is_empty() {
        return Err(Unread::Invalid("Thiếu data".to_owned()));
    }
    Ok(rows.into_iter().map(|row| item(deed, row, is_updating, &tables, config)).collect())
}

fn item(deed: Deed, row: &Value, is_updating: bool, tables: &Tables, config: &Config) -> Item {
    let faulty = |said: String| {
        let subject = row.as_object().map(|row| text(row, "MaHoSo")).unwrap_or_default();
        Item::Faulty { subject, said }
    };
    match read_back::dossier(row, tables) {
        Ok(read) => message(deed, row, read, is_updating, config).unwrap_or_else(|unread| {
            let (Unread::Invalid(said) | Unread::Unparsable(said)) = unread;
            faulty(said)
        }),
        Err(Unreadable { field, expected, .. }) => faulty(format!("{field}: cần {expected}")),
    }
}

fn message(
    deed: Deed,
    row: &Value,
    read: ReadDossier,
    is_updating: bool,
    config: &Config,
) -> Result<Item, Unread> {
    let missing = || Unread::Invalid("Thiếu MaHoSo".to_owned());
    let code = read.code().ok_or_else(missing)?;
    let hash = canonical::hash(row);
    let ReadDossier { dossier, status, supplements, left_over, .. } = read;
    let mut dossier = Value::Object(dossier);
    dossier["portal_code"] = json!(code);
    dossier["origin"] = json!("portal");
    let procedure = dossier.pointer("/procedure/code").and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some(unit) = unit(&procedure, config)? {
        dossier["unit"] = unit;
    }
    let files = files(&mut dossier);
    let rest = left_over.iter().map(|(name, value)| (clean(name), as_sent(value)));
    let short = short(&hash);
    let (identity, known) = match deed {
        // A new dossier comes once; the same code with another content is somebody's mistake.
        Deed::Submitted => (identity(&code), Known::Nothing),
        // These may come several times, and only their content tells them apart.
        Deed::Supplemented => (format!("supplemented:{code}:{short}"), Known::DossierOr(identity(&code))),
        Deed::Withdrawn => (format!("withdrawn:{code}:{short}"), Known::DossierOr(identity(&code))),
        Deed::Paid => (format!("paid:{code}:{short}"), Known::DossierOr(identity(&code))),
    };
    Ok(Item::Message(Box::new(Message {
        identity,
        hash,
        name: deed.name(),
        known,
        unit: unit_of(&dossier),
        data: json!({
            "dossier": dossier, "portal_status": status, "supplements": supplements, "is_updating": is_updating,
            "as_sent": Value::Object(rest.collect()),
        }),
        subject: code.to_string(),
        files,
    })))
}

/// Addresses that the portal names lead through adapters: the one-stop system gets links to what we fetch.
fn files(dossier: &mut Value) -> Vec<FileIn> {
    let documents = dossier.get_mut("documents").and_then(Value::as_array_mut);
    let mut files = Vec::new();
    for (index, document) in documents.into_iter().flatten().enumerate() {
        let is_deleted = document["deleted"] == true;
        let address = document.get("url").and_then(Value::as_str).map(clean).unwrap_or_default();
        if is_deleted || address.is_empty() {
            continue;
        }
        let name = document.get("name").and_then(Value::as_str).map(clean).unwrap_or_default();
        files.push(FileIn {
            at: Some(format!("/dossier/documents/{index}")),
            name: if name.is_empty() { format!("tai-lieu-{}", index + 1) } else { name },
            source: FileSource::Address(address),
        });
    }
    files
}
