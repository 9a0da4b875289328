//! One object of the portal's wire, read tolerantly: names in any case, numbers for texts, several ways of writing time.
//! What nobody asked for is left over.

use jiff::{Timestamp, civil, fmt::strtime};
use lienthong_core::clock::{business, business_zone};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

use super::Unreadable;

/// An object while it is read.
pub(super) struct Row<'a> {
    /// Where it stands: `TaiLieuNop[0].`, or nothing.
    at: String,
    fields: BTreeMap<String, (&'a str, &'a Value)>,
    taken: BTreeSet<String>,
}

/// Ways in which known clients and siblings write a moment, none of which can be taken for another.
const FORMS: [&str; 6] = [
    "%Y%m%d%H%M%S",
    "%Y%m%d%H%M",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
];

/// The same of a day.
const DAYS: [&str; 3] = ["%Y%m%d", "%Y-%m-%d", "%d/%m/%Y"];

/// What a client without a date sends in its place: no dossier is older.
const EARLIEST: i16 = 1900;

impl<'a> Row<'a> {
    /// The object at a place.
    pub(super) fn of(value: &'a Value, at: &str) -> Result<Self, Unreadable> {
        let Value::Object(map) = value else {
            return Err(Unreadable::new(at, "một đối tượng JSON", &value.to_string()));
        };
        let fields = map.iter().map(|(name, value)| (name.to_lowercase(), (name.as_str(), value)));
        let at = if at.is_empty() { String::new() } else { format!("{at}.") };
        Ok(Self { at, fields: fields.collect(), taken: BTreeSet::new() })
    }

    fn take(&mut self, name: &str) -> Option<&'a Value> {
        let name = name.to_lowercase();
        let value = self.fields.get(&name).map(|(_, value)| *value);
        self.taken.insert(name);
        value
    }

    /// A complaint about a field.
    pub(super) fn bad(&self, name: &str, expected: &str, got: &str) -> Unreadable {
        Unreadable::new(&format!("{}{name}", self.at), expected, got)
    }

    /// A text; none: not named, or `null`.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Unreadable> {
        match self.take(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim().to_owned())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(Value::Bool(is)) => Ok(Some(if *is { "True" } else { "False" }.to_owned())),
            Some(other @ (Value::Array(_) | Value::Object(_))) => {
                Err(self.bad(name, "một chuỗi", &other.to_string()))
            }
        }
    }

    /// The same, nothing for absence.
    pub(super) fn said(&mut self, name: &str) -> Result<String, Unreadable> {
        Ok(self.text(name)?.unwrap_or_default())
    }

    /// A list; none: not named, or `null`. One object is a list of one.
    pub(super) fn list(&mut self, name: &str) -> Result<Option<Vec<&'a Value>>, Unreadable> {
        match self.take(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(Some(Vec::new())),
            Some(Value::Array(items)) => Ok(Some(items.iter().filter(|item| !item.is_null()).collect())),
            Some(object @ Value::Object(_)) => Ok(Some(vec![object])),
            Some(other) => Err(self.bad(name, "một mảng", &other.to_string())),
        }
    }

    /// The rows of a list, each with its place.
    pub(super) fn rows(&mut self, name: &str) -> Result<Option<Vec<Row<'a>>>, Unreadable> {
        let Some(items) = self.list(name)? else { return Ok(None) };
        let row = |(index, item): (usize, &'a Value)| Row::of(item, &format!("{}{name}[{index}]", self.at));
        items.into_iter().enumerate().map(row).collect::<Result<_, _>>().map(Some)
    }

    /// A flag: `1`, `True`. None: not named.
    pub(super) fn flag(&mut self, name: &str) -> Result<Option<bool>, Unreadable> {
        match self.text(name)?.map(|text| text.to_lowercase()).as_deref() {
            None => Ok(None),
            Some("1" | "true") => Ok(Some(true)),
            Some("0" | "false" | "") => Ok(Some(false)),
            Some(other) => Err(self.bad(name, "0/1 hoặc True/False", other)),
        }
    }

    /// A moment, RFC 3339 on the business clock.
    pub(super) fn at(&mut self, name: &str) -> Result<Option<String>, Unreadable> {
        Ok(self.moment(name)?.filter(|at| !at.is_empty()))
    }

    /// The same, `""` where it is empty. None: not named.
    pub(super) fn moment(&mut self, name: &str) -> Result<Option<String>, Unreadable> {
        let Some(text) = self.text(name)?.filter(|text| !text.is_empty()) else { return self.text(name) };
        let at = instant(&text).ok_or_else(|| {
            self.bad(name, "thời điểm dạng yyyyMMddHHmmss (giờ Việt Nam), hoặc \"\"", &text)
        })?;
        let local = business(at);
        let is_there = local.year() >= EARLIEST;
        let text = if is_there { local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string() } else { String::new() };
        Ok(Some(text))
    }

    /// Whole đồng.
    pub(super) fn amount(&mut self, name: &str) -> Result<Option<i64>, Unreadable> {
        let text = self.said(name)?;
        if text.is_empty() {
            return Ok(None);
        }
        let amount = whole(&text).filter(|amount| *amount <= lienthong_core::money::Dong::MAX);
        amount.map(Some).ok_or_else(|| self.bad(name, "số tiền nguyên (đồng)", &text))
    }

    /// Puts a field back as not understood.
    pub(super) fn not_understood(&mut self, name: &str) {
        self.taken.remove(&name.to_lowercase());
    }

    /// What says something and was not taken.
    pub(super) fn left_over(self, into: &mut Map<String, Value>) {
        let is_empty = |value: &Value| match value {
            Value::Null => true,
            Value::String(text) => text.trim().is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            Value::Bool(_) | Value::Number(_) => false,
        };
        for (name, (own, value)) in self.fields {
            if !self.taken.contains(&name) && !is_empty(value) {
                into.insert(format!("{}{own}", self.at), value.clone());
            }
        }
    }
}

/// A moment; without an offset it is on the Vietnamese clock.
fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    // Digits alone are read in full, never in part.
    if text.bytes().all(|b| b.is_ascii_digit()) && ![8, 12, 14].contains(&text.len()) {
        return None;
    }
    let exact = |form: &&str| strtime::parse(form, text).ok();
    let moment = FORMS.iter().find_map(|form| exact(form)?.to_datetime().ok());
    let day = || DAYS.iter().find_map(|form| exact(form)?.to_date().ok()).map(civil::Date::into);
    let local: civil::DateTime = moment.or_else(day)?;
    local.to_zoned(business_zone()).ok().map(|zoned| zoned.timestamp())
}

/// `30000`, `30.000`, `30,000`, `30000.00`: whole numbers only. A point before three digits divides thousands.
fn whole(text: &str) -> Option<i64> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits(text) {
        return text.parse().ok();
    }
    for point in ['.', ','] {
        if let Some((amount, rest)) = text.split_once(point)
            && digits(amount)
            && (1..=2).contains(&rest.len())
            && rest.bytes().all(|b| b == b'0')
        {
            return amount.parse().ok();
        }
        let mut groups = text.split(point);
        let first = groups.next()?;
        let rest: Vec<&str> = groups.collect();
        let is_divided = digits(first)
            && first.len() <= 3
            && !rest.is_empty()
            && rest.iter().all(|g| g.len() == 3 && digits(g));
        if is_divided {
            return format!("{first}{}", rest.concat()).parse().ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn moments_are_read_in_every_known_form_and_on_the_vietnamese_clock() {
        let whole = "2026-11-23T08:05:09+07:00".parse::<Timestamp>().unwrap();
        for text in ["20261123080509", "2026-11-23T08:05:09", "23/11/2026 08:05:09", "2026-11-23T01:05:09Z"] {
            assert_eq!(instant(text), Some(whole), "{text}");
        }
        let day = "2026-11-23T00:00:00+07:00".parse::<Timestamp>().unwrap();
        assert_eq!((instant("20261123"), instant("23/11/2026")), (Some(day), Some(day)));
        for text in ["2026112", "20261323080509", "11/23/2026", "hôm qua", "1732323909"] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn a_date_that_no_dossier_can_have_is_none() {
        let row = json!({"NgayTra": "00010101000000", "NgayHenTra": ""});
        let mut row = Row::of(&row, "").unwrap();
        assert_eq!(row.moment("NgayTra").unwrap(), Some(String::new()));
        assert_eq!(row.moment("NgayHenTra").unwrap(), Some(String::new()));
        assert_eq!(row.moment("NgayNopHoSo").unwrap(), None);
    }

    #[test]
    fn amounts_are_whole_or_not_read() {
        for (text, amount) in [
            ("8000", Some(8000)),
            ("8.000", Some(8000)),
            ("1,200,000", Some(1_200_000)),
            ("8000.00", Some(8000)),
            ("8000.5", None),
            ("80.00.000", None),
            ("không", None),
            ("-1", None),
        ] {
            assert_eq!(whole(text), amount, "{text}");
        }
    }
}
