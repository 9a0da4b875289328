//! VNPost's messages exactly as documented (docs/partners/vnpost.md, 1.2-1.6, flavour V1), names untouched.
#![expect(non_snake_case, reason = "the partner's own names")]

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

/// The answer of the token service. Secret: no `Debug`.
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    pub(super) access_token: String,
    pub(super) token_type: Option<String>,
    /// Seconds.
    pub(super) expires_in: Option<i64>,
}

/// An order: one object for both directions; who is sender and who is receiver says which.
#[derive(Serialize)]
pub(super) struct Order {
    /// Code that the post gave the agency.
    pub(super) CustomerCode: String,
    /// Our number of the order: the only key that both sides keep.
    pub(super) OrderNumber: String,
    /// To be collected on delivery, đồng; a number.
    pub(super) CODAmount: i64,
    /// The post's own province code.
    pub(super) SenderProvince: i64,
    /// The post's own district code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) SenderDistrict: Option<i64>,
    pub(super) SenderAddress: String,
    pub(super) SenderName: String,
    pub(super) SenderEmail: String,
    pub(super) SenderTel: String,
    /// What is in it.
    pub(super) SenderDesc: String,
    /// A note.
    pub(super) Description: String,
    pub(super) ReceiverName: String,
    pub(super) ReceiverAddress: String,
    pub(super) ReceiverTel: String,
    /// The post's own province code.
    pub(super) ReceiverProvince: i64,
    /// The post's own district code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ReceiverDistrict: Option<i64>,
    pub(super) ReceiverEmail: String,
}

/// The answer to an order and to its cancellation.
#[derive(Deserialize)]
pub(super) struct Answered {
    /// 100 = accepted; a number, a text in other flavours.
    pub(super) Status: Option<Value>,
    /// In words.
    pub(super) Message: Option<Value>,
}

/// A page of the tracking feed (RESTHeart over MongoDB).
#[derive(Deserialize)]
pub(super) struct Page {
    /// Absent or null: nothing new.
    #[serde(rename = "_embedded")]
    pub(super) embedded: Option<Embedded>,
    /// Of a page: all three counters are there.
    #[serde(rename = "_returned")]
    pub(super) returned: Option<Value>,
    #[serde(rename = "_size")]
    pub(super) size: Option<Value>,
}

/// `_embedded`.
#[derive(Deserialize)]
pub(super) struct Embedded {
    /// Each read by itself, so that a bad one does not stop the others.
    #[serde(rename = "rh:doc", default)]
    pub(super) docs: Option<Vec<Box<RawValue>>>,
}

/// A tracking record.
#[derive(Deserialize)]
pub(super) struct Record {
    #[serde(rename = "_id")]
    pub(super) id: Id,
    pub(super) OrderNumber: Value,
    /// Since 1970, in the unit that the configuration names.
    pub(super) EventTime: Value,
    /// Post office.
    pub(super) POSID: Option<Value>,
    /// Parcel number.
    pub(super) ItemCode: Option<Value>,
    /// Only 4 = delivered is evidenced.
    pub(super) StatusCode: Value,
    pub(super) StatusMessage: Option<Value>,
    pub(super) Notes: Option<Value>,
}

/// What of a record is needed to go on behind it.
#[derive(Deserialize)]
pub(super) struct Stub {
    #[serde(rename = "_id")]
    pub(super) id: Id,
}

/// A MongoDB id.
#[derive(Deserialize)]
pub(super) struct Id {
    /// 24 hex digits: the cursor.
    #[serde(rename = "$oid")]
    pub(super) oid: String,
}
