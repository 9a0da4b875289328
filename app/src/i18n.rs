//! Words for people, Vietnamese first, from `locales/{vi,en}/*.ftl`, which are inside the binary. Why something is as it
//! is, who acts and what next are one message: its text, and its attributes `.who` and `.next`.

use fluent_bundle_types::FluentValue;
use fluent_templates::{
    LanguageIdentifier, Loader, fluent_bundle as fluent_bundle_types, langid, static_loader,
};
use std::{borrow::Cow, collections::HashMap};

static_loader! {
    static TEXTS = {
        locales: "./locales",
        fallback_language: "vi",
        // The isolation marks around values are invisible characters that end up in copied codes.
        customise: |bundle| {
            bundle.set_use_isolating(false);
            let is_english = bundle.locales.first().is_some_and(|l| l.language.as_str() == "en");
            bundle.set_formatter(Some(if is_english { grouped_en } else { grouped_vi }));
        },
    };
}

static VI: LanguageIdentifier = langid!("vi");
static EN: LanguageIdentifier = langid!("en");

/// A language that we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Locale {
    /// Vietnamese.
    #[default]
    Vi,
    /// English.
    En,
}

impl Locale {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Vi, Self::En];

    /// Its code, as in `lang=`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Vi => "vi",
            Self::En => "en",
        }
    }

    /// The language with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|l| l.code() == code)
    }

    fn id(self) -> &'static LanguageIdentifier {
        match self {
            Self::Vi => &VI,
            Self::En => &EN,
        }
    }
}

/// A value inside a text.
#[derive(Debug, Clone, Copy)]
pub enum Arg<'a> {
    /// Words.
    Text(&'a str),
    /// A count: grouped by thousands, and what English plurals go by.
    Count(i64),
}

/// The text of a key.
pub fn text(locale: Locale, key: &str) -> String {
    text_with(locale, key, &[])
}

/// The text of a key with values in it. A missing key shows itself; a test sees to it that none is missing.
pub fn text_with(locale: Locale, key: &str, args: &[(&'static str, Arg<'_>)]) -> String {
    find(locale, key, args).unwrap_or_else(|| key.to_owned())
}

/// The text of a key, if there is one.
pub fn find(locale: Locale, key: &str, args: &[(&'static str, Arg<'_>)]) -> Option<String> {
    let args: HashMap<Cow<'static, str>, FluentValue<'_>> = args
        .iter()
        .map(|(name, arg)| {
            let value = match arg {
                Arg::Text(text) => FluentValue::from(*text),
                Arg::Count(count) => FluentValue::from(*count),
            };
            (Cow::Borrowed(*name), value)
        })
        .collect();
    TEXTS.try_lookup_with_args(locale.id(), key, &args)
}

/// A whole number with its thousands apart, as the language writes it.
pub fn number(locale: Locale, value: i64) -> String {
    let separator = match locale {
        Locale::Vi => '.',
        Locale::En => ',',
    };
    let digits = value.unsigned_abs().to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if value < 0 {
        grouped.push('−');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(separator);
        }
        grouped.push(digit);
    }
    grouped
}

fn grouped_vi<M>(value: &FluentValue<'_>, _: &M) -> Option<String> {
    grouped(Locale::Vi, value)
}

fn grouped_en<M>(value: &FluentValue<'_>, _: &M) -> Option<String> {
    grouped(Locale::En, value)
}

/// Fluent's hook for numbers.
fn grouped(locale: Locale, value: &FluentValue<'_>) -> Option<String> {
    if let FluentValue::Number(n) = value { Some(number(locale, n.value as i64)) } else { None }
}
