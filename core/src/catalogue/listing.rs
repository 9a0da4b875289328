//! An answer of a partner against what is stored of a list: what is new, changed, gone; and whether the answer is
//! believed where it says that something is gone.

use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

use super::{Change, ChangeKind, Difference, Entry, ListHead};
use crate::id::ConnectorId;

/// So many missing entries are believed where the share allows less, up to half of a list: small lists change by single
/// entries.
const ALWAYS_BELIEVED: usize = 2;
/// Differences kept of one entry.
const DIFFERENCES: usize = 200;

/// An entry as a partner told it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pulled {
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Whether the partner says that it is in force.
    pub in_force: bool,
    /// All that it says of it.
    pub content: Value,
}

/// How much of a list may be missing from an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belief {
    /// This share at most, in percent; and never everything.
    Percent(u8),
    /// A person looked and says that the answer is right.
    Confirmed,
}

/// What an answer makes of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// The list after it.
    pub head: ListHead,
    /// Entries to write; `true`: new rows.
    pub entries: Vec<(Entry, bool)>,
    /// What happened.
    pub changes: Vec<Change>,
}

/// Takes an answer that is a whole list: what it does not name is gone, if that is believed.
pub fn whole(
    head: Option<&ListHead>,
    key: (&ConnectorId, &str),
    known: &BTreeMap<String, Entry>,
    pulled: &[Pulled],
    belief: Belief,
    now: Timestamp,
) -> Taken {
    let mut taken = part(head, key, known, pulled, now);
    let told: BTreeSet<&str> = pulled.iter().map(|p| p.code.as_str()).collect();
    let live = known.values().filter(|e| e.withdrawn_at.is_none()).count();
    let missing: Vec<&Entry> =
        known.values().filter(|e| e.withdrawn_at.is_none() && !told.contains(e.code.as_str())).collect();
    let is_believed = match belief {
        Belief::Confirmed => !told.is_empty(),
        Belief::Percent(most) => {
            let are_few = missing.len() <= ALWAYS_BELIEVED && missing.len() * 2 <= live;
            !told.is_empty() && (are_few || missing.len() * 100 <= usize::from(most) * live)
        }
    };
    taken.head.held_back = if is_believed { 0 } else { count(missing.len()) };
    if is_believed && !missing.is_empty() {
        let version = next(&mut taken, head, now);
        for entry in missing {
            taken.head.rows -= 1;
            taken.changes.push(change(entry, version, ChangeKind::Withdrawn, Vec::new(), now));
            taken.entries.push((Entry { version, withdrawn_at: Some(now), ..entry.clone() }, false));
        }
    }
    taken
}

/// Takes an answer that says nothing of what it does not name.
pub fn part(
    head: Option<&ListHead>,
    (connector, list): (&ConnectorId, &str),
    known: &BTreeMap<String, Entry>,
    pulled: &[Pulled],
    now: Timestamp,
) -> Taken {
    let first = ListHead {
        connector: connector.clone(),
        list: list.to_owned(),
        version: 0,
        rows: 0,
        held_back: 0,
        pulled_at: now,
        changed_at: now,
    };
    let mut taken = Taken {
        head: ListHead { pulled_at: now, ..head.cloned().unwrap_or(first) },
        entries: Vec::new(),
        changes: Vec::new(),
    };
    let mut told = BTreeSet::new();
    for row in pulled.iter().filter(|p| !p.code.is_empty()) {
        // The same code twice: the first one counts, as with every known client.
        if !told.insert(row.code.as_str()) {
            continue;
        }
        let content = plain(&row.content);
        let text = content.to_string();
        match known.get(&row.code) {
            None => {
                let version = next(&mut taken, head, now);
                let entry = Entry {
                    connector: connector.clone(),
                    list: list.to_owned(),
                    code: row.code.clone(),
                    name: row.name.clone(),
                    in_force: row.in_force,
                    content: text.into(),
                    version,
                    first_at: now,
                    changed_at: now,
                    withdrawn_at: None,
                };
                // What a list begins with is no news.
                if head.is_some() {
                    taken.changes.push(change(&entry, version, ChangeKind::New, Vec::new(), now));
                }
                taken.head.rows += 1;
                taken.entries.push((entry, true));
            }
            Some(entry) => {
                let is_back = entry.withdrawn_at.is_some();
                let same =
                    *entry.content == *text && entry.in_force == row.in_force && entry.name == row.name;
                if same && !is_back {
                    continue;
                }
                let version = next(&mut taken, head, now);
                let before: Value = serde_json::from_str(&entry.content).unwrap_or(Value::Null);
                let entry = Entry {
                    name: row.name.clone(),
                    in_force: row.in_force,
                    content: text.into(),
                    version,
                    changed_at: now,
                    withdrawn_at: None,
                    ..entry.clone()
                };
                let kind = if is_back { ChangeKind::Returned } else { ChangeKind::Changed };
                taken.head.rows += i64::from(is_back);
                taken.changes.push(change(&entry, version, kind, differences(&before, &content), now));
                taken.entries.push((entry, false));
            }
        }
    }
    taken
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The version of this answer's changes.
fn next(taken: &mut Taken, head: Option<&ListHead>, now: Timestamp) -> i64 {
    taken.head.version = head.map_or(0, |h| h.version) + 1;
    taken.head.changed_at = now;
    taken.head.version
}

fn change(
    entry: &Entry,
    version: i64,
    kind: ChangeKind,
    differences: Vec<Difference>,
    at: Timestamp,
) -> Change {
    Change {
        connector: entry.connector.clone(),
        list: entry.list.clone(),
        version,
        code: entry.code.clone(),
        name: entry.name.clone(),
        kind,
        differences,
        at,
    }
}

/// The content as it is kept: every value is text, as it came. A number that comes as text the next time is no change.
pub fn plain(value: &Value) -> Value {
    match value {
        Value::Null => Value::String(String::new()),
        Value::Bool(is) => Value::String(is.to_string()),
        Value::Number(number) => Value::String(number.to_string()),
        Value::String(text) => Value::String(text.replace('\0', "")),
        Value::Array(list) => Value::Array(list.iter().map(plain).collect()),
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            Value::Object(
                sorted.into_iter().map(|(k, v)| (k.replace('\0', ""), plain(v))).collect::<Map<_, _>>(),
            )
        }
    }
}

/// The values that are different, at most [`DIFFERENCES`].
fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    leaves(before, String::new(), &mut old);
    leaves(after, String::new(), &mut new);
    let paths: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let changed = paths.into_iter().filter(|path| old.get(*path) != new.get(*path));
    changed
        .take(DIFFERENCES)
        .map(|path| Difference {
            path: path.clone(),
            before: old.get(path).cloned(),
            after: new.get(path).cloned(),
        })
        .collect()
}

fn leaves(value: &Value, path: String, out: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, v)| leaves(v, format!("{path}/{key}"), out)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(n, v)| leaves(v, format!("{path}/{n}"), out));
        }
        Value::String(text) => drop(out.insert(path, text.clone())),
        Value::Null | Value::Bool(_) | Value::Number(_) => drop(out.insert(path, value.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn id() -> ConnectorId {
        ConnectorId::parse("portal").unwrap()
    }

    fn row(code: &str, fee: Value) -> Pulled {
        Pulled {
            code: code.into(),
            name: format!("Thủ tục {code}"),
            in_force: true,
            content: json!({ "MATTHC": code, "SOTIEN": fee }),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    struct List(Option<ListHead>, BTreeMap<String, Entry>);

    impl List {
        fn pull(&mut self, rows: &[Pulled], belief: Belief, now: i64) -> Taken {
            let taken = whole(self.0.as_ref(), (&id(), "procedures"), &self.1, rows, belief, at(now));
            self.0 = Some(taken.head.clone());
            self.1.extend(taken.entries.iter().map(|(e, _)| (e.code.clone(), e.clone())));
            taken
        }

        fn kinds(taken: &Taken) -> Vec<(&str, &'static str)> {
            taken.changes.iter().map(|c| (c.code.as_str(), c.kind.name())).collect()
        }
    }

    fn ten() -> Vec<Pulled> {
        (0..10).map(|n| row(&format!("1.00000{n}"), json!("8.000"))).collect()
    }

    const USUAL: Belief = Belief::Percent(10);

    #[test]
    fn a_list_begins_without_news_and_then_tells_every_difference() {
        let mut list = List(None, BTreeMap::new());
        let first = list.pull(&ten(), USUAL, 1);
        assert_eq!((first.head.version, first.head.rows, first.changes.len()), (1, 10, 0));
        // The same again is no version.
        let again = list.pull(&ten(), USUAL, 2);
        assert_eq!((again.head.version, again.entries.len(), again.head.pulled_at), (1, 0, at(2)));
        let mut rows = ten();
        rows[3] = row("1.000003", json!("không"));
        rows.remove(0);
        rows.push(row("2.000001", json!("")));
        let third = list.pull(&rows, USUAL, 3);
        assert_eq!(
            List::kinds(&third),
            [("1.000003", "changed"), ("2.000001", "new"), ("1.000000", "withdrawn")]
        );
        let expected =
            Difference { path: "/SOTIEN".into(), before: Some("8.000".into()), after: Some("không".into()) };
        assert_eq!(third.changes[0].differences, [expected]);
        assert_eq!((third.head.version, third.head.rows, third.head.held_back), (2, 10, 0));
        let fourth = list.pull(&ten(), USUAL, 4);
        assert_eq!(List::kinds(&fourth)[0], ("1.000000", "returned"));
        assert_eq!(list.1["1.000000"].withdrawn_at, None);
    }

    #[test]
    fn an_empty_or_truncated_answer_withdraws_nothing() {
        let mut list = List(None, BTreeMap::new());
        list.pull(&ten(), USUAL, 1);
        let empty = list.pull(&[], USUAL, 2);
        assert_eq!((empty.changes.len(), empty.head.held_back, empty.head.rows), (0, 10, 10));
        let half = list.pull(&ten()[..5], USUAL, 3);
        assert_eq!((half.changes.len(), half.head.held_back), (0, 5));
        // Of three, two that are missing are not few.
        let mut small = List(None, BTreeMap::new());
        small.pull(&ten()[..3], USUAL, 1);
        assert_eq!(small.pull(&ten()[..1], USUAL, 2).head.held_back, 2);
        assert_eq!(List::kinds(&small.pull(&ten()[..2], USUAL, 3)), [("1.000002", "withdrawn")]);
        // Not even a person can make an empty answer true.
        assert_eq!(list.pull(&[], Belief::Confirmed, 4).changes.len(), 0);
        let believed = list.pull(&ten()[..5], Belief::Confirmed, 5);
        assert_eq!((believed.changes.len(), believed.head.rows, believed.head.held_back), (5, 5, 0));
    }

    #[test]
    fn what_is_no_number_stays_text_and_a_number_that_becomes_text_is_no_change() {
        let mut list = List(None, BTreeMap::new());
        list.pull(&[row("a", json!("không")), row("b", json!(28000)), row("c", Value::Null)], USUAL, 1);
        assert_eq!(&*list.1["a"].content, r#"{"MATTHC":"a","SOTIEN":"không"}"#);
        let again =
            list.pull(&[row("a", json!("không")), row("b", json!("28000")), row("c", json!(""))], USUAL, 2);
        assert_eq!(again.entries.len(), 0);
    }

    #[test]
    fn a_code_that_comes_twice_counts_once_and_one_without_a_code_not_at_all() {
        let mut list = List(None, BTreeMap::new());
        let taken = list.pull(&[row("a", json!(1)), row("a", json!(2)), row("", json!(3))], USUAL, 1);
        assert_eq!(taken.entries.len(), 1);
        assert!(taken.entries[0].0.content.contains('1'));
    }
}
