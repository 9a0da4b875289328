//! Identifiers: one newtype for every string with a grammar, parsed at the edge.
//! Nothing here knows what the identified things do.

use serde::{Deserialize, Serialize};
use std::{borrow::Borrow, fmt, sync::Arc};

/// Why a string is not an identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, got {got:?}")]
pub struct BadId {
    /// The grammar, in words.
    pub expected: &'static str,
    /// The refused text, cut to 80 characters.
    pub got: String,
}

impl BadId {
    fn new(expected: &'static str, got: &str) -> Self {
        Self { expected, got: got.chars().take(80).collect() }
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The grammar, in words.
            pub const EXPECTED: &'static str = $expected;

            /// Checks the grammar.
            pub fn parse(text: &str) -> Result<Self, BadId> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok(Self(Arc::from(text))) } else { Err(BadId::new($expected, text)) }
            }

            /// The text as it was parsed.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.to_string()
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                Self::parse(text)
            }
        }

        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "minLength": 1, "description": $expected })
            }
        }
    };
}

fn is_plain(text: &str, longest: usize) -> bool {
    !text.is_empty() && text.len() <= longest && text.bytes().all(|b| b.is_ascii_graphic())
}

/// `{unit}-{yyMMdd}-{number}`: unit = dot-separated groups of letters and digits, date = 6 digits, number = 1-10 digits.
fn is_dossier_code(text: &str) -> bool {
    let mut parts = text.rsplitn(3, '-');
    let (Some(number), Some(day), Some(unit)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    (1..=10).contains(&number.len())
        && digits(number)
        && day.len() == 6
        && digits(day)
        && matches!(day[2..4].parse::<u8>(), Ok(1..=12))
        && matches!(day[4..6].parse::<u8>(), Ok(1..=31))
        && unit.len() <= 30
        && unit.split('.').all(|g| !g.is_empty() && g.bytes().all(|b| b.is_ascii_alphanumeric()))
}

fn is_unit_code(text: &str) -> bool {
    text.len() <= 30
        && !text.is_empty()
        && text.split('.').all(|g| !g.is_empty() && g.bytes().all(|b| b.is_ascii_alphanumeric()))
}

text_id! {
    /// A dossier's code: `{unit}-{yyMMdd}-{number}`, e.g. `000.00.08.H99-261122-0001`; shorter unit forms
    /// (`H99.08-…`) and codes born on the national portal (`G22.99-261122-000001`) fit the same grammar.
    DossierCode, "a dossier code {unit}-{yyMMdd}-{number}, e.g. 000.00.08.H99-261122-0001", is_dossier_code
}
text_id! {
    /// A unit's code, e.g. `000.00.08.H99`.
    UnitCode, "a unit code such as 000.00.08.H99", is_unit_code
}
text_id! {
    /// A source: the URI reference of a one-stop installation.
    Source, "a URI reference of 1-200 visible ASCII characters, e.g. /motcua/000.00.08.H99", |t| is_plain(t, 200)
}
text_id! {
    /// An event's id, unique within its source.
    EventId, "1-200 characters without control characters", |t| !t.is_empty() && t.len() <= 200 && !t.chars().any(char::is_control)
}
text_id! {
    /// The key of a payment across all event types.
    PaymentId, "1-100 visible ASCII characters", |t| is_plain(t, 100)
}
text_id! {
    /// The key of a parcel across all event types.
    ParcelId, "1-100 visible ASCII characters", |t| is_plain(t, 100)
}
text_id! {
    /// The name of a connector instance, as configured: lower-case letters, digits and dashes.
    ConnectorId, "1-40 lower-case letters, digits or dashes", |t| !t.is_empty() && t.len() <= 40 && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
text_id! {
    /// Our reference of one opening of a payment: 25 ASCII letters and digits, derived, never counted.
    Reference, "1-25 ASCII letters and digits", |t| !t.is_empty() && t.len() <= 25 && t.bytes().all(|b| b.is_ascii_alphanumeric())
}
text_id! {
    /// The order number that a parcel has at the post.
    OrderNumber, "1-50 visible ASCII characters", |t| is_plain(t, 50)
}
text_id! {
    /// What keeps order within a connector: a dossier's code, a payment's id, a parcel's id.
    LaneKey, "1-100 visible ASCII characters", |t| is_plain(t, 100)
}

impl From<&DossierCode> for LaneKey {
    fn from(code: &DossierCode) -> Self {
        Self(Arc::clone(&code.0))
    }
}
impl From<&PaymentId> for LaneKey {
    fn from(id: &PaymentId) -> Self {
        Self(Arc::clone(&id.0))
    }
}
impl From<&ParcelId> for LaneKey {
    fn from(id: &ParcelId) -> Self {
        Self(Arc::clone(&id.0))
    }
}

impl DossierCode {
    /// The unit part, before the date.
    pub fn unit_part(&self) -> &str {
        let end = self.0.rmatch_indices('-').nth(1).map_or(self.0.len(), |(at, _)| at);
        &self.0[..end]
    }
}

/// Numbers given by the store, one sequence for all kinds of rows.
pub type RowId = i64;

/// The de-duplication key of an event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    /// Who published it.
    pub source: Source,
    /// Its id within that source.
    pub id: EventId,
}

const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Text of `length` characters of a 32-letter alphabet (no I, O, 0, 1), derived from `parts` by SHA-256: the same
/// parts give the same text, after any restore.
pub fn derived(prefix: &str, parts: &[&str], length: usize) -> String {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let digest = context.finish();
    let mut text = String::with_capacity(length);
    text.push_str(prefix);
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in digest.as_ref() {
        if text.len() >= length {
            break;
        }
        bits = (bits << 8) | u32::from(*byte);
        held += 8;
        while held >= 5 && text.len() < length {
            held -= 5;
            text.push(char::from(ALPHABET[(bits >> held) as usize & 31]));
        }
        bits &= (1 << held) - 1;
    }
    text
}

impl Reference {
    /// The reference of the opening of a payment that `event` asked for.
    pub fn of(payment: &PaymentId, event: &EventKey, opening: u32) -> Self {
        let opening = opening.to_string();
        Self(
            derived(
                "LT",
                &["reference", payment.as_str(), event.source.as_str(), event.id.as_str(), &opening],
                25,
            )
            .into(),
        )
    }
}

impl OrderNumber {
    /// The order number of a parcel: its id where the post's field can hold it, else a derived text.
    pub fn of(parcel: &ParcelId) -> Self {
        let id = parcel.as_str();
        let fits = id.len() <= 50 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        if fits { Self(Arc::clone(&parcel.0)) } else { Self(derived("BG", &["parcel", id], 30).into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dossier_codes_of_all_documented_forms_parse() {
        for code in ["000.00.08.H99-261122-0001", "H99.08-261122-0001", "G22.99-261122-000001"] {
            assert_eq!(DossierCode::parse(code).unwrap().as_str(), code);
        }
        assert_eq!(DossierCode::parse("000.00.08.H99-261122-0001").unwrap().unit_part(), "000.00.08.H99");
    }

    #[test]
    fn malformed_dossier_codes_are_refused() {
        for code in [
            "",
            "x",
            "000.00.08.H99-261322-0001",
            "000..H99-261122-1",
            "a-261122-",
            "a-26112-1",
            "a b-261122-1",
        ] {
            assert!(DossierCode::parse(code).is_err(), "{code}");
        }
    }

    #[test]
    fn references_are_stable_distinct_and_25_characters() {
        let key = EventKey { source: Source::parse("/m").unwrap(), id: EventId::parse("e1").unwrap() };
        let payment = PaymentId::parse("TT-1").unwrap();
        let one = Reference::of(&payment, &key, 1);
        assert_eq!(one, Reference::of(&payment, &key, 1));
        assert_ne!(one, Reference::of(&payment, &key, 2));
        assert_eq!(one.as_str().len(), 25);
        assert!(Reference::parse(one.as_str()).is_ok());
    }
}
