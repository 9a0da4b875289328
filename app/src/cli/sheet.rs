//! `lienthong sheet`: the morning sheet of the province or of a unit, of now or as it was kept.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use serde_json::Value;

use super::{
    Failure, Global, Screen,
    api::{self, percent},
    index::save,
    when,
    words::{list, number, text},
};
use crate::{i18n::Arg, sheets};

/// `lienthong sheet`
#[derive(Debug, Args)]
pub struct Sheet {
    /// Đơn vị này, kèm tên từng hồ sơ; bỏ trống: toàn tỉnh, mỗi đơn vị một dòng
    /// Of this unit, with its dossiers; none: the province, one line a unit
    #[arg(long, verbatim_doc_comment)]
    unit: Option<String>,
    /// Bản đã lưu của ngày này (2026-11-23 hoặc today); bỏ trống: lúc này
    /// As it was kept on this day; none: as it is now
    #[arg(long, verbatim_doc_comment)]
    day: Option<String>,
    /// Ghi ra tệp CSV (một bảng, chọn bằng --table)
    /// Write one table as CSV
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    csv: Option<PathBuf>,
    /// Bảng nào: units, dossiers (chỉ khi có --unit); mặc định: bảng cuối
    /// Which table
    #[arg(long, value_parser = sheets::MORNING, verbatim_doc_comment)]
    table: Option<String>,
    /// Ghi tất cả các bảng ra tệp XLSX
    /// Write all tables as XLSX
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    xlsx: Option<PathBuf>,
}

impl Sheet {
    pub(super) async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        let pairs = [("unit", &self.unit), ("day", &self.day)];
        let pairs = pairs
            .iter()
            .filter_map(|(name, value)| value.as_ref().map(|value| format!("{name}={}", percent(value))));
        let query = pairs.collect::<Vec<_>>().join("&");
        let answer = api::ask(global, screen, &format!("/v1/sheet?{query}")).await?;
        let sheet = &answer["sheet"];
        let tables = sheets::morning(sheet, screen.locale);
        if let Some(path) = &self.csv {
            let wanted = tables.iter().find(|table| self.table.as_deref() == Some(table.name));
            let written = wanted.or(tables.last()).map(sheets::csv).unwrap_or_default();
            save(screen, path, written.as_bytes())?;
        }
        if let Some(path) = &self.xlsx {
            let book = sheets::xlsx(&tables).map_err(|error| Failure::new(error.to_string(), ""))?;
            save(screen, path, &book)?;
        }
        if screen.json {
            screen.value(&answer);
        } else if self.csv.is_none() && self.xlsx.is_none() {
            show(screen, sheet);
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show(screen: &Screen, sheet: &Value) {
    headline(screen, sheet);
    let is_province = sheet["unit"].is_null();
    let units = list(sheet, "units");
    let mut table = screen.table(&[
        "sheet-unit",
        "sheet-received",
        "sheet-soon",
        "sheet-next",
        "sheet-late",
        "sheet-waiting",
        "sheet-blocked",
        "sheet-lost",
    ]);
    let total = is_province.then(|| (screen.say("sheet-total"), &sheet["totals"]));
    let lines = units.iter().map(|line| {
        let name = [text(line, "name"), text(line, "unit")].join("\n");
        (name.trim().to_owned(), line)
    });
    for (name, line) in total.into_iter().chain(lines) {
        let count = |field: &str| screen.number(number(line, field));
        table.add_row([
            name,
            format!("{}+{}", count("received_today"), count("received_before")),
            count("due_soon"),
            count("due_next"),
            count("late"),
            count("waiting"),
            count("blocked"),
            text(line, "lost").to_owned(),
        ]);
    }
    screen.line(table.to_string());
    let hours = &sheet["working_hours"];
    let hour = |place: usize| Arg::Count(hours[place].as_i64().unwrap_or(0));
    screen.line(screen.say_with("sheet-legend", &[("soon", hour(0)), ("next", hour(1))]));
    if !is_province {
        dossiers(screen, list(sheet, "rows"));
    }
}

fn headline(screen: &Screen, sheet: &Value) {
    let (day, at) = (text(sheet, "day"), when::long(&sheet["at"]));
    let key = if sheet["is_kept"] == true { "sheet-kept" } else { "sheet-live" };
    screen.line(screen.say_with(key, &[("day", Arg::Text(day)), ("at", Arg::Text(&at))]));
    let as_of = when::long(&sheet["as_of"]);
    screen.line(if as_of.is_empty() {
        screen.say("sheet-building")
    } else {
        screen.say_with("sheet-as-of", &[("at", Arg::Text(&as_of))])
    });
    let joined = |field: &str| {
        let parts =
            list(sheet, field).iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
        parts.collect::<Vec<_>>().join(", ")
    };
    let (years, days) = (joined("missing_years"), joined("days"));
    if !years.is_empty() {
        screen.line(screen.say_with("sheet-missing", &[("years", Arg::Text(&years))]));
    }
    if !days.is_empty() && sheet["is_kept"] != true {
        screen.line(screen.say_with("sheet-days", &[("days", Arg::Text(&days))]));
    }
}

fn dossiers(screen: &Screen, rows: &[Value]) {
    if rows.is_empty() {
        screen.line(screen.say("sheet-nothing"));
        return;
    }
    let headings = ["sheet-dossier", "sheet-figure", "sheet-due", "sheet-since", "sheet-hours"];
    let mut table = screen.roomy(&headings, 1);
    for row in rows {
        let who = [text(row, "dossier"), text(row, "procedure"), text(row, "officer")];
        let why = [screen.named("figure", text(row, "figure")), text(row, "partner_name").to_owned()];
        let hours = row["working_minutes"].as_i64();
        table.add_row([
            who.join("\n").trim_end().to_owned(),
            why.join("\n").trim_end().to_owned(),
            when::short(&row["due_at"]),
            when::short(&row["since"]),
            hours.map_or_else(String::new, |m| format!("{}:{:02}", m / 60, m % 60)),
        ]);
    }
    screen.line(table.to_string());
}
