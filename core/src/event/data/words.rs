//! The closed lists of the contract: words that an event may use.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// Where something was paid online that we did not open.
    PaidOnline { /// On the national portal
        Portal, /// On a gateway of the province or a ministry
        Gateway }
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
