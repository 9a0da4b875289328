//! A payment: a record with references, not an operation. Its state only moves forward; paid beats failed and expired.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::{
    event::data::Payment,
    id::{ConnectorId, DossierCode, PaymentId, Reference, RowId, UnitCode},
};

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// Asked for; may have a payable reference.
    Open = 1,
    /// The platform refused it or says that it failed.
    Failed = 2,
    /// Its time ran out.
    Expired = 3,
    /// Taken back by the one-stop system.
    Cancelled = 4,
    /// Paid at the desk, as the one-stop system states.
    PaidAtDesk = 5,
    /// Paid online, as we verified.
    Paid = 6,
    /// More money came than is due: a person has to give it back.
    NeedsRefund = 7,
    /// Given back.
    Refunded = 8,
}

impl PaymentState {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::Open,
        Self::Failed,
        Self::Expired,
        Self::Cancelled,
        Self::PaidAtDesk,
        Self::Paid,
        Self::NeedsRefund,
        Self::Refunded,
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
            Self::Open => "open",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::PaidAtDesk => "paid_at_desk",
            Self::Paid => "paid",
            Self::NeedsRefund => "needs_refund",
            Self::Refunded => "refunded",
        }
    }

    /// Whether money has been received for it.
    pub fn has_money(self) -> bool {
        matches!(self, Self::PaidAtDesk | Self::Paid | Self::NeedsRefund)
    }
}

/// Where one opening stands at its platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferenceState {
    /// Not with the platform yet, or unknown.
    Planned = 1,
    /// Open at the platform: somebody may pay it.
    Live = 2,
    /// Paid.
    Paid = 3,
    /// Known dead: refused, failed, annulled before it was sent. Still watched.
    Dead = 4,
}

impl ReferenceState {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Planned, Self::Live, Self::Paid, Self::Dead];

    /// The store's number.
    pub fn number(self) -> i16 {
        self as i16
    }

    /// The state with this number.
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.number() == number)
    }
}

/// One opening of a payment at a platform.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceRecord {
    /// Our reference, unique per connector.
    pub reference: Reference,
    /// The connector.
    pub connector: ConnectorId,
    /// Where it stands.
    pub state: ReferenceState,
    /// The `yyyyMMddHHmmss` that the platform was told; asked about byte for byte.
    pub sent_at: String,
    /// Where the citizen pays.
    pub pay_url: Option<String>,
    /// The platform's number of the transaction.
    pub platform_ref: Option<String>,
    /// When it was paid, by the platform.
    pub paid_at: Option<Timestamp>,
    /// How much was paid.
    pub paid_amount: Option<i64>,
    /// When the sweep asked last.
    pub asked_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A payment as the store keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct PaymentRecord {
    /// Its row.
    pub row: RowId,
    /// The key of the effect across all event types.
    pub id: PaymentId,
    /// The dossier.
    pub dossier: RowId,
    /// The dossier's code.
    pub subject: DossierCode,
    /// The unit that asked.
    pub unit: Option<UnitCode>,
    /// The platform that serves it.
    pub connector: ConnectorId,
    /// Due, in đồng.
    pub amount: i64,
    /// Where it stands.
    pub state: PaymentState,
    /// As requested, beneficiary resolved.
    pub body: Arc<Payment>,
    /// SHA-256 of the canonical request.
    pub content_hash: [u8; 32],
    /// Every opening, oldest first.
    pub references: Vec<ReferenceRecord>,
    /// When it was requested.
    pub created_at: Timestamp,
    /// When the record changed last.
    pub updated_at: Timestamp,
}

/// What a platform told us about one reference, by a verified callback, a query or a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tiding {
    /// Our reference.
    pub reference: Reference,
    /// The platform's number of the transaction; part of the callback's identity.
    pub platform_ref: String,
    /// What happened.
    pub news: News,
    /// How we know: `callback`, `query`, `statement`.
    pub by: &'static str,
}

/// What happened to a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The citizen paid this much, at this time.
    Paid {
        /// In đồng, as the platform says.
        amount: i64,
        /// By the platform's clock.
        at: Timestamp,
    },
    /// It failed: nobody can pay it any more.
    Failed {
        /// The platform's code, verbatim.
        code: String,
    },
    /// Still open.
    Pending,
}
