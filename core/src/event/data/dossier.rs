//! A dossier and its parts: applicant, documents, fees, steps, supplements.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ApplicantKind, Channel, CollectedOn, FeeKind, IdKind, Origin, PaidOnline, PaperKind, Relation, ReturnBy,
    Reused, or_default,
};
use crate::{
    id::{DossierCode, UnitCode},
    money::Dong,
    status::PortalStatus,
};

/// A procedure of the national database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct Procedure {
    /// National code, e.g. `1.001193`, or a local code that the mapping table knows.
    #[serde(deserialize_with = "or_default")]
    pub code: String,
    /// Its name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Code of its field (lĩnh vực).
    #[serde(deserialize_with = "or_default")]
    pub field_code: String,
    /// Name of its field.
    #[serde(deserialize_with = "or_default")]
    pub field_name: String,
    /// Code of the public service (dịch vụ công).
    pub service_code: Option<String>,
    /// Name of the public service.
    pub service_name: Option<String>,
}

/// A unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Unit {
    /// Its code.
    pub code: UnitCode,
    /// Its name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
}

/// An identity number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Identity {
    /// What it is.
    pub kind: IdKind,
    /// The number.
    #[serde(default, deserialize_with = "or_default")]
    pub number: String,
}

/// A person, business or agency.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct Applicant {
    /// What it is.
    pub kind: Option<ApplicantKind>,
    /// Name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Identity number.
    pub id: Option<Identity>,
    /// Phone.
    #[serde(deserialize_with = "or_default")]
    pub phone: String,
    /// E-mail.
    #[serde(deserialize_with = "or_default")]
    pub email: String,
    /// Address.
    #[serde(deserialize_with = "or_default")]
    pub address: String,
    /// Account on the national portal (TechID).
    #[serde(deserialize_with = "or_default")]
    pub portal_account: String,
    /// Whether that account was verified with VNeID.
    #[serde(deserialize_with = "or_default")]
    pub vneid_verified: bool,
}

/// A further applicant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct FurtherApplicant {
    /// Its key within the dossier; merges go by it.
    pub id: String,
    /// Removes it.
    #[serde(default, deserialize_with = "or_default")]
    pub deleted: bool,
    /// What it is.
    pub kind: Option<ApplicantKind>,
    /// Name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Identity number.
    pub identity: Option<Identity>,
}

/// Why a fee is not due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Exemption {
    /// Why.
    #[serde(default, deserialize_with = "or_default")]
    pub reason: String,
    /// By which rule.
    #[serde(default, deserialize_with = "or_default")]
    pub legal_basis: String,
    /// What would be due.
    #[serde(default)]
    pub full_amount: Dong,
}

/// A fee or charge of the dossier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Fee {
    /// Its key within the dossier.
    pub id: String,
    /// Removes it.
    #[serde(default, deserialize_with = "or_default")]
    pub deleted: bool,
    /// Phí or lệ phí.
    pub kind: Option<FeeKind>,
    /// Its code.
    #[serde(default, deserialize_with = "or_default")]
    pub code: String,
    /// Its name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Due, whole đồng.
    #[serde(default)]
    pub amount: Dong,
    /// When it is collected.
    pub collected_on: Option<CollectedOn>,
    /// Why it is not due.
    pub exempt: Option<Exemption>,
    /// Paid past us, by the source's word; what we know of payments of ours goes before it.
    #[serde(default, deserialize_with = "or_default")]
    pub paid_elsewhere: bool,
}

/// A document handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Document {
    /// Its key within the dossier.
    pub id: String,
    /// Withdrawn: stays visible to the portal as deleted.
    #[serde(default, deserialize_with = "or_default")]
    pub deleted: bool,
    /// File name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Code of the dossier component (MAGIAYTO).
    #[serde(default, deserialize_with = "or_default")]
    pub component_code: String,
    /// Where the portal can fetch it.
    #[serde(default, deserialize_with = "or_default")]
    pub url: String,
    /// Whether it was digitised.
    #[serde(default, deserialize_with = "or_default")]
    pub digitised: bool,
    /// Whether it was reused.
    pub reused: Option<Reused>,
    /// Whether it came from the national personal document store.
    #[serde(default, deserialize_with = "or_default")]
    pub from_national_store: bool,
    /// The code of the result that it replaces.
    pub replaces_result_code: Option<String>,
}

/// A paper handed in without a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Paper {
    /// Its key within the dossier.
    pub id: String,
    /// Removes it.
    #[serde(default, deserialize_with = "or_default")]
    pub deleted: bool,
    /// Name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Code of the dossier component.
    #[serde(default, deserialize_with = "or_default")]
    pub component_code: String,
    /// How many.
    #[serde(default, deserialize_with = "or_default")]
    pub quantity: u32,
    /// What it is.
    pub kind: Option<PaperKind>,
}

/// A result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct ResultPaper {
    /// Its key within the dossier.
    pub id: String,
    /// Removes it.
    #[serde(default, deserialize_with = "or_default")]
    pub deleted: bool,
    /// Name.
    #[serde(default, deserialize_with = "or_default")]
    pub name: String,
    /// Number of the document.
    #[serde(default, deserialize_with = "or_default")]
    pub number: String,
    /// Date of issue.
    pub issued_at: Option<Timestamp>,
    /// Code of the result (MAKETQUA).
    #[serde(default, deserialize_with = "or_default")]
    pub code: String,
    /// Code of the component.
    #[serde(default, deserialize_with = "or_default")]
    pub component_code: String,
    /// Where the portal can fetch it.
    #[serde(default, deserialize_with = "or_default")]
    pub url: String,
    /// Whether it is signed.
    #[serde(default, deserialize_with = "or_default")]
    pub signed: bool,
    /// Whether it is in the citizen's store.
    #[serde(default, deserialize_with = "or_default")]
    pub in_citizen_store: bool,
}

/// Another dossier that this one has to do with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Related {
    /// Its code.
    pub code: String,
    /// How.
    pub relation: Relation,
}

/// A dossier, in full or in part: every field may be absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct Dossier {
    /// Its code here.
    pub code: Option<DossierCode>,
    /// Its code on the national portal, if born there.
    pub portal_code: Option<DossierCode>,
    /// The procedure.
    pub procedure: Option<Procedure>,
    /// The unit that handles it.
    pub unit: Option<Unit>,
    /// The unit that received it, if another.
    pub received_at_unit: Option<Unit>,
    /// Who applies.
    pub applicant: Option<Applicant>,
    /// Who else applies.
    #[serde(deserialize_with = "or_default")]
    pub applicants: Vec<FurtherApplicant>,
    /// Who handed it in, if another.
    pub submitter: Option<Applicant>,
    /// How it came.
    pub channel: Option<Channel>,
    /// Where it was born.
    pub origin: Option<Origin>,
    /// What it is about.
    pub summary: Option<String>,
    /// A note.
    pub note: Option<String>,
    /// Number of the receipt given to the citizen.
    pub receipt_no: Option<String>,
    /// Secret printed on that receipt, for look-ups.
    pub lookup_secret: Option<String>,
    /// Handed in.
    pub submitted_at: Option<Timestamp>,
    /// Received.
    pub received_at: Option<Timestamp>,
    /// Due.
    pub due_at: Option<Timestamp>,
    /// Finished.
    pub finished_at: Option<Timestamp>,
    /// Handed over.
    pub returned_at: Option<Timestamp>,
    /// How the result goes out.
    pub return_by: Option<ReturnBy>,
    /// A remark on the hand-over.
    pub return_info: Option<String>,
    /// Fees and charges; merged by `id`.
    #[serde(deserialize_with = "or_default")]
    pub fees: Vec<Fee>,
    /// Documents; merged by `id`.
    #[serde(deserialize_with = "or_default")]
    pub documents: Vec<Document>,
    /// Papers; merged by `id`.
    #[serde(deserialize_with = "or_default")]
    pub papers: Vec<Paper>,
    /// Results; merged by `id`.
    #[serde(deserialize_with = "or_default")]
    pub results: Vec<ResultPaper>,
    /// Codes of databases consulted.
    #[serde(deserialize_with = "or_default")]
    pub databases: Vec<String>,
    /// Where it was paid online past us, by the source's word; what we know of payments of ours goes before it.
    pub paid_online: Option<PaidOnline>,
    /// Whether a component was digitised, where the documents do not say it.
    #[serde(deserialize_with = "or_default")]
    pub digitised: bool,
    /// Related dossiers.
    #[serde(deserialize_with = "or_default")]
    pub related: Vec<Related>,
}

/// A progress entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// Who.
    #[serde(default, deserialize_with = "or_default")]
    pub officer: String,
    /// That person's title.
    #[serde(default, deserialize_with = "or_default")]
    pub title: String,
    /// Department.
    #[serde(default, deserialize_with = "or_default")]
    pub department: String,
    /// What was done; not empty.
    #[schemars(length(min = 1))]
    pub content: String,
    /// When the step began.
    pub started_at: Option<Timestamp>,
    /// When the step was due.
    pub due_at: Option<Timestamp>,
    /// The portal status after it, where that is not the one that the event leaves the dossier in.
    pub status: Option<PortalStatus>,
}

/// A supplement, asked for or received; merged by `id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Supplement {
    /// Its key.
    pub id: String,
    /// Its number within the dossier.
    pub seq: Option<i64>,
    /// Who asks.
    pub requested_by: Option<String>,
    /// For what.
    pub content: Option<String>,
    /// When.
    pub requested_at: Option<Timestamp>,
    /// Until when.
    pub respond_by: Option<Timestamp>,
    /// The due time before.
    pub due_before: Option<Timestamp>,
    /// Who received it.
    pub received_by: Option<String>,
    /// When.
    pub received_at: Option<Timestamp>,
    /// A note.
    pub note: Option<String>,
    /// What came.
    #[serde(default, deserialize_with = "or_default")]
    pub documents: Vec<Document>,
    /// Fees that came with it.
    #[serde(default, deserialize_with = "or_default")]
    pub fees: Vec<Fee>,
    /// The due time after.
    pub due_after: Option<Timestamp>,
}

/// A signed paper: a refusal, an apology.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct SignedPaper {
    /// Number.
    #[serde(deserialize_with = "or_default")]
    pub number: String,
    /// When.
    pub signed_at: Option<Timestamp>,
    /// By whom.
    #[serde(deserialize_with = "or_default")]
    pub signer: String,
    /// Where.
    #[serde(deserialize_with = "or_default")]
    pub url: String,
}
