//! The index as tables for spreadsheets: CSV with a byte-order mark, XLSX. Made from what the API answers, so that the
//! command line and the console write the same.

mod morning;

use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};
use serde_json::Value;

pub use morning::{MORNING, morning};

use crate::i18n::{Locale, find, text};

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Words or a code.
    Text(String),
    /// A whole number.
    Count(i64),
    /// A number with decimals, by its digits.
    Decimal(String),
    /// Nothing: not known, which is not 0.
    Empty,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// Its stable name.
    pub name: &'static str,
    /// What people call it.
    pub title: String,
    /// The headings.
    pub headings: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

/// The stable names of the tables.
pub const TABLES: [&str; 5] = ["indicators", "units", "procedures", "repairs", "checks"];

fn said(value: &Value) -> Cell {
    value.as_str().filter(|t| !t.is_empty()).map_or(Cell::Empty, |t| Cell::Text(t.to_owned()))
}

fn count(value: &Value) -> Cell {
    value.as_i64().map_or(Cell::Empty, Cell::Count)
}

fn decimal(value: &Value) -> Cell {
    value.as_str().map_or(Cell::Empty, |digits| Cell::Decimal(digits.to_owned()))
}

/// A stable name in words.
fn named(locale: Locale, kind: &str, value: &Value) -> Cell {
    let name = value.as_str().unwrap_or_default();
    Cell::Text(find(locale, &format!("{kind}-{name}"), &[]).unwrap_or_else(|| name.to_owned()))
}

fn rows<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}

/// The tables of an index, `answer["index"]` of the API.
pub fn sheets(index: &Value, locale: Locale) -> Vec<Sheet> {
    let lang = locale.code();
    let sheet = |name: &'static str, headings: &[&str], rows: Vec<Vec<Cell>>| Sheet {
        name,
        title: text(locale, &format!("sheet-{name}")),
        headings: headings.iter().map(|key| text(locale, &format!("index-col-{key}"))).collect(),
        rows,
    };
    let indicators = rows(index, "indicators").map(|i| {
        let here = &i["if_delivered"];
        vec![
            said(&i["code"]),
            said(&i["name"][lang]),
            decimal(&i["points"]),
            count(&i["max"]),
            count(&i["numerator"]),
            count(&i["denominator"]),
            named(locale, "standing", &i["standing"]),
            decimal(&here["points"]),
            count(&here["numerator"]),
            count(&here["denominator"]),
        ]
    });
    let parts = |field: &str| -> Vec<Vec<Cell>> {
        let part = |p: &Value| {
            vec![
                said(&p["code"]),
                decimal(&p["points"]),
                count(&p["of"]),
                count(&p["dossiers"]),
                count(&p["late"]),
            ]
        };
        rows(index, field).map(part).collect()
    };
    let units = rows(index, "units").map(|p| {
        let ahead = &p["ahead"];
        let ahead = [
            "open",
            "overdue",
            "due_in_24_working_hours",
            "due_in_72_working_hours",
            "waiting_for_citizen",
            "waiting_for_portal",
        ]
        .map(|field| count(&ahead[field]));
        let own = [
            said(&p["code"]),
            decimal(&p["points"]),
            count(&p["of"]),
            count(&p["dossiers"]),
            count(&p["late"]),
        ];
        own.into_iter().chain(ahead).collect()
    });
    let found = |field: &str, gains: bool| -> Vec<Vec<Cell>> {
        let of = |found: &Value| -> Vec<Vec<Cell>> {
            let row = |e: &Value| {
                let gain = gains.then(|| decimal(&found["gain"]));
                let own =
                    [said(&found["words"][lang]), said(&e["dossier"]), said(&e["unit"]), said(&e["officer"])];
                gain.into_iter().chain(own).collect()
            };
            rows(found, "examples").map(row).collect()
        };
        rows(index, field).flat_map(of).collect()
    };
    let indicator_columns = [
        "code",
        "name",
        "points",
        "max",
        "numerator",
        "denominator",
        "standing",
        "here-points",
        "here-numerator",
        "here-denominator",
    ];
    let part_columns = |kind| [kind, "points", "max", "dossiers", "late"];
    let ahead = ["open", "overdue", "due-24", "due-72", "for-citizen", "for-portal"];
    let unit_columns = [&part_columns("unit")[..], &ahead[..]].concat();
    vec![
        sheet("indicators", &indicator_columns, indicators.collect()),
        sheet("units", &unit_columns, units.collect()),
        sheet("procedures", &part_columns("procedure"), parts("procedures")),
        sheet("repairs", &["gain", "act", "dossier", "unit", "officer"], found("repairs", true)),
        sheet("checks", &["check", "dossier", "unit", "officer"], found("checks", false)),
    ]
}

/// A table as CSV (RFC 4180), with the mark by which spreadsheets know UTF-8.
pub fn csv(sheet: &Sheet) -> String {
    let mut text = String::from('\u{feff}');
    let mut line = |cells: Vec<String>| {
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    };
    line(sheet.headings.iter().map(|heading| quoted(heading)).collect());
    for row in &sheet.rows {
        let cell = |cell: &Cell| match cell {
            Cell::Text(said) => quoted(&harmless(said)),
            Cell::Count(n) => n.to_string(),
            Cell::Decimal(digits) => digits.clone(),
            Cell::Empty => String::new(),
        };
        line(row.iter().map(cell).collect());
    }
    text
}

/// A spreadsheet must not take a name for a formula.
fn harmless(said: &str) -> String {
    if said.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{said}") } else { said.to_owned() }
}

fn quoted(said: &str) -> String {
    if said.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", said.replace('"', "\"\""))
    } else {
        said.to_owned()
    }
}

/// All tables as one workbook.
pub fn xlsx(sheets: &[Sheet]) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let (bold, points) = (Format::new().set_bold().set_text_wrap(), Format::new().set_num_format("0.00##"));
    for sheet in sheets {
        let page = book.add_worksheet();
        page.set_name(&sheet.title)?;
        page.set_freeze_panes(1, 0)?;
        for (column, heading) in (0..).zip(&sheet.headings) {
            page.write_string_with_format(0, column, heading, &bold)?;
        }
        for (line, row) in (1..).zip(&sheet.rows) {
            for (column, cell) in (0..).zip(row) {
                write(page, (line, column), cell, &points)?;
            }
        }
        page.autofit();
    }
    book.save_to_buffer()
}

fn write(
    page: &mut Worksheet,
    (line, column): (u32, u16),
    cell: &Cell,
    points: &Format,
) -> Result<(), XlsxError> {
    match cell {
        Cell::Text(said) => page.write_string(line, column, said).map(drop),
        Cell::Count(n) => page.write_number(line, column, *n as f64).map(drop),
        // A spreadsheet knows no other numbers; nothing is computed with this one.
        Cell::Decimal(digits) => match digits.parse::<f64>() {
            Ok(number) => page.write_number_with_format(line, column, number, points).map(drop),
            Err(_) => page.write_string(line, column, digits).map(drop),
        },
        Cell::Empty => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn index() -> Value {
        json!({
            "indicators": [{"code": "1.4", "name": {"vi": "Hồ sơ, đồng bộ", "en": "Synced"}, "points": "5.45", "max": 6,
                "numerator": 10, "denominator": 11, "standing": "estimate",
                "if_delivered": {"points": "6.00", "numerator": 11, "denominator": 11}}],
            "units": [], "procedures": [],
            "repairs": [{"act": "send_result", "words": {"vi": "x", "en": "x"}, "gain": "1.15",
                "examples": [{"dossier": "D03", "unit": "H99", "officer": "=HYPERLINK(\"x\")"}]}],
            "checks": []
        })
    }

    #[test]
    fn what_is_not_known_stays_empty_and_names_are_no_formulas() {
        let sheets = sheets(&index(), Locale::Vi);
        assert_eq!(sheets.iter().map(|s| s.name).collect::<Vec<_>>(), TABLES);
        let first = csv(&sheets[0]);
        assert!(
            first.starts_with('\u{feff}') && first.contains("1.4,\"Hồ sơ, đồng bộ\",5.45,6,10,11,"),
            "{first}"
        );
        assert!(csv(&sheets[3]).contains("\"'=HYPERLINK(\"\"x\"\")\""), "{}", csv(&sheets[3]));
        let book = xlsx(&sheets).unwrap();
        assert!(book.starts_with(b"PK"));
    }
}
