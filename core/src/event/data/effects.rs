//! What is to happen outside: payments and parcels, with their parties and receipts.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LineKind, Purpose, or_default};
use crate::{
    id::{ParcelId, PaymentId},
    money::Dong,
};

/// A line of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct PaymentLine {
    /// The dossier's fee that it pays.
    pub fee_id: Option<String>,
    /// What it is.
    pub kind: LineKind,
    /// Its code.
    #[serde(default, deserialize_with = "or_default")]
    pub code: String,
    /// Its name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Whole đồng.
    pub amount: Dong,
}

/// Who pays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct Payer {
    /// Name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Identity or tax number.
    #[serde(deserialize_with = "or_default")]
    pub id_number: String,
    /// Address.
    #[serde(deserialize_with = "or_default")]
    pub address: String,
    /// Province.
    pub province: Option<String>,
    /// District, where there is one.
    pub district: Option<String>,
    /// Ward.
    pub ward: Option<String>,
    /// Phone.
    #[serde(deserialize_with = "or_default")]
    pub phone: String,
}

/// An account that receives money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Account {
    /// Number.
    pub account: String,
    /// The bank's BIN.
    #[serde(default, deserialize_with = "or_default")]
    pub bank_bin: String,
    /// The bank's code.
    #[serde(default, deserialize_with = "or_default")]
    pub bank_code: String,
    /// Holder.
    #[serde(default, deserialize_with = "or_default")]
    pub holder: String,
}

/// What a tax payment needs beside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct TaxDetail {
    /// Number of the notice.
    #[serde(deserialize_with = "or_default")]
    pub notice_no: String,
    /// Account at the treasury.
    #[serde(deserialize_with = "or_default")]
    pub treasury_account: String,
    /// Chapter.
    #[serde(deserialize_with = "or_default")]
    pub chapter: String,
    /// Sub-item.
    #[serde(deserialize_with = "or_default")]
    pub sub_item: String,
    /// Tax authority.
    #[serde(deserialize_with = "or_default")]
    pub authority: String,
}

/// A payment that is to be made online.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Payment {
    /// The key of the effect across all event types.
    pub id: PaymentId,
    /// What for.
    pub purpose: Purpose,
    /// Lines; their sum is due, and more than 0.
    #[schemars(length(min = 1))]
    pub lines: Vec<PaymentLine>,
    /// Who pays.
    #[serde(default, deserialize_with = "or_default")]
    pub payer: Payer,
    /// Name of an entry of the approved list.
    pub beneficiary_code: Option<String>,
    /// The account itself; must equal an approved one.
    pub beneficiary: Option<Account>,
    /// The platform wished for.
    pub platform: Option<String>,
    /// For display.
    #[serde(default, deserialize_with = "or_default")]
    pub description: String,
    /// Not payable after this.
    pub expires_at: Option<Timestamp>,
    /// For taxes.
    pub tax: Option<TaxDetail>,
}

/// One end of a parcel's way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct Party {
    /// Name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Phone.
    #[serde(deserialize_with = "or_default")]
    pub phone: String,
    /// Street address.
    #[serde(deserialize_with = "or_default")]
    pub address: String,
    /// Province code of the statistics office.
    #[serde(deserialize_with = "or_default")]
    pub province_code: String,
    /// Ward code of the statistics office.
    #[serde(deserialize_with = "or_default")]
    pub ward_code: String,
    /// District code, where there still is one.
    pub district_code: Option<String>,
    /// E-mail.
    pub email: Option<String>,
}

/// A parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Parcel {
    /// The key of the effect.
    pub id: ParcelId,
    /// Who gets it (returns).
    pub recipient: Option<Party>,
    /// Who gives it (pick-ups).
    pub sender: Option<Party>,
    /// What is in it.
    #[serde(default, deserialize_with = "or_default")]
    pub contents: String,
    /// A note for the post.
    #[serde(default, deserialize_with = "or_default")]
    pub note: String,
    /// To be collected on delivery, whole đồng.
    #[serde(default)]
    pub cod_amount: Dong,
    /// The desk that hands it over.
    pub desk_unit: Option<String>,
    /// When to collect.
    pub collect_between: Option<Vec<Timestamp>>,
}

/// A receipt (biên lai).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct Receipt {
    /// Series.
    #[serde(deserialize_with = "or_default")]
    pub series: String,
    /// Number.
    #[serde(deserialize_with = "or_default")]
    pub number: String,
    /// Issued.
    pub issued_at: Option<Timestamp>,
    /// Where.
    pub url: Option<String>,
}

/// A bank account of a citizen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct RefundAccount {
    /// The bank's code.
    #[serde(deserialize_with = "or_default")]
    pub bank_code: String,
    /// Number.
    #[serde(deserialize_with = "or_default")]
    pub number: String,
    /// Holder.
    #[serde(deserialize_with = "or_default")]
    pub holder: String,
}
