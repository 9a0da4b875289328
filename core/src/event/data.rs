//! The data of every event of the contract, as typed values. Unknown fields are ignored, known ones are checked.
//! `null` is the same as absent. Doc comments become the descriptions of the published JSON Schemas.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    id::{DossierCode, ParcelId, PaymentId, UnitCode},
    money::Dong,
    status::PortalStatus,
};

/// Reads `null` as the default.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        #[schemars(inline)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }
    };
}

words! {
    /// What an applicant is.
    ApplicantKind { /// Công dân
        Citizen, /// Doanh nghiệp
        Business, /// Cơ quan nhà nước
        Agency, /// Tổ chức khác
        Organisation }
}
words! {
    /// What an identity number is.
    IdKind { /// Căn cước, 12 digits
        CitizenId, /// Chứng minh nhân dân, 9 digits
        OldCitizenId, /// Hộ chiếu
        Passport, /// Mã số thuế
        TaxCode }
}
words! {
    /// How a dossier came.
    Channel { /// At the desk
        Counter, /// Online
        Online, /// By public post
        Post }
}
words! {
    /// Where a dossier was born.
    Origin { /// In the province's own one-stop system
        Local, /// On the national portal
        Portal }
}
words! {
    /// How a result goes out.
    ReturnBy { /// Collected at the desk
        Desk, /// By public post
        Post }
}
words! {
    /// Phí or lệ phí.
    FeeKind { /// Phí
        Charge, /// Lệ phí
        Fee }
}
words! {
    /// When a fee is collected.
    CollectedOn { /// At reception
        Reception, /// With a supplement
        Supplement, /// When the result is returned
        Return }
}
words! {
    /// Whether a document was reused.
    Reused { /// New
        No, /// From existing data
        Data, /// It is the result of another dossier
        Result }
}
words! {
    /// What a paper is.
    PaperKind { /// Original
        Original, /// Copy
        Copy, /// Electronic
        Electronic }
}
words! {
    /// How one dossier is related to another.
    Relation { /// That one is the parent
        Parent, /// That one is a child
        Child, /// This one replaces that one
        Replaces, /// This one was split from that one
        SplitFrom, /// This one was merged into that one
        MergedInto }
}
words! {
    /// What a payment is for.
    Purpose { /// Fees and charges of a dossier
        Fee, /// A fine
        Fine, /// Tax
        Tax }
}
words! {
    /// What a line of a payment is.
    LineKind { /// Phí
        Charge, /// Lệ phí
        Fee, /// Thuế
        Tax, /// Tiền phạt
        Fine, /// Cước bưu chính
        Postage }
}
words! {
    /// How money was taken at the desk.
    DeskMethod { /// Cash
        Cash, /// Card terminal
        Pos, /// Bank transfer
        Transfer }
}
words! {
    /// Why a dossier rests.
    PauseReason { /// Waits for a tax notice
        Tax, /// Waits for a court
        Court, /// Waits for another agency
        OtherAgency, /// Something else
        Other }
}
words! {
    /// What a reopening undoes.
    Undoes { /// The reception
        Received, /// The finishing
        Finished, /// The hand-over
        Returned }
}
words! {
    /// Whether an adopted dossier is on the portal already.
    OnPortal { /// Yes
        Yes, /// No
        No, /// Unknown: look it up
        Ask }
}
words! {
    /// Whether `data.dossier` is the whole of it.
    Snapshot { /// Replaces what is known
        Full, /// Merges into it
        Partial }
}

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
}

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
