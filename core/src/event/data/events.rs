//! The data of each event.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    DeskMethod, Dossier, OnPortal, Parcel, Payment, PaymentLine, Receipt, RefundAccount, ResultPaper,
    SignedPaper, Snapshot, Step, Supplement, Undoes, Unit, or_default,
};
use crate::{
    id::{ParcelId, PaymentId, UnitCode},
    money::Dong,
    status::PortalStatus,
};

/// `dossier.*` events: which fields each requires is said by its schema and checked in `event/names.rs`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DossierData {
    /// Whether `dossier` is the whole of it. Absent: partial.
    pub snapshot: Option<Snapshot>,
    /// The dossier.
    pub dossier: Option<Dossier>,
    /// The progress entry.
    pub step: Option<Step>,
    /// Progress entries (adopted).
    #[serde(deserialize_with = "or_default")]
    pub steps: Vec<Step>,
    /// The supplement.
    pub supplement: Option<Supplement>,
    /// The payment (fee requested).
    pub payment: Option<Payment>,
    /// A payment requested before (fee requested).
    pub payment_id: Option<PaymentId>,
    /// The written refusal.
    pub refusal: Option<SignedPaper>,
    /// Why; for pauses one of tax, court, other_agency, other.
    pub reason: Option<String>,
    /// Until when it rests.
    pub until: Option<Timestamp>,
    /// The due time before an extension.
    pub due_original: Option<Timestamp>,
    /// The due time after it.
    pub due_new: Option<Timestamp>,
    /// The letter of apology.
    pub apology: Option<SignedPaper>,
    /// Which extension this is.
    pub nth: Option<i64>,
    /// Transferred from.
    pub from_unit: Option<Unit>,
    /// Transferred to.
    pub to_unit: Option<Unit>,
    /// When it is due back.
    pub due_back_at: Option<Timestamp>,
    /// What a reopening undoes.
    pub undoes: Option<Undoes>,
    /// The portal status, where the event states it.
    pub status: Option<PortalStatus>,
    /// Adopted: whether it is on the portal.
    pub on_portal: Option<OnPortal>,
    /// Adopted: steps up to this moment were sent by the former system.
    pub steps_sent_until: Option<Timestamp>,
    /// Adopted: payments still open.
    #[serde(deserialize_with = "or_default")]
    pub open_payments: Vec<Payment>,
    /// Adopted: parcels still under way.
    #[serde(deserialize_with = "or_default")]
    pub open_parcels: Vec<Parcel>,
}

/// `result.*` events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResultData {
    /// Which result.
    pub result_id: String,
    /// What it is now.
    pub result: Option<ResultPaper>,
    /// What replaces it.
    pub replaced_by: Option<String>,
    /// The decision.
    pub decision: Option<String>,
}

/// `fee.requested`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FeeRequestedData {
    /// The payment.
    pub payment: Payment,
}

/// `fee.cancelled`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FeeCancelledData {
    /// Which payment.
    pub payment_id: PaymentId,
    /// Why.
    #[serde(default, deserialize_with = "or_default")]
    pub reason: String,
}

/// `fee.paid_at_desk`: `payment_id` or `lines` says what was paid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaidAtDeskData {
    /// Which payment.
    pub payment_id: Option<PaymentId>,
    /// What was paid.
    #[serde(default, deserialize_with = "or_default")]
    pub lines: Vec<PaymentLine>,
    /// Whole đồng.
    pub amount: Dong,
    /// When.
    pub paid_at: Timestamp,
    /// How.
    pub method: DeskMethod,
    /// Who took it.
    #[serde(default, deserialize_with = "or_default")]
    pub cashier: String,
    /// The receipt given.
    pub receipt: Option<Receipt>,
}

/// `fee.refund_requested`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RefundRequestedData {
    /// Which payment.
    pub payment_id: PaymentId,
    /// Whole đồng.
    pub amount: Dong,
    /// Why.
    #[serde(default, deserialize_with = "or_default")]
    pub reason: String,
    /// Where to.
    pub account: Option<RefundAccount>,
}

/// `fee.refunded`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RefundedData {
    /// Which payment.
    pub payment_id: PaymentId,
    /// Whole đồng.
    pub amount: Dong,
    /// When.
    pub at: Timestamp,
    /// How.
    #[serde(default, deserialize_with = "or_default")]
    pub method: String,
    /// The bank's reference.
    #[serde(default, deserialize_with = "or_default")]
    pub reference: String,
    /// Who.
    #[serde(default, deserialize_with = "or_default")]
    pub by: String,
}

/// `receipt.cancelled`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiptCancelledData {
    /// Which payment.
    pub payment_id: PaymentId,
    /// Number of the receipt.
    pub number: String,
    /// Why.
    #[serde(default, deserialize_with = "or_default")]
    pub reason: String,
}

/// `post.return_requested`, `post.pickup_requested`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ParcelData {
    /// The parcel.
    pub parcel: Parcel,
}

/// `post.cancelled`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ParcelCancelledData {
    /// Which parcel.
    pub parcel_id: ParcelId,
    /// Why.
    #[serde(default, deserialize_with = "or_default")]
    pub reason: String,
}

/// `survey.answered`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SurveyData {
    /// Which question.
    pub question_id: String,
    /// Its text.
    #[serde(default, deserialize_with = "or_default")]
    pub question: String,
    /// 1 to 5.
    #[schemars(range(min = 1, max = 5))]
    pub score: u8,
    /// A comment.
    pub comment: Option<String>,
    /// The unit.
    pub unit: UnitCode,
}

/// `question.answered`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct QuestionData {
    /// Which question.
    pub question_id: String,
    /// Who answered.
    #[serde(default, deserialize_with = "or_default")]
    pub answered_by: String,
    /// That person's title.
    #[serde(default, deserialize_with = "or_default")]
    pub title: String,
    /// When.
    pub at: Timestamp,
    /// The answer; not empty.
    #[schemars(length(min = 1))]
    pub content: String,
}
