//! What templates say things with: texts, names of codes, numbers, money, addresses. Bound to one language.

use lienthong_core::status::PortalStatus;

use crate::{
    http::advice::Advice,
    i18n::{self, Arg, Locale},
};

/// The words of one page.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    /// The language.
    pub locale: Locale,
}

/// Why, who, what next, in one language.
#[derive(Debug, Clone)]
pub struct Told {
    /// Why.
    pub why: String,
    /// Who acts.
    pub who: String,
    /// What next.
    pub next: String,
    /// Whether a person has to act.
    pub needs_person: bool,
}

impl Words {
    /// A text.
    pub fn t(&self, key: &str) -> String {
        i18n::text(self.locale, key)
    }

    /// A text with a count in it, `$n`.
    pub fn tn(&self, key: &str, n: &i64) -> String {
        i18n::text_with(self.locale, key, &[("n", Arg::Count(*n))])
    }

    /// A text with words in it, `$what`.
    pub fn tv(&self, key: &str, what: &str) -> String {
        i18n::text_with(self.locale, key, &[("what", Arg::Text(what))])
    }

    /// A whole number.
    pub fn num(&self, n: &i64) -> String {
        i18n::number(self.locale, *n)
    }

    /// An amount.
    pub fn money(&self, dong: &i64) -> String {
        format!("{} ₫", i18n::number(self.locale, *dong))
    }

    /// The name of a code: `{kind}-{code}`; an unknown code shows itself.
    pub fn name(&self, kind: &str, code: &str) -> String {
        let key = format!("{kind}-{}", code.replace('.', "-"));
        i18n::find(self.locale, &key, &[]).unwrap_or_else(|| code.to_owned())
    }

    /// A portal status in words.
    pub fn status(&self, status: PortalStatus) -> String {
        self.name("status", &status.code().to_string())
    }

    /// An advice in words.
    pub fn told(&self, advice: &Advice) -> Told {
        Told {
            why: advice.why(self.locale),
            who: advice.who(self.locale),
            next: advice.next(self.locale),
            needs_person: advice.needs_person,
        }
    }
}

/// The colour class of an operation's, lane's, payment's or parcel's state.
pub fn tone(state: &str) -> &'static str {
    match state {
        "succeeded" | "paid" | "paid_at_desk" | "delivered" | "done" => "good",
        "stuck" | "held" | "needs_refund" | "failed" => "bad",
        "doubtful" | "refused" | "came_back" | "unclear" | "not_done" | "paused" => "warn",
        "superseded" | "dismissed" | "cancelled" | "expired" | "refunded" | "idle" => "mute",
        _ => "wait",
    }
}

/// Percent-encodes a value of a query or a segment of a path.
pub fn percent(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(DIGITS[usize::from(byte >> 4)]));
            encoded.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    encoded
}
