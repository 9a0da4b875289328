//! A parcel at the post: a record beside the operations that order and cancel it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::{
    event::data::Parcel,
    id::{ConnectorId, DossierCode, OrderNumber, ParcelId, RowId, UnitCode},
};

/// Which way a parcel goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// A result goes to the citizen.
    Return,
    /// A dossier is collected from the citizen.
    Pickup,
}

impl Direction {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Return => "return",
            Self::Pickup => "pickup",
        }
    }
}

/// Where a parcel stands. Only forward, except that a later tracking record corrects an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParcelState {
    /// Asked for by the one-stop system.
    Requested = 1,
    /// The post has the order.
    Accepted = 2,
    /// It moves.
    Moving = 3,
    /// Handed over.
    Delivered = 4,
    /// Could not be handed over.
    Failed = 5,
    /// Came back to the sender.
    CameBack = 6,
    /// Cancelled, before the post had it or with the post's consent.
    Cancelled = 7,
    /// The post refused the order.
    Refused = 8,
}

impl ParcelState {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::Requested,
        Self::Accepted,
        Self::Moving,
        Self::Delivered,
        Self::Failed,
        Self::CameBack,
        Self::Cancelled,
        Self::Refused,
    ];

    /// The store's number.
    pub fn number(self) -> i16 {
        self as i16
    }

    /// The state with this number.
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.number() == number)
    }

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Accepted => "accepted",
            Self::Moving => "moving",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::CameBack => "came_back",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
        }
    }
}

/// A parcel as the store keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct ParcelRecord {
    /// Its row.
    pub row: RowId,
    /// The key of the effect.
    pub id: ParcelId,
    /// The dossier.
    pub dossier: RowId,
    /// The dossier's code.
    pub subject: DossierCode,
    /// The unit that asked.
    pub unit: Option<UnitCode>,
    /// The connector that carries it.
    pub connector: ConnectorId,
    /// Which way it goes.
    pub direction: Direction,
    /// The order number at the post.
    pub order_number: OrderNumber,
    /// Where it stands.
    pub state: ParcelState,
    /// The post's number of the item.
    pub item_code: Option<String>,
    /// The latest tracking record: time at the post.
    pub moved_at: Option<Timestamp>,
    /// The latest tracking record: the post's code and words, verbatim.
    pub last_move: Option<String>,
    /// As requested.
    pub body: Arc<Parcel>,
    /// SHA-256 of the canonical request.
    pub content_hash: [u8; 32],
    /// When it was requested.
    pub created_at: Timestamp,
    /// When the record changed last.
    pub updated_at: Timestamp,
}

/// One record of a tracking feed.
#[derive(Debug, Clone, PartialEq)]
pub struct ParcelMove {
    /// The partner's id of the record, its place in the feed.
    pub record: String,
    /// The order number it names.
    pub order_number: String,
    /// The item code it names.
    pub item_code: String,
    /// The post's status code, verbatim.
    pub status_code: i64,
    /// The post's words, verbatim.
    pub status: String,
    /// The post office.
    pub post_office: String,
    /// When, by the post's clock.
    pub at: Timestamp,
    /// The post's notes.
    pub notes: String,
    /// What the configured table makes of the code; none: carried verbatim only.
    pub means: Option<ParcelState>,
}
