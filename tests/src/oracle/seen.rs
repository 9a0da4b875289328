//! What the partners have: read off the simulators and the adapter's own account of itself.

use std::collections::BTreeMap;

use lienthong_mocks::{Suite, payments::Standing};
use serde_json::Value;

/// Everything that can be compared. Its own types, so that the oracle's tests can make any state.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// By the portal's code.
    pub portal: BTreeMap<String, PortalDossier>,
    pub references: Vec<Reference>,
    pub orders: Vec<Order>,
    /// Broken rules of the partners' contracts.
    pub violations: Vec<String>,
    /// `GET /v1/ledgers`.
    pub ledgers: Value,
}

/// A dossier at the portal.
#[derive(Debug, Clone, Default)]
pub struct PortalDossier {
    /// The last object of DongBoHoSoMC.
    pub last: Value,
    pub creates: u64,
    pub steps: Vec<Value>,
}

/// A reference at the payment platform.
#[derive(Debug, Clone, Default)]
pub struct Reference {
    pub reference: String,
    pub dossier: String,
    pub content: String,
    pub amount: u64,
    pub is_paid: bool,
}

/// An order at the post.
#[derive(Debug, Clone, Default)]
pub struct Order {
    pub number: String,
    pub sender: [String; 3],
    pub receiver: [String; 3],
    pub is_cancelled: bool,
    /// Creates with the same number and other content.
    pub conflicts: u64,
}

impl Seen {
    /// Looks at all three simulators.
    pub fn of(suite: &Suite, ledgers: Value) -> Self {
        let portal = suite.portal.dossiers().into_iter().map(|(code, known)| {
            (code, PortalDossier { last: known.last, creates: known.creates, steps: known.steps })
        });
        let references = suite.payments.references().into_iter().map(|known| Reference {
            reference: known.reference,
            dossier: known.dossier,
            content: known.content,
            amount: known.amount,
            is_paid: known.standing == Standing::Paid,
        });
        let orders = suite.post.orders().into_iter().map(|known| Order {
            sender: ["SenderName", "SenderTel", "SenderAddress"]
                .map(|field| super::dossier::text(&known.order, field)),
            receiver: ["ReceiverName", "ReceiverTel", "ReceiverAddress"]
                .map(|field| super::dossier::text(&known.order, field)),
            number: known.order_number,
            is_cancelled: known.is_cancelled,
            conflicts: known.conflicts,
        });
        Self {
            portal: portal.collect(),
            references: references.collect(),
            orders: orders.collect(),
            violations: suite.violations(),
            ledgers,
        }
    }
}
