//! A discrepancy: a difference between us and a partner that nobody has explained or mended yet. One is open per connector,
//! kind and key; it closes by itself when a later comparison agrees, or by a person's word.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::id::{ConnectorId, DossierCode, RowId, UnitCode};

/// What sort of difference. New partners add theirs; the names are for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// We have an acknowledgement, and the partner does not know it.
    #[serde(rename = "status.missing")]
    Missing,
    /// The partner shows what it was told before.
    #[serde(rename = "status.behind")]
    Behind,
    /// The partner shows what we never told it.
    #[serde(rename = "status.ahead")]
    Ahead,
    /// The partner lost the dossier and has it again, and nobody knows whether with its steps.
    #[serde(rename = "status.steps_unclear")]
    StepsUnclear,
    /// The partner names something that we do not have.
    #[serde(rename = "status.unknown_here")]
    UnknownHere,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::Missing, Self::Behind, Self::Ahead, Self::StepsUnclear, Self::UnknownHere];

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "status.missing",
            Self::Behind => "status.behind",
            Self::Ahead => "status.ahead",
            Self::StepsUnclear => "status.steps_unclear",
            Self::UnknownHere => "status.unknown_here",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What a person may do about it; everything needs a reason.
    pub fn moves(self) -> &'static [Move] {
        match self {
            Self::Missing | Self::Behind | Self::Ahead => &[Move::Ask, Move::Resend, Move::Close],
            // What was sent cannot be taken back, and nobody can be asked about steps.
            Self::StepsUnclear | Self::UnknownHere => &[Move::Close],
        }
    }
}

/// What a person may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Move {
    /// Ask the partner again.
    Ask,
    /// Send our full state.
    Resend,
    /// It is explained or settled otherwise.
    Close,
}

impl Move {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Resend => "resend",
            Self::Close => "close",
        }
    }

    /// The move with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Ask, Self::Resend, Self::Close].into_iter().find(|m| m.name() == name)
    }
}

/// Why it was not mended without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Repair is switched off.
    ReportOnly,
    /// Our state was sent, and the difference is still there.
    NotCured,
    /// What was sent did not come about.
    NotSent,
    /// Not all that the partner was told is on record here: the steps could not be appended in full.
    HistoryUnknown,
    /// It was born there: only the partner can say where it is.
    BornThere,
    /// Somebody else changed it there.
    ChangedThere,
    /// We do not have it.
    NotOurs,
}

impl Why {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::ReportOnly => "report_only",
            Self::NotCured => "not_cured",
            Self::NotSent => "not_sent",
            Self::HistoryUnknown => "history_unknown",
            Self::BornThere => "born_there",
            Self::ChangedThere => "changed_there",
            Self::NotOurs => "not_ours",
        }
    }

    /// Who has to act.
    pub fn owner(self) -> &'static str {
        match self {
            Self::ReportOnly | Self::NotCured | Self::NotSent | Self::HistoryUnknown => "administrator",
            Self::BornThere => "partner",
            Self::ChangedThere | Self::NotOurs => "unit",
        }
    }

    /// What to do first, as a stable word.
    pub fn next_step(self) -> &'static str {
        match self {
            Self::ReportOnly => "resend",
            Self::NotCured | Self::BornThere => "ask_partner",
            Self::NotSent => "look_at_operation",
            Self::HistoryUnknown | Self::ChangedThere => "look_up",
            Self::NotOurs => "publish",
        }
    }
}

/// A discrepancy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Discrepancy {
    /// Its number.
    pub id: RowId,
    /// The connector.
    pub connector: ConnectorId,
    /// What sort.
    pub kind: Kind,
    /// About what: a dossier's code.
    pub key: String,
    /// The dossier, if it is known here.
    pub subject: Option<DossierCode>,
    /// The unit that handles it.
    pub unit: Option<UnitCode>,
    /// What we have.
    pub ours: Value,
    /// What the partner has.
    pub theirs: Value,
    /// Why a person is needed.
    pub why: Why,
    /// Since when.
    pub opened_at: Timestamp,
    /// When it was last seen to be so.
    pub seen_at: Timestamp,
    /// How it ended.
    pub closed: Option<Closing>,
    /// What happened to it, oldest first.
    pub history: Vec<Note>,
}

/// How a discrepancy ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// When.
    pub at: Timestamp,
    /// Who; none: a later comparison agreed.
    pub by: Option<String>,
    /// Why.
    pub reason: String,
}

/// An entry of a discrepancy's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// When.
    pub at: Timestamp,
    /// Who; none: the reconciliation.
    pub by: Option<String>,
    /// What: `opened`, `changed`, `ask`, `resend`, `close`, `agreed`.
    pub deed: String,
    /// In words.
    pub said: String,
}

impl Discrepancy {
    /// Adds to the history.
    pub fn note(&mut self, at: Timestamp, by: Option<&str>, deed: &str, said: &str) {
        let (by, deed, said) = (by.map(str::to_owned), deed.to_owned(), said.to_owned());
        self.history.push(Note { at, by, deed, said });
    }

    /// Ends it.
    pub fn close(&mut self, at: Timestamp, by: Option<&str>, reason: &str) {
        self.note(at, by, if by.is_some() { "close" } else { "agreed" }, reason);
        self.closed = Some(Closing { at, by: by.map(str::to_owned), reason: reason.to_owned() });
    }

    /// Whether a person has explained this very difference: it is not opened again.
    pub fn explains(&self, kind: Kind, ours: &Value, theirs: &Value) -> bool {
        let by_person = self.closed.as_ref().is_some_and(|closed| closed.by.is_some());
        by_person && self.kind == kind && self.ours == *ours && self.theirs == *theirs
    }
}

/// Which discrepancies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// One of them.
    pub id: Option<RowId>,
    /// Of this connector only.
    pub connector: Option<ConnectorId>,
    /// Of this kind only.
    pub kind: Option<Kind>,
    /// About this only.
    pub key: Option<String>,
    /// Closed ones too.
    pub closed: bool,
    /// Only those after this number.
    pub after: RowId,
    /// At most this many, the oldest first.
    pub limit: i64,
}
