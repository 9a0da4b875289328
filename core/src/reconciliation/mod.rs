//! Status reconciliation: what we believe a partner has of a dossier, what it answers, the comparison, and the
//! discrepancies that are left for a person. Pure: the asking is `flow/statuses.rs`, what a partner answers is its connector's.

pub mod compare;
pub mod discrepancy;
pub mod expect;
pub mod settings;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::id::{ConnectorId, DossierCode, RowId, UnitCode};

pub use compare::{Judgement, Wait, compare, standing};
pub use discrepancy::{Closing, Discrepancy, Filter, Kind, Move, Note, Why};
pub use expect::{Told, ToldOperation, expect, refreshed};

/// What we believe a partner has of a dossier, what it said when it was asked, and what was done about a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expectation {
    /// The connector instance.
    pub connector: ConnectorId,
    /// The dossier's canonical code: the key of its lane.
    pub key: DossierCode,
    /// The dossier.
    pub dossier: RowId,
    /// The code by which the partner knows it.
    pub asked_as: DossierCode,
    /// The unit that handles it.
    pub unit: Option<UnitCode>,
    /// What we believe.
    pub ours: Ours,
    /// The lane when this was made: another one since then makes an answer one about something else.
    pub stamp: Stamp,
    /// The dossier is not at its end.
    pub is_open: bool,
    /// An operation was open.
    pub is_waiting: bool,
    /// An attempt of the dossier's ended in doubt, or something was found on a repeat.
    pub is_doubted: bool,
    /// Everything that the partner was ever told is on record here: we created the dossier there.
    pub is_whole: bool,
    /// When it is due.
    pub due_at: Option<Timestamp>,
    /// When something about it last ended.
    pub changed_at: Timestamp,
    /// 3 unclear history, 2 near its due date, 1 long silent, 0 none of these.
    pub risk: u8,
    /// Changed since it was last asked about.
    pub is_fresh: bool,
    /// When it was last asked about.
    pub asked_at: Option<Timestamp>,
    /// The answer to this state; none: not asked, or no answer.
    pub answer: Option<Answer>,
    /// Since when it is said to be unknown there.
    pub absent_since: Option<Timestamp>,
    /// To be asked about again at this moment.
    pub again_at: Option<Timestamp>,
    /// The latest repair that nothing has confirmed yet.
    pub repair: Option<Repair>,
}

/// What we believe a partner has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ours {
    /// It has acknowledged a full state.
    pub is_acknowledged: bool,
    /// It was born there.
    pub is_born_there: bool,
    /// The status that it acknowledged last, as it was sent.
    pub status: Option<u8>,
    /// All statuses that it ever acknowledged.
    pub told: Vec<u8>,
    /// The newest version that it acknowledged.
    pub version: Option<i64>,
    /// How many steps it accepted.
    pub steps: i64,
}

/// A lane at a moment: grows with every operation planned and every claim.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The next place.
    pub place: i64,
    /// The number of the last claim.
    pub claim: i64,
}

/// What a look-up said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Whether the partner knows the dossier.
    pub is_known: bool,
    /// The status that it shows; only where configuration says where to read it.
    #[serde(default)]
    pub status: Option<u8>,
    /// Other codes that its rows name; only where configuration says where to read them.
    #[serde(default)]
    pub others: Vec<String>,
}

/// What was sent to make a difference go away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// Which difference.
    pub kind: Kind,
    /// The version that was sent.
    pub version: i64,
    /// When.
    pub at: Timestamp,
    /// The operation that carries the state, until it is known how it ended.
    pub operation: Option<RowId>,
}

/// What a run asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// What changed.
    Changed,
    /// All open dossiers.
    Open,
}

impl Reach {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Open => "open",
        }
    }
}

/// A run of the reconciliation, as it goes on and as it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its number.
    pub id: RowId,
    /// The connector.
    pub connector: ConnectorId,
    /// What it asks about.
    pub reach: Reach,
    /// The business day on which it began.
    pub day: Date,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Who asked for it; none: the clock.
    pub by: Option<String>,
    /// What it did.
    pub counts: Counts,
    /// How everything stood at its end; of runs over all open dossiers.
    pub standing: Option<Standing>,
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Questions asked that were answered.
    pub asked: i64,
    /// … that got no usable answer.
    pub failed: i64,
    /// Both sides agree.
    pub agrees: i64,
    /// The dossier moved meanwhile, or has to be asked about once more.
    pub cannot_tell: i64,
    /// Missing there.
    pub missing: i64,
    /// Behind there.
    pub behind: i64,
    /// Ahead there.
    pub ahead: i64,
    /// Unknown here.
    pub unknown_here: i64,
    /// Repairs planned.
    pub repaired: i64,
    /// Discrepancies opened.
    pub opened: i64,
    /// Discrepancies closed.
    pub closed: i64,
}

/// All expectations beside the answers to them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// All.
    pub all: i64,
    /// Both sides agree.
    pub agrees: i64,
    /// Missing there.
    pub missing: i64,
    /// Behind there.
    pub behind: i64,
    /// Ahead there.
    pub ahead: i64,
    /// An operation is open, or a second answer is waited for.
    pub cannot_tell: i64,
    /// Not asked about since it changed.
    pub not_asked: i64,
}

impl Counts {
    /// Counts a judgement.
    pub fn count(&mut self, judged: &Judgement) {
        match judged {
            Judgement::Agrees => self.agrees += 1,
            Judgement::CannotTell(_) => self.cannot_tell += 1,
            Judgement::Differs(kind) => self.differs(*kind),
        }
    }

    /// Counts a difference.
    pub fn differs(&mut self, kind: Kind) {
        match kind {
            Kind::Missing => self.missing += 1,
            Kind::Behind => self.behind += 1,
            Kind::Ahead => self.ahead += 1,
            Kind::UnknownHere => self.unknown_here += 1,
            Kind::StepsUnclear => {}
        }
    }
}

impl Standing {
    /// Counts a judgement.
    pub fn count(&mut self, judged: &Judgement) {
        self.all += 1;
        match judged {
            Judgement::Agrees => self.agrees += 1,
            Judgement::CannotTell(Wait::NotAsked) => self.not_asked += 1,
            Judgement::CannotTell(_) | Judgement::Differs(Kind::StepsUnclear | Kind::UnknownHere) => {
                self.cannot_tell += 1;
            }
            Judgement::Differs(Kind::Missing) => self.missing += 1,
            Judgement::Differs(Kind::Behind) => self.behind += 1,
            Judgement::Differs(Kind::Ahead) => self.ahead += 1,
        }
    }
}

/// Which expectations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// To be asked about once more by now, the oldest first.
    Again {
        /// Now.
        by: Timestamp,
    },
    /// Changed since they were asked about, the riskiest first.
    Changed,
    /// Open ones of this risk that were not asked about since this moment, the longest not asked first.
    Open {
        /// The risk.
        risk: u8,
        /// The moment.
        since: Timestamp,
    },
    /// With a repair under way.
    Repairing,
}
