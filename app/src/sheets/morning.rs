//! The morning sheet as tables.

use jiff::Timestamp;
use lienthong_core::clock::business;
use serde_json::Value;

use super::{Cell, Sheet, count, decimal, named, rows, said};
use crate::i18n::{Arg, Locale, text, text_with};

/// The stable names of its tables; the dossiers are those of one unit.
pub const MORNING: [&str; 2] = ["units", "dossiers"];

/// `23/11/2026 16:30`.
fn moment(value: &Value) -> Cell {
    let at = value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    at.map_or(Cell::Empty, |at| Cell::Text(business(at).strftime("%d/%m/%Y %H:%M").to_string()))
}

/// Minutes as hours with two decimals.
fn hours(value: &Value) -> Cell {
    let digits = |minutes: i64| format!("{}.{:02}", minutes / 60, minutes % 60 * 100 / 60);
    value.as_i64().map_or(Cell::Empty, |minutes| Cell::Decimal(digits(minutes)))
}

/// The tables of a sheet, `answer["sheet"]` of the API: the units, and of a unit its dossiers.
pub fn morning(sheet: &Value, locale: Locale) -> Vec<Sheet> {
    let lang = locale.code();
    let within = |place: usize| sheet["working_hours"][place].as_i64().unwrap_or_default();
    let headings = |keys: &[&str]| -> Vec<String> {
        let heading = |key: &&str| match *key {
            "due-soon" => text_with(locale, "morning-within", &[("n", Arg::Count(within(0)))]),
            "due-next" => text_with(locale, "morning-within", &[("n", Arg::Count(within(1)))]),
            key => text(locale, &format!("morning-col-{key}")),
        };
        keys.iter().map(heading).collect()
    };
    let line = |l: &Value| {
        vec![
            said(&l["unit"]),
            said(&l["name"]),
            count(&l["received_today"]),
            count(&l["received_before"]),
            count(&l["open"]),
            count(&l["due_soon"]),
            count(&l["due_next"]),
            count(&l["late"]),
            moment(&l["late_since"]),
            count(&l["waiting"]),
            count(&l["waiting_over"]),
            count(&l["blocked"]),
            moment(&l["blocked_since"]),
            decimal(&l["lost"]),
        ]
    };
    let mut lines: Vec<Vec<Cell>> = rows(sheet, "units").map(line).collect();
    if sheet["unit"].is_null() {
        let mut sum = line(&sheet["totals"]);
        if let Some(name) = sum.get_mut(1) {
            *name = Cell::Text(text(locale, "morning-total"));
        }
        lines.push(sum);
    }
    let unit_columns = [
        "unit",
        "name",
        "today",
        "before",
        "open",
        "due-soon",
        "due-next",
        "late",
        "late-since",
        "waiting",
        "waiting-over",
        "blocked",
        "blocked-since",
        "lost",
    ];
    let mut tables = vec![Sheet {
        name: MORNING[0],
        title: text(locale, "sheet-units"),
        headings: headings(&unit_columns),
        rows: lines,
    }];
    if sheet["rows"].is_array() {
        let row = |r: &Value| {
            vec![
                named(locale, "figure", &r["figure"]),
                said(&r["dossier"]),
                said(&r["procedure"]),
                said(&r["procedure_name"]),
                said(&r["officer"]),
                moment(&r["due_at"]),
                moment(&r["since"]),
                hours(&r["working_minutes"]),
                moment(&r["respond_by"]),
                said(&r["partner_name"]),
                said(&r["cause_words"][lang]),
            ]
        };
        let columns = [
            "figure",
            "dossier",
            "procedure",
            "procedure-name",
            "officer",
            "due",
            "since",
            "hours",
            "respond-by",
            "partner",
            "cause",
        ];
        tables.push(Sheet {
            name: MORNING[1],
            title: text(locale, "sheet-dossiers"),
            headings: headings(&columns),
            rows: rows(sheet, "rows").map(row).collect(),
        });
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sheets::csv;
    use serde_json::json;

    fn line(unit: &str, late: i64) -> Value {
        json!({ "unit": unit, "name": "UBND xã, phường", "received_today": 1, "received_before": 2, "open": 9, "due_soon": 3,
            "due_next": 4, "late": late, "late_since": "2026-11-20T16:30:00+07:00", "waiting": 0, "waiting_over": 0,
            "blocked": 0, "blocked_since": null, "lost": "0.02" })
    }

    #[test]
    fn the_province_ends_in_its_sum_and_a_unit_names_its_dossiers() {
        let province = json!({ "unit": null, "working_hours": [24, 72], "units": [line("H1", 2), line("H2", 1)],
            "totals": line("", 3) });
        let tables = morning(&province, Locale::Vi);
        assert_eq!(tables.len(), 1);
        let text = csv(&tables[0]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("Đến hạn trong 24 giờ làm việc"), "{text}");
        assert!(
            lines[1].starts_with("H1,\"UBND xã, phường\",1,2,9,3,4,2,20/11/2026 16:30,0,0,0,,0.02"),
            "{text}"
        );
        assert!(lines[3].starts_with(",Toàn tỉnh,1,2,9,3,4,3,"), "{text}");
        let unit = json!({ "unit": "H1", "working_hours": [24, 72], "units": [line("H1", 1)], "totals": line("H1", 1),
            "rows": [{ "figure": "late", "dossier": "D1", "procedure": "1.000894", "procedure_name": "", "officer": "=A",
                "due_at": "2026-11-20T16:30:00+07:00", "since": "2026-11-20T16:30:00+07:00", "working_minutes": 150,
                "respond_by": null, "partner_name": null, "cause_words": null }] });
        let tables = morning(&unit, Locale::Vi);
        assert_eq!(tables.iter().map(|t| t.name).collect::<Vec<_>>(), MORNING);
        assert_eq!(tables[0].rows.len(), 1, "a unit has no sum");
        let text = csv(&tables[1]);
        assert!(
            text.contains("Quá hạn,D1,1.000894,,'=A,20/11/2026 16:30,20/11/2026 16:30,2.50,,,"),
            "{text}"
        );
    }
}
