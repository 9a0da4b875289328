//! What the morning sheet asks of a store: figures by unit and the dossiers behind them, from the facts of the index and
//! from lanes that do not move; and sheets that are kept as they were.

use async_trait::async_trait;
use jiff::civil::Date;

use crate::{
    id::{ConnectorId, RowId, UnitCode},
    index::{facts::Facts, tally::FactRow},
    port::store::StoreError,
    sheet::{Line, Window},
};

/// Which moments decide.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SheetAsk {
    /// Those of the usual hours.
    pub usual: Window,
    /// Those of units with other hours; `today` and `now` are the same everywhere.
    pub units: Vec<(UnitCode, Window)>,
    /// Connectors that send nothing, and since when, microseconds.
    pub shut: Vec<(ConnectorId, i64)>,
}

impl SheetAsk {
    /// The moments of a unit.
    pub fn window(&self, unit: Option<&UnitCode>) -> Window {
        let own = self.units.iter().find(|(code, _)| Some(code) == unit);
        own.map_or(self.usual, |(_, window)| *window)
    }
}

/// Which of a unit's dossiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnSheet {
    /// In work and due within these seconds, the end not among them; the earliest first.
    Due {
        /// From here.
        from: i64,
        /// Before this.
        until: i64,
    },
    /// Waiting for the citizen, the longest first.
    Waiting,
    /// Received within these seconds, both among them; the latest first.
    Received {
        /// From here.
        from: i64,
        /// Until here.
        until: i64,
    },
}

/// A lane of a dossier that does not move: it is held or stuck, or its partner is sent nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedLane {
    /// The lane.
    pub lane: RowId,
    /// The dossier's code.
    pub dossier: String,
    /// Its unit; empty: not known.
    pub unit: String,
    /// The connector.
    pub connector: String,
    /// Since when, in seconds since 1970.
    pub since: i64,
    /// The head's cause.
    pub cause: Option<String>,
    /// What the index knows of the dossier.
    pub facts: Option<Facts>,
}

/// The morning sheet's part of a store.
#[async_trait]
pub trait SheetStore: Send + Sync {
    /// The figures of every unit that has any, by unit; without what was lost.
    async fn sheet_lines(&self, ask: &SheetAsk) -> Result<Vec<Line>, StoreError>;

    /// A unit's dossiers, at most so many. `unit`: its code; empty: those of which no unit is known.
    async fn sheet_facts(&self, unit: &str, wanted: OnSheet, limit: i64) -> Result<Vec<FactRow>, StoreError>;

    /// Lanes that do not move, of one unit or of all, at most so many of each; by unit, the longest first.
    async fn blocked_lanes(
        &self,
        ask: &SheetAsk,
        unit: Option<&str>,
        limit: i64,
    ) -> Result<Vec<BlockedLane>, StoreError>;

    /// Keeps sheets of a day by unit (empty: the province), in the place of earlier ones; those of days before `oldest` go.
    async fn keep_sheets(
        &self,
        day: Date,
        sheets: &[(String, String)],
        oldest: Date,
    ) -> Result<(), StoreError>;

    /// A sheet as it was kept.
    async fn kept_sheet(&self, day: Date, unit: &str) -> Result<Option<String>, StoreError>;

    /// The days of which the province's sheet is kept, the latest first.
    async fn sheet_days(&self) -> Result<Vec<Date>, StoreError>;
}
