//! Shapes of messages as tables of fields, and the check that names every broken rule by its path.

use crate::clock;
use serde_json::{Map, Value};
use std::net::IpAddr;

/// Whether a field may be missing or empty.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Present and not empty.
    Filled,
    /// Present; `""` and `[]` are allowed.
    Present,
    /// May be absent or empty, never null.
    May,
}

/// What a value must look like.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A string of at most so many characters.
    Text(usize),
    /// One of these strings.
    Code(&'static [&'static str]),
    /// `yyyyMMddHHmmss`, a real date.
    Stamp,
    /// A string of digits.
    Digits,
    /// An absolute http(s) address.
    Url,
    /// A dossier code `{agency}-{yyMMdd}-{number}`.
    Dossier,
    /// An agency code, full (`000.00.12.H56`) or short (`H56.12`).
    Agency,
    Ip,
    /// A JSON integer.
    Int,
    /// A JSON number that is not negative.
    Number,
    /// A string of digits or a JSON integer that is not negative.
    LooseAmount,
    List(&'static [Field]),
    Object(&'static [Field]),
    /// Checked elsewhere.
    Any,
}

#[derive(Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    need: Need,
    kind: Kind,
}

pub(crate) const fn filled(name: &'static str, kind: Kind) -> Field {
    Field { name, need: Need::Filled, kind }
}

pub(crate) const fn present(name: &'static str, kind: Kind) -> Field {
    Field { name, need: Need::Present, kind }
}

pub(crate) const fn may(name: &'static str, kind: Kind) -> Field {
    Field { name, need: Need::May, kind }
}

/// Adds to `out` every rule that `value` breaks as an object of `fields`.
pub(crate) fn check(path: &str, value: &Value, fields: &[Field], out: &mut Vec<String>) {
    let Value::Object(map) = value else {
        out.push(format!("{path}: must be an object"));
        return;
    };
    for field in fields {
        let at = if path.is_empty() { field.name.to_owned() } else { format!("{path}.{}", field.name) };
        match map.get(field.name) {
            Some(found) => check_value(&at, found, field, out),
            None if field.need == Need::May => {}
            None => out.push(format!("{at}: is required")),
        }
    }
    unknown(path, map, fields, out);
}

fn unknown(path: &str, map: &Map<String, Value>, fields: &[Field], out: &mut Vec<String>) {
    for name in map.keys().filter(|name| fields.iter().all(|field| field.name != name.as_str())) {
        let dot = if path.is_empty() { "" } else { "." };
        out.push(format!("{path}{dot}{name}: unknown field"));
    }
}

fn check_value(at: &str, value: &Value, field: &Field, out: &mut Vec<String>) {
    let rule = match (field.kind, value) {
        (Kind::Any, _) => None,
        (_, Value::Null) => Some("must not be null".to_owned()),
        (Kind::Int, found) => (!found.is_i64()).then(|| "must be a JSON integer".to_owned()),
        (Kind::Number, found) => {
            found.as_f64().is_none_or(|n| n < 0.0).then(|| "must be a number, not negative".to_owned())
        }
        (Kind::LooseAmount, Value::Number(found)) => {
            (!found.is_u64()).then(|| "must be an integer, not negative".to_owned())
        }
        (Kind::Object(fields), found) => {
            check(at, found, fields, out);
            None
        }
        (Kind::List(fields), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                check(&format!("{at}[{index}]"), item, fields, out);
            }
            (items.is_empty() && field.need == Need::Filled).then(|| "must have an element".to_owned())
        }
        (Kind::List(_), _) => Some("must be an array".to_owned()),
        (kind, Value::String(text)) => check_text(text, kind, field.need),
        _ => Some("must be a string".to_owned()),
    };
    if let Some(rule) = rule {
        out.push(format!("{at}: {rule}"));
    }
}

fn check_text(text: &str, kind: Kind, need: Need) -> Option<String> {
    if text.trim().is_empty() {
        return (need == Need::Filled || !text.is_empty()).then(|| "must not be empty".to_owned());
    }
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit()) && text.len() <= 18;
    match kind {
        Kind::Text(max) => {
            let length = text.chars().count();
            (length > max).then(|| format!("has {length} characters, at most {max} are allowed"))
        }
        Kind::Code(codes) => (!codes.contains(&text)).then(|| format!("{text:?} is none of {codes:?}")),
        Kind::Stamp => (!clock::is_stamp(text)).then(|| format!("{text:?} is not a yyyyMMddHHmmss date")),
        Kind::Digits | Kind::LooseAmount => {
            (!digits(text)).then(|| format!("{text:?} is not a string of digits"))
        }
        Kind::Url => (!is_url(text)).then(|| format!("{text:?} is not an absolute http(s) address")),
        Kind::Dossier => (!is_dossier(text)).then(|| format!("{text:?} is not a dossier code")),
        Kind::Agency => (!is_agency(text)).then(|| format!("{text:?} is not an agency code")),
        Kind::Ip => text.parse::<IpAddr>().is_err().then(|| format!("{text:?} is not an IP address")),
        Kind::Int | Kind::Number | Kind::List(_) | Kind::Object(_) | Kind::Any => None,
    }
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.starts_with('/') && !rest.is_empty()) && !text.contains(char::is_whitespace)
}

/// `000.00.12.H56` (digits 3, 2, 2 and the member) or the short `H56.12`, `G22.99`, `H56`.
pub(crate) fn is_agency(text: &str) -> bool {
    let digits = |part: &str, len: usize| part.len() == len && part.bytes().all(|b| b.is_ascii_digit());
    let member = |part: &str| match part.as_bytes() {
        [letter, rest @ ..] => {
            letter.is_ascii_uppercase() && rest.len() == 2 && rest.iter().all(u8::is_ascii_digit)
        }
        [] => false,
    };
    let parts: Vec<&str> = text.split('.').collect();
    match parts.as_slice() {
        [a, b, c, last] if member(last) => digits(a, 3) && digits(b, 2) && digits(c, 2),
        [first, rest @ ..] => member(first) && rest.iter().all(|part| digits(part, 2) || digits(part, 3)),
        [] => false,
    }
}

fn is_dossier(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    matches!(parts.as_slice(), [agency, date, last] if is_agency(agency) && clock::is_short_date(date) && number(last))
}

/// The text of a field, or `""`.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn codes_follow_their_grammar() {
        for good in ["000.00.12.H56-240607-0001", "H30.19-240315-0001", "G22.99-261122-000001"] {
            assert!(is_dossier(good), "{good}");
        }
        for bad in [
            "H30.19-241315-0001",
            "00.00.12.H56-240607-0001",
            "abc-240607-1",
            "H56-240607",
            "000.00.12.H56-240607-",
        ] {
            assert!(!is_dossier(bad), "{bad}");
        }
    }

    #[test]
    fn every_broken_rule_has_a_path() {
        const INNER: &[Field] = &[filled("a", Kind::Digits)];
        const OUTER: &[Field] = &[
            filled("s", Kind::Text(3)),
            may("l", Kind::List(INNER)),
            present("d", Kind::Stamp),
            may("n", Kind::Int),
        ];
        let mut out = Vec::new();
        check("", &json!({"s": "four", "l": [{"a": 1}, {"a": "x", "b": ""}], "n": null}), OUTER, &mut out);
        let paths: Vec<_> = out.iter().filter_map(|line| line.split(": ").next()).collect();
        assert_eq!(paths, ["s", "l[0].a", "l[1].a", "l[1].b", "d", "n"]);
    }
}
