//! The names of the contract's events, what each requires in its data, and which portal status it means.

use serde_json::Value;

use crate::{
    event::data::{
        DossierData, FeeCancelledData, FeeRequestedData, PaidAtDeskData, ParcelCancelledData, ParcelData,
        QuestionData, ReceiptCancelledData, RefundRequestedData, RefundedData, ResultData, SurveyData,
    },
    plan::rules::{PartnerKind, StatusRules},
    status::PortalStatus,
};

macro_rules! names {
    ($($(#[$doc:meta])* $variant:ident = $name:literal requires $required:expr;)+) => {
        /// The name of an event: the middle of `vn.motcua.<name>.v1`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventName { $($(#[$doc])* $variant),+ }

        impl EventName {
            /// All names, in the contract's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name as in the type.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// Fields of `data` without which the event says nothing.
            pub fn required(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &$required),+ }
            }
        }
    };
}

names! {
    /// Go-live day: the dossier was begun in another system.
    Adopted = "dossier.adopted" requires ["dossier", "status", "on_portal"];
    /// 1 newly registered
    Submitted = "dossier.submitted" requires ["dossier"];
    /// 2 received
    Received = "dossier.received" requires ["dossier", "step"];
    /// 3 not accepted
    Rejected = "dossier.rejected" requires ["step"];
    /// 4 in process
    Processing = "dossier.processing" requires ["step"];
    /// 5 supplement requested
    SupplementRequested = "dossier.supplement_requested" requires ["step", "supplement"];
    /// 4 again
    Supplemented = "dossier.supplemented" requires ["step", "supplement"];
    /// as configured
    SupplementExpired = "dossier.supplement_expired" requires ["step", "supplement"];
    /// 6 financial obligation
    FeeRequestedStep = "dossier.fee_requested" requires ["step"];
    /// 7 withdrawn by the citizen
    Withdrawn = "dossier.withdrawn" requires ["step"];
    /// 8 stopped
    Stopped = "dossier.stopped" requires ["step"];
    /// 8 or 9 by configuration
    Refused = "dossier.refused" requires ["step", "refusal"];
    /// 4, rests
    Paused = "dossier.paused" requires ["step", "reason"];
    /// 4, goes on
    Resumed = "dossier.resumed" requires ["step"];
    /// unchanged, later due
    Extended = "dossier.extended" requires ["step", "due_new"];
    /// 4, another unit
    Transferred = "dossier.transferred" requires ["step", "to_unit"];
    /// 9 finished
    Finished = "dossier.finished" requires ["step"];
    /// 10 handed over
    Returned = "dossier.returned" requires ["step"];
    /// stated
    Reopened = "dossier.reopened" requires ["undoes", "status"];
    /// unchanged, or as stated
    Corrected = "dossier.corrected" requires ["dossier"];
    /// by configuration, after a person confirms
    Voided = "dossier.voided" requires ["reason"];
    /// results sent again
    ResultCorrected = "result.corrected" requires ["result_id", "result"];
    /// results sent again
    ResultRevoked = "result.revoked" requires ["result_id"];
    /// a payment is to be made
    FeeRequested = "fee.requested" requires ["payment"];
    /// it is not
    FeeCancelled = "fee.cancelled" requires ["payment_id"];
    /// it was made at the desk
    PaidAtDesk = "fee.paid_at_desk" requires ["amount", "paid_at", "method"];
    /// money is to go back
    RefundRequested = "fee.refund_requested" requires ["payment_id", "amount"];
    /// money went back
    Refunded = "fee.refunded" requires ["payment_id", "amount", "at"];
    /// a receipt is void
    ReceiptCancelled = "receipt.cancelled" requires ["payment_id", "number"];
    /// a result goes by post
    ReturnRequested = "post.return_requested" requires ["parcel"];
    /// a dossier is to be collected
    PickupRequested = "post.pickup_requested" requires ["parcel"];
    /// it is not
    PostCancelled = "post.cancelled" requires ["parcel_id"];
    /// satisfaction
    SurveyAnswered = "survey.answered" requires ["question_id", "score", "unit"];
    /// an answer to a question from the portal
    QuestionAnswered = "question.answered" requires ["question_id", "at", "content"];
}

impl EventName {
    /// The name in a CloudEvents type, if it is one of the contract's.
    pub fn from_type(event_type: &str) -> Option<Self> {
        let name = event_type.strip_prefix("vn.motcua.")?.strip_suffix(".v1")?;
        Self::ALL.iter().copied().find(|n| n.as_str() == name)
    }

    /// The partner that what follows from it goes to, most of all.
    pub fn partner(self) -> PartnerKind {
        match self {
            Self::FeeRequested | Self::FeeCancelled => PartnerKind::Payment,
            Self::ReturnRequested | Self::PickupRequested | Self::PostCancelled => PartnerKind::Post,
            _ => PartnerKind::Portal,
        }
    }

    /// The CloudEvents type.
    pub fn event_type(self) -> String {
        format!("vn.motcua.{}.v1", self.as_str())
    }

    /// Whether the subject may be a unit's code instead of a dossier's.
    pub fn allows_unit_subject(self) -> bool {
        matches!(self, Self::SurveyAnswered | Self::QuestionAnswered)
    }

    /// The portal status that the event means; `stated`: what its data says, where the event states it.
    pub fn portal_status(self, stated: Option<PortalStatus>, rules: &StatusRules) -> Option<PortalStatus> {
        use PortalStatus as S;
        match self {
            Self::Adopted | Self::Reopened | Self::Corrected => stated,
            Self::Submitted => Some(S::Registered),
            Self::Received => Some(S::Received),
            Self::Rejected => Some(S::Rejected),
            Self::Processing | Self::Supplemented | Self::Paused | Self::Resumed | Self::Transferred => {
                Some(S::Processing)
            }
            Self::SupplementRequested => Some(S::SupplementRequested),
            Self::SupplementExpired => rules.supplement_expired,
            Self::FeeRequestedStep => Some(S::FeeRequested),
            Self::Withdrawn => Some(S::Withdrawn),
            Self::Stopped => Some(S::Stopped),
            Self::Refused => Some(rules.refused),
            Self::Finished => Some(S::Finished),
            Self::Returned => Some(S::Returned),
            Self::Voided => Some(rules.voided),
            Self::Extended
            | Self::ResultCorrected
            | Self::ResultRevoked
            | Self::FeeRequested
            | Self::FeeCancelled
            | Self::PaidAtDesk
            | Self::RefundRequested
            | Self::Refunded
            | Self::ReceiptCancelled
            | Self::ReturnRequested
            | Self::PickupRequested
            | Self::PostCancelled
            | Self::SurveyAnswered
            | Self::QuestionAnswered => None,
        }
    }
}

/// The typed data of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum EventData {
    /// `dossier.*`
    Dossier(Box<DossierData>),
    /// `result.*`
    Result(ResultData),
    /// `fee.requested`
    FeeRequested(Box<FeeRequestedData>),
    /// `fee.cancelled`
    FeeCancelled(FeeCancelledData),
    /// `fee.paid_at_desk`
    PaidAtDesk(PaidAtDeskData),
    /// `fee.refund_requested`
    RefundRequested(RefundRequestedData),
    /// `fee.refunded`
    Refunded(RefundedData),
    /// `receipt.cancelled`
    ReceiptCancelled(ReceiptCancelledData),
    /// `post.return_requested`, `post.pickup_requested`
    Parcel(Box<ParcelData>),
    /// `post.cancelled`
    ParcelCancelled(ParcelCancelledData),
    /// `survey.answered`
    Survey(SurveyData),
    /// `question.answered`
    Question(QuestionData),
}

/// A field that is not what the type wants: JSON pointer below `data`, and serde's words.
pub(super) type Misfit = (String, String);

impl EventData {
    /// Reads the data of an event.
    pub(super) fn read(name: EventName, value: &Value) -> Result<Self, Misfit> {
        use EventName as N;
        Ok(match name {
            N::ResultCorrected | N::ResultRevoked => Self::Result(typed(value)?),
            N::FeeRequested => Self::FeeRequested(Box::new(typed(value)?)),
            N::FeeCancelled => Self::FeeCancelled(typed(value)?),
            N::PaidAtDesk => Self::PaidAtDesk(typed(value)?),
            N::RefundRequested => Self::RefundRequested(typed(value)?),
            N::Refunded => Self::Refunded(typed(value)?),
            N::ReceiptCancelled => Self::ReceiptCancelled(typed(value)?),
            N::ReturnRequested | N::PickupRequested => Self::Parcel(Box::new(typed(value)?)),
            N::PostCancelled => Self::ParcelCancelled(typed(value)?),
            N::SurveyAnswered => Self::Survey(typed(value)?),
            N::QuestionAnswered => Self::Question(typed(value)?),
            N::Adopted
            | N::Submitted
            | N::Received
            | N::Rejected
            | N::Processing
            | N::SupplementRequested
            | N::Supplemented
            | N::SupplementExpired
            | N::FeeRequestedStep
            | N::Withdrawn
            | N::Stopped
            | N::Refused
            | N::Paused
            | N::Resumed
            | N::Extended
            | N::Transferred
            | N::Finished
            | N::Returned
            | N::Reopened
            | N::Corrected
            | N::Voided => Self::Dossier(Box::new(typed(value)?)),
        })
    }
}

/// Fields that hold an object. A derived parser would also take an array for one (its fields in order), which no
/// schema means.
const OBJECTS: [&str; 24] = [
    "account",
    "apology",
    "applicant",
    "beneficiary",
    "dossier",
    "exempt",
    "from_unit",
    "id",
    "identity",
    "parcel",
    "payer",
    "payment",
    "procedure",
    "receipt",
    "received_at_unit",
    "recipient",
    "refusal",
    "result",
    "sender",
    "step",
    "submitter",
    "supplement",
    "tax",
    "to_unit",
];

/// Whether there is such an array anywhere: asked of every event, so without putting paths together.
fn has_array_for_object(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, inner)| {
            let is_wrong = inner.is_array() && (OBJECTS.contains(&key.as_str()) || key == "unit");
            is_wrong || has_array_for_object(inner)
        }),
        Value::Array(items) => items.iter().any(|inner| inner.is_array() || has_array_for_object(inner)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn array_for_object(value: &Value, path: &str) -> Option<String> {
    match value {
        Value::Object(map) => map.iter().find_map(|(key, inner)| {
            let path = format!("{path}/{key}");
            let is_wrong = inner.is_array() && (OBJECTS.contains(&key.as_str()) || key == "unit");
            if is_wrong { Some(path) } else { array_for_object(inner, &path) }
        }),
        Value::Array(items) => items.iter().enumerate().find_map(|(at, inner)| {
            let path = format!("{path}/{at}");
            if inner.is_array() { Some(path) } else { array_for_object(inner, &path) }
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// A typed value, or where it does not fit and what was expected there.
pub(crate) fn typed<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, Misfit> {
    if has_array_for_object(value) {
        let path = array_for_object(value, "").unwrap_or_default();
        return Err((path, "một đối tượng JSON, không phải mảng".to_owned()));
    }
    fitting(value)
}

/// The same of what we wrote ourselves, where lists may stand within lists.
pub(crate) fn fitting<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, Misfit> {
    // Keeping track of the place costs as much as reading; nearly everything fits.
    if let Ok(fits) = T::deserialize(value) {
        return Ok(fits);
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        use serde_path_to_error::Segment as S;
        let segments = error.path().iter().filter_map(|segment| match segment {
            S::Seq { index } => Some(format!("/{index}")),
            S::Map { key } => Some(format!("/{key}")),
            S::Enum { variant } => Some(format!("/{variant}")),
            S::Unknown => None,
        });
        let path: String = segments.collect();
        (path, error.inner().to_string())
    })
}
