//! `lienthong index`: the national index of a period, computed here; `compare` and `enter` beside it.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use comfy_table::Table;
use serde_json::{Value, json};

use super::{
    Failure, Global, Screen,
    api::{Api, Sent, percent},
    when,
    words::{list, number, text},
};
use crate::{i18n::Arg, sheets};

/// Dossiers that cost most, on the screen.
const COSTLY: usize = 5;
/// Repairs shown on the screen.
const SHOWN: usize = 12;

/// `lienthong index …`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Index {
    #[command(subcommand)]
    deed: Option<Deed>,
    #[command(flatten)]
    show: Show,
}

/// What else can be done.
#[derive(Debug, Subcommand)]
pub enum Deed {
    /// Đặt số liệu lưu từ trang của Cổng (JSON) cạnh số tính ở đây: tử số, mẫu số, điểm
    /// Figures saved from the portal (JSON) beside ours
    #[command(verbatim_doc_comment)]
    Compare(Compare),
    /// Nhập điểm của chỉ tiêu mà dữ liệu đồng bộ không cho biết (1.1, 1.2, 4.x, 5.2, 5.3)
    /// Enter the points of an indicator that synced data cannot tell
    #[command(verbatim_doc_comment)]
    Enter(Enter),
}

/// Which period, of whom.
#[derive(Debug, Clone, Default, Args)]
pub struct Which {
    /// Tháng (2026-10), quý (2026-Q4) hoặc năm (2026); mặc định: tháng này
    /// A month, a quarter or a year; this month unless told
    #[arg(long, verbatim_doc_comment)]
    period: Option<String>,
    /// Chỉ đơn vị này
    /// Of this unit only
    #[arg(long, verbatim_doc_comment)]
    unit: Option<String>,
    /// Chỉ thủ tục này (mã quốc gia)
    /// Of this procedure only (national code)
    #[arg(long, verbatim_doc_comment)]
    procedure: Option<String>,
}

/// The index itself.
#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    which: Which,
    /// Cập nhật dữ liệu tính điểm trước khi tính (bình thường tự cập nhật theo index.refresh_seconds)
    /// Bring the facts up to date first
    #[arg(long, verbatim_doc_comment)]
    refresh: bool,
    /// Ghi ra tệp CSV (một bảng, chọn bằng --table)
    /// Write one table as CSV
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    csv: Option<PathBuf>,
    /// Bảng nào: indicators, units, procedures, repairs, checks
    /// Which table
    #[arg(long, default_value = "indicators", value_parser = sheets::TABLES, verbatim_doc_comment)]
    table: String,
    /// Ghi tất cả các bảng ra tệp XLSX
    /// Write all tables as XLSX
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    xlsx: Option<PathBuf>,
    /// Nêu nhiều nhất bao nhiêu hồ sơ cho mỗi việc
    /// How many dossiers are named of each repair
    #[arg(long, default_value_t = 20, verbatim_doc_comment)]
    examples: u32,
}

/// `lienthong index compare`
#[derive(Debug, Args)]
pub struct Compare {
    /// Tệp JSON đã lưu từ trang của Cổng
    /// The JSON file saved from the portal
    file: PathBuf,
    #[command(flatten)]
    which: Which,
}

/// `lienthong index enter`
#[derive(Debug, Args)]
pub struct Enter {
    /// Mã chỉ tiêu
    /// The indicator's code
    indicator: String,
    /// Kỳ: tháng, quý hoặc năm
    /// The period
    #[arg(long, verbatim_doc_comment)]
    period: String,
    /// Số điểm, ví dụ 5.50; bỏ trống là bỏ số đã nhập
    /// The points; none takes an earlier figure back
    #[arg(long, verbatim_doc_comment)]
    points: Option<String>,
    /// Lấy số từ đâu
    /// Where it is from
    #[arg(long, verbatim_doc_comment)]
    reason: String,
}

impl Which {
    fn query(&self) -> String {
        let pairs = [("period", &self.period), ("unit", &self.unit), ("procedure", &self.procedure)];
        let pairs = pairs
            .iter()
            .filter_map(|(name, value)| value.as_ref().map(|value| format!("&{name}={}", percent(value))));
        pairs.collect()
    }
}

impl Index {
    pub(super) async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        match self.deed {
            None => self.show.run(global, screen).await,
            Some(Deed::Compare(compare)) => compare.run(global, screen).await,
            Some(Deed::Enter(enter)) => enter.run(global, screen).await,
        }
    }
}

impl Show {
    async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        let api = Api::open(global, screen).await?;
        let answer = self.ask(&api, screen).await;
        if answer.is_ok() {
            api.tell(screen);
        }
        api.close().await;
        let answer = answer?;
        let index = &answer["index"];
        let tables = sheets::sheets(index, screen.locale);
        if let Some(path) = &self.csv {
            let table = tables.iter().find(|sheet| sheet.name == self.table);
            let written = table.map(sheets::csv).unwrap_or_default();
            save(screen, path, written.as_bytes())?;
        }
        if let Some(path) = &self.xlsx {
            let book = sheets::xlsx(&tables).map_err(|error| Failure::new(error.to_string(), ""))?;
            save(screen, path, &book)?;
        }
        if screen.json {
            screen.value(&answer);
        } else if self.csv.is_none() && self.xlsx.is_none() {
            show(screen, index);
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn ask(&self, api: &Api, screen: &Screen) -> Result<Value, Failure> {
        let mut is_complete = !self.refresh;
        while !is_complete {
            let answer = api.post(screen, "/v1/index/refresh", Sent::json(&json!({}))).await?;
            is_complete = answer["complete"] != false;
        }
        let path = format!("/v1/index?examples={}{}", self.examples, self.which.query());
        api.get(screen, &path).await
    }
}

pub(super) fn save(screen: &Screen, path: &PathBuf, bytes: &[u8]) -> Result<(), Failure> {
    let shown = path.display().to_string();
    std::fs::write(path, bytes).map_err(|error| Failure::new(format!("{shown}: {error}"), ""))?;
    if !screen.json {
        screen.line(screen.say_with("index-written", &[("file", Arg::Text(&shown))]));
    }
    Ok(())
}

/// The index on a terminal.
fn show(screen: &Screen, index: &Value) {
    let lang = screen.locale.code();
    headline(screen, index);
    indicators(screen, index);
    repairs(screen, index);
    let checks = list(index, "checks");
    if !checks.is_empty() {
        screen.line(screen.say("index-checks"));
        let mut table = screen.table(&["count", "index-check", "index-hits"]);
        for check in checks {
            let hits = list(check, "hits").iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
            let count = screen.number(number(check, "dossiers"));
            table.add_row([count, text(&check["words"], lang).to_owned(), hits]);
        }
        screen.line(table.to_string());
    }
}

/// The score, the indicators, the dossiers that cost most: what the demo ends with.
pub(crate) fn brief(screen: &Screen, index: &Value) {
    headline(screen, index);
    indicators(screen, index);
    costly(screen, index);
}

fn indicators(screen: &Screen, index: &Value) {
    let lang = screen.locale.code();
    let mut table =
        screen.table(&["index-code", "index-name", "index-points", "index-ratio", "index-standing"]);
    for indicator in list(index, "indicators") {
        let points = match text(indicator, "points") {
            "" => format!("– / {}", number(indicator, "max")),
            points => format!("{points} / {}", number(indicator, "max")),
        };
        let ratio = match (indicator["numerator"].as_i64(), indicator["denominator"].as_i64()) {
            (Some(n), Some(d)) => format!("{}/{}", screen.number(n), screen.number(d)),
            _ => String::new(),
        };
        table.add_row([
            text(indicator, "code").to_owned(),
            text(&indicator["name"], lang).to_owned(),
            points,
            ratio,
            screen.named("standing", text(indicator, "standing")),
        ]);
    }
    screen.line(table.to_string());
}

fn headline(screen: &Screen, index: &Value) {
    let (computed, here) = (&index["computed"], &index["if_delivered"]);
    let of = number(computed, "of").to_string();
    let values = [
        ("period", text(index, "period")),
        ("points", text(computed, "points")),
        ("of", &of),
        ("here", text(here, "points")),
        ("least", text(&index["range"], "least")),
        ("most", text(&index["range"], "most")),
    ];
    screen.line(screen.say_with("index-headline", &values.map(|(name, value)| (name, Arg::Text(value)))));
    let entered = &index["entered"];
    if number(entered, "of") > 0 {
        let of = number(entered, "of").to_string();
        let values = [("points", Arg::Text(text(entered, "points"))), ("of", Arg::Text(&of))];
        screen.line(screen.say_with("index-entered", &values));
    }
    let (as_of, rules) = (when::long(&index["as_of"]), text(index, "rules"));
    let line = if as_of.is_empty() {
        screen.say("index-building")
    } else {
        screen.say_with("index-as-of", &[("at", Arg::Text(&as_of)), ("rules", Arg::Text(rules))])
    };
    screen.line(line);
    if number(index, "dossiers") + number(index, "received_here") == 0 {
        let known: Vec<&str> = list(index, "periods").iter().filter_map(Value::as_str).collect();
        screen.line(screen.say("index-empty"));
        if !known.is_empty() {
            screen.line(screen.say_with("index-known", &[("periods", Arg::Text(&known.join(", ")))]));
        }
    }
    let counts = [("dossiers", "dossiers"), ("received", "received_here"), ("waiting", "waiting")];
    let counts = counts.map(|(name, field)| (name, Arg::Count(number(index, field))));
    screen.line(screen.say_with("index-dossiers", &counts));
}

/// The dossiers that cost most.
fn costly(screen: &Screen, index: &Value) {
    let costly = list(index, "costly");
    if costly.is_empty() {
        return;
    }
    screen.line(screen.say("closing-costly"));
    let headings = ["closing-costly-points", "closing-costly-dossier", "closing-costly-acts"];
    let mut table = screen.roomy(&headings, 1);
    for dossier in costly.iter().take(COSTLY) {
        let acts = list(dossier, "acts").iter().map(|act| text(&act["words"], screen.locale.code()));
        let who = [text(dossier, "dossier"), text(dossier, "unit"), text(dossier, "officer")];
        table.add_row([
            format!("−{}", text(dossier, "gain")),
            who.join("\n").trim_end().to_owned(),
            acts.collect::<Vec<_>>().join("\n"),
        ]);
    }
    screen.line(table.to_string());
}

fn repairs(screen: &Screen, index: &Value) {
    let all = list(index, "repairs");
    if all.is_empty() {
        return;
    }
    screen.line(screen.say("index-repairs"));
    let mut table: Table = screen.roomy(&["index-gain", "count", "index-act", "index-examples"], 2);
    for repair in all.iter().take(SHOWN) {
        let examples = list(repair, "examples")
            .iter()
            .take(3)
            .map(|e| [text(e, "dossier"), text(e, "officer")].join(" ").trim_end().to_owned());
        table.add_row([
            format!("+{}\n(+{})", text(repair, "gain"), text(repair, "gain_of_all")),
            screen.number(number(repair, "dossiers")),
            text(&repair["words"], screen.locale.code()).to_owned(),
            examples.collect::<Vec<_>>().join("\n"),
        ]);
    }
    screen.line(table.to_string());
}

impl Compare {
    async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        let shown = self.file.display().to_string();
        let bytes =
            std::fs::read(&self.file).map_err(|error| Failure::new(format!("{shown}: {error}"), ""))?;
        let api = Api::open(global, screen).await?;
        let path = format!("/v1/index/compare?{}", self.which.query().trim_start_matches('&'));
        let answer = api.post(screen, &path, Sent { content_type: "application/json", bytes }).await;
        if answer.is_ok() {
            api.tell(screen);
        }
        api.close().await;
        let answer = answer?;
        if screen.json {
            screen.value(&answer);
            return Ok(ExitCode::SUCCESS);
        }
        let mut table =
            screen.table(&["index-code", "index-name", "index-ours", "index-portal", "index-agrees"]);
        let side = |side: &Value| {
            let ratio = match (side["numerator"].as_i64(), side["denominator"].as_i64()) {
                (Some(n), Some(d)) => format!("{}/{}", screen.number(n), screen.number(d)),
                _ => String::new(),
            };
            [ratio.as_str(), text(side, "points")].join("\n").trim().to_owned()
        };
        for row in list(&answer, "compared") {
            let agrees = match row["agrees"].as_bool() {
                Some(true) => "✓",
                Some(false) => "✗",
                None => "",
            };
            table.add_row([
                text(row, "code").to_owned(),
                text(&row["name"], screen.locale.code()).to_owned(),
                side(&row["ours"]),
                side(&row["portal"]),
                agrees.to_owned(),
            ]);
        }
        screen.line(table.to_string());
        Ok(ExitCode::SUCCESS)
    }
}

impl Enter {
    async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        let api = Api::open(global, screen).await?;
        let body = json!({ "period": self.period, "indicator": self.indicator, "points": self.points,
            "reason": self.reason });
        let answer = api.decide_with(screen, "/v1/index/entered", &body).await;
        api.close().await;
        let answer = answer?;
        if screen.json {
            screen.value(&answer);
        } else {
            screen.line(screen.say_with("index-kept", &[("period", Arg::Text(text(&answer, "period")))]));
        }
        Ok(ExitCode::SUCCESS)
    }
}
