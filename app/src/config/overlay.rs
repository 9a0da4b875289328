//! Environment variables over the file: `LIENTHONG__SECTION__KEY=value`, list elements by number
//! (`LIENTHONG__CONNECTOR__0__VNPOST__CUSTOMER_CODE`). A value is read as TOML where it is TOML, otherwise as text.

use std::{borrow::Cow, collections::BTreeMap, ops::Range};

use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

const PREFIX: &str = "LIENTHONG__";

/// The variables of this process that are meant for us.
pub(super) fn of_process() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with(PREFIX))
        .collect()
}

/// A variable, with its value also as a line of TOML (what is parsed borrows from it).
pub(super) struct Variable {
    pub(super) name: String,
    text: String,
    line: String,
}

/// The variables, in order of their names.
pub(super) fn variables(environment: &BTreeMap<String, String>) -> Vec<Variable> {
    environment
        .iter()
        .map(|(name, text)| Variable { name: name.clone(), text: text.clone(), line: format!("v = {text}") })
        .collect()
}

/// A variable's value, standing at `span`.
fn value<'t>(variable: &'t Variable, span: &Range<usize>) -> Spanned<DeValue<'t>> {
    let parsed = DeTable::parse(&variable.line)
        .ok()
        .map(Spanned::into_inner)
        .filter(|table| table.len() == 1)
        .and_then(|table| table.into_iter().next().map(|(_, v)| v.into_inner()));
    let text = || DeValue::String(Cow::Borrowed(variable.text.as_str()));
    placed(Spanned::new(span.clone(), parsed.unwrap_or_else(text)), span)
}

/// Every part of a value stands where the variable stands.
fn placed<'t>(value: Spanned<DeValue<'t>>, span: &Range<usize>) -> Spanned<DeValue<'t>> {
    let inner = match value.into_inner() {
        DeValue::Array(list) => {
            let mut array = DeArray::new();
            list.into_iter().for_each(|v| array.push(placed(v, span)));
            DeValue::Array(array)
        }
        DeValue::Table(table) => DeValue::Table(
            table
                .into_iter()
                .map(|(k, v)| (Spanned::new(span.clone(), k.into_inner()), placed(v, span)))
                .collect(),
        ),
        other => other,
    };
    Spanned::new(span.clone(), inner)
}

/// Puts a value where the variable's name says, making tables on the way.
pub(super) fn set<'t>(
    root: &mut DeTable<'t>,
    variable: &'t Variable,
    span: &Range<usize>,
) -> Result<(), String> {
    let name = &variable.name;
    let path = name.strip_prefix(PREFIX).unwrap_or(name).to_lowercase();
    let segments: Vec<&str> = path.split("__").collect();
    if segments.iter().any(|s| s.is_empty()) {
        return Err(format!("Biến môi trường {name} không chỉ đúng một khóa nào."));
    }
    put(root, &segments, value(variable, span), span, name)
}

fn put<'t>(
    table: &mut DeTable<'t>,
    segments: &[&str],
    value: Spanned<DeValue<'t>>,
    span: &Range<usize>,
    variable: &str,
) -> Result<(), String> {
    let Some((first, rest)) = segments.split_first() else { return Ok(()) };
    let key = Spanned::new(span.clone(), Cow::Owned((*first).to_owned()));
    if rest.is_empty() {
        table.insert(key, value);
        return Ok(());
    }
    let entry =
        table.entry(key).or_insert_with(|| Spanned::new(span.clone(), DeValue::Table(DeTable::new())));
    match entry.get_mut() {
        DeValue::Table(inner) => put(inner, rest, value, span, variable),
        DeValue::Array(list) => put_element(list, rest, value, span, variable),
        _ => Err(format!("Biến môi trường {variable} đi qua khóa `{first}`, nhưng đó không phải một mục.")),
    }
}

fn put_element<'t>(
    list: &mut DeArray<'t>,
    segments: &[&str],
    value: Spanned<DeValue<'t>>,
    span: &Range<usize>,
    variable: &str,
) -> Result<(), String> {
    let number = segments.first().and_then(|s| s.parse::<usize>().ok());
    let element = number.and_then(|n| list.get_mut(n)).map(Spanned::get_mut);
    match element {
        Some(DeValue::Table(inner)) => put(inner, &segments[1..], value, span, variable),
        _ => Err(format!("Biến môi trường {variable} chỉ một phần tử không có trong danh sách (đếm từ 0).")),
    }
}
