//! Why an event cannot be admitted, in terms that a clerk and a vendor understand: where, what was expected, what was
//! found. The words for people are in the translation files, by [`Reason`].

use serde::{Deserialize, Serialize};

/// The class of the reason. Its code is stable: translations, filters and `event.quarantined` use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The bytes are not UTF-8 JSON.
    NotJson,
    /// A CloudEvents attribute is missing or malformed.
    Envelope,
    /// The subject is missing or no dossier code.
    Subject,
    /// The type is none of the contract's.
    UnknownType,
    /// The data does not fit the type's schema.
    Data,
    /// The text contains U+0000, which no store keeps.
    NulCharacter,
    /// The source may not speak for the unit.
    UnitNotAllowed,
    /// The unit is unknown or not in office at the event's time.
    UnknownUnit,
    /// The account that should receive money is not approved.
    Beneficiary,
    /// An amount is not what it must be.
    Amount,
    /// The key was admitted before with other content.
    Conflict,
    /// A code already means another dossier.
    AliasConflict,
    /// The same payment or parcel id with other content.
    EffectConflict,
    /// The message is larger than allowed.
    TooLarge,
    /// The store refused the content.
    Unstorable,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 15] = [
        Self::NotJson,
        Self::Envelope,
        Self::Subject,
        Self::UnknownType,
        Self::Data,
        Self::NulCharacter,
        Self::UnitNotAllowed,
        Self::UnknownUnit,
        Self::Beneficiary,
        Self::Amount,
        Self::Conflict,
        Self::AliasConflict,
        Self::EffectConflict,
        Self::TooLarge,
        Self::Unstorable,
    ];

    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::Envelope => "envelope",
            Self::Subject => "subject",
            Self::UnknownType => "unknown_type",
            Self::Data => "data",
            Self::NulCharacter => "nul_character",
            Self::UnitNotAllowed => "unit_not_allowed",
            Self::UnknownUnit => "unknown_unit",
            Self::Beneficiary => "beneficiary",
            Self::Amount => "amount",
            Self::Conflict => "conflict",
            Self::AliasConflict => "alias_conflict",
            Self::EffectConflict => "effect_conflict",
            Self::TooLarge => "too_large",
            Self::Unstorable => "unstorable",
        }
    }
}

/// The beginning of a text without U+0000, which no store keeps: a rejection can always be stored.
pub fn storable(text: &str, longest: usize) -> String {
    text.chars().take(longest).map(|c| if c == '\0' { '\u{2400}' } else { c }).collect()
}

/// A refusal to admit, with what could be read of the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// The class.
    pub reason: Reason,
    /// Where, as a JSON pointer into the event (`/data/step/content`).
    pub path: String,
    /// What was expected, in Vietnamese words.
    pub expected: String,
    /// What was found, cut to 200 characters.
    pub got: String,
    /// What could be read of the source.
    pub source: Option<String>,
    /// … of the id.
    pub event_id: Option<String>,
    /// … of the subject.
    pub subject: Option<String>,
    /// … of the type.
    pub event_type: Option<String>,
}

impl Rejection {
    /// A rejection that knows nothing of the event's identity yet.
    pub fn new(
        reason: Reason,
        path: impl Into<String>,
        expected: impl Into<String>,
        got: impl AsRef<str>,
    ) -> Self {
        Self {
            reason,
            path: path.into(),
            expected: expected.into(),
            got: storable(got.as_ref(), 200),
            source: None,
            event_id: None,
            subject: None,
            event_type: None,
        }
    }
}

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Stored, and its operations planned.
    Accepted {
        /// The event's source.
        source: String,
        /// The event's id.
        id: String,
        /// The ordering key.
        subject: String,
        /// How many operations it planned.
        planned: i32,
        /// Whether it came after events with a higher sequence.
        late: bool,
    },
    /// The same event with the same content was admitted before.
    Duplicate {
        /// The event's source.
        source: String,
        /// The event's id.
        id: String,
    },
    /// Kept aside with its raw bytes and a reason.
    Quarantined(Rejection),
}
