//! `lienthong mapping list|suggest|confirm|withdraw`: what our codes mean at the portal, by a person's word.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Failure, Global, Screen,
    api::{self, Api},
    when,
    words::{list, number, text},
};
use crate::i18n::Arg;

/// `lienthong mapping …`
#[derive(Debug, Subcommand)]
pub enum Mapping {
    /// Các mã đã được xác nhận
    /// The confirmed mappings
    #[command(verbatim_doc_comment)]
    List(Which),
    /// Gợi ý mã quốc gia theo tên gần giống; chỉ dùng sau khi có người xác nhận
    /// National codes with a similar name; used only after a person confirms
    #[command(verbatim_doc_comment)]
    Suggest(Suggest),
    /// Xác nhận một mã của ta ứng với mã nào của Cổng; hồ sơ đang chờ tự chạy tiếp
    /// Confirm what a code of ours means; what waits for it goes by itself
    #[command(verbatim_doc_comment)]
    Confirm(Confirm),
    /// Thu hồi một xác nhận; những gì đã gửi thì giữ nguyên
    /// Withdraw a mapping; what was sent stays as it is
    #[command(verbatim_doc_comment)]
    Withdraw(Withdraw),
}

/// Which mappings.
#[derive(Debug, Args)]
pub struct Which {
    /// Kết nối (không cần nếu chỉ có một)
    /// The connector (not needed if there is one)
    #[arg(long, alias = "connector", default_value = "", verbatim_doc_comment)]
    pub partner: String,
    /// Bảng mã: procedure, status, unit, fee
    /// Which codes
    #[arg(long, default_value = "", verbatim_doc_comment)]
    pub table: String,
    /// Cả những xác nhận đã thu hồi
    /// Withdrawn ones too
    #[arg(long, verbatim_doc_comment)]
    pub withdrawn: bool,
}

/// For what.
#[derive(Debug, Args)]
pub struct Suggest {
    /// Kết nối (không cần nếu chỉ có một)
    /// The connector (not needed if there is one)
    #[arg(long, alias = "connector", default_value = "", verbatim_doc_comment)]
    pub partner: String,
    /// Bảng mã: procedure, unit
    /// Which codes
    #[arg(long, default_value = "", verbatim_doc_comment)]
    pub table: String,
    /// Mã của ta (mặc định: mọi mã đang có hồ sơ chờ)
    /// Our code (all that dossiers wait for unless told)
    #[arg(long, default_value = "", verbatim_doc_comment)]
    pub local: String,
    /// Tên bên ta (mặc định: theo hồ sơ đang chờ)
    /// Our name for it (from a waiting dossier unless told)
    #[arg(long, default_value = "", verbatim_doc_comment)]
    pub name: String,
}

/// What means what.
#[derive(Debug, Args)]
pub struct Confirm {
    /// Bảng mã: procedure, status, unit, fee
    /// Which codes
    #[arg(verbatim_doc_comment)]
    pub table: String,
    /// Mã của ta
    /// Our code
    #[arg(verbatim_doc_comment)]
    pub local: String,
    /// Mã của Cổng
    /// The portal's code
    #[arg(verbatim_doc_comment)]
    pub national: String,
    /// Kết nối (không cần nếu chỉ có một)
    /// The connector (not needed if there is one)
    #[arg(long, alias = "connector", default_value = "", verbatim_doc_comment)]
    pub partner: String,
    /// Có hiệu lực từ ngày này (2025-07-01)
    /// The first day on which it holds
    #[arg(long, verbatim_doc_comment)]
    pub from: Option<String>,
    /// Có hiệu lực đến hết ngày này
    /// The last day on which it holds
    #[arg(long, verbatim_doc_comment)]
    pub until: Option<String>,
    /// Lý do, được ghi vào nhật ký xử lý
    /// The reason, kept on record
    #[arg(long, verbatim_doc_comment)]
    pub reason: String,
}

/// Which one, and why.
#[derive(Debug, Args)]
pub struct Withdraw {
    /// Số trong danh sách
    /// Its number in the list
    #[arg(verbatim_doc_comment)]
    pub id: i64,
    /// Lý do, được ghi vào nhật ký xử lý
    /// The reason, kept on record
    #[arg(long, verbatim_doc_comment)]
    pub reason: String,
}

impl Mapping {
    pub(super) async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        match self {
            Self::List(Which { partner, table, withdrawn }) => {
                let path = format!("/v1/mappings?connector={partner}&table={table}&withdrawn={withdrawn}");
                show(screen, &api::ask(global, screen, &path).await?);
            }
            Self::Suggest(Suggest { partner, table, local, name }) => {
                let (local, name) = (quoted(&local), quoted(&name));
                let path = format!(
                    "/v1/mappings/suggestions?connector={partner}&table={table}&local={local}&name={name}"
                );
                suggested(screen, &api::ask(global, screen, &path).await?);
            }
            Self::Confirm(confirm) => {
                let body = json!({ "connector": confirm.partner, "table": confirm.table, "local": confirm.local,
                    "national": confirm.national, "from": confirm.from, "until": confirm.until,
                    "reason": confirm.reason });
                decide(global, screen, "/v1/mappings", &body, "mapping-confirmed").await?;
            }
            Self::Withdraw(withdraw) => {
                let path = format!("/v1/mappings/{}/withdraw", withdraw.id);
                let body = json!({ "reason": withdraw.reason });
                decide(global, screen, &path, &body, "mapping-withdrawn").await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A value of a query.
fn quoted(text: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if is_plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

async fn decide(
    global: &Global,
    screen: &Screen,
    path: &str,
    body: &Value,
    done: &str,
) -> Result<(), Failure> {
    let api = Api::open(global, screen).await?;
    let answer = api.decide_with(screen, path, body).await;
    api.close().await;
    let answer = answer?;
    if screen.json {
        screen.value(&answer);
    } else {
        let id = number(&answer, "id").to_string();
        let woken = Arg::Count(number(&answer, "woken"));
        screen.line(screen.say_with(done, &[("id", Arg::Text(&id)), ("count", woken)]));
    }
    Ok(())
}

fn show(screen: &Screen, answer: &Value) {
    if screen.json {
        screen.value(answer);
        return;
    }
    let mappings = list(answer, "mappings");
    if mappings.is_empty() {
        screen.line(screen.say("mapping-none"));
        return;
    }
    let headings = ["number", "mapping-local", "mapping-national", "mapping-days", "mapping-word"];
    let mut table = screen.roomy(&headings, 3);
    for mapping in mappings {
        let word = |word: &Value| {
            format!("{} {} {}", when::short(&word["at"]), text(word, "by"), text(word, "reason"))
        };
        let mut words = vec![word(&mapping["confirmed"])];
        if !mapping["withdrawn"].is_null() {
            words.push(format!("{}: {}", screen.say("mapping-gone"), word(&mapping["withdrawn"])));
        }
        table.add_row([
            number(mapping, "id").to_string(),
            format!("{} {}", screen.named("table", text(mapping, "table")), text(mapping, "local")),
            format!("{}\n{}", text(mapping, "national"), text(mapping, "name")).trim_end().to_owned(),
            format!("{} – {}", text(mapping, "from"), text(mapping, "until")),
            words.join("\n"),
        ]);
    }
    screen.line(table.to_string());
}

fn suggested(screen: &Screen, answer: &Value) {
    if screen.json {
        screen.value(answer);
        return;
    }
    let codes = list(answer, "codes");
    if codes.is_empty() {
        screen.line(screen.say("mapping-nothing-waits"));
        return;
    }
    let mut table = screen.roomy(&["mapping-local", "mapping-waiting", "mapping-suggestions"], 2);
    for code in codes {
        let found = list(code, "suggestions").iter().map(|one| {
            format!("{}% {} {}", number(one, "score") / 10, text(one, "national"), text(one, "name"))
        });
        let found = found.collect::<Vec<_>>().join("\n");
        table.add_row([
            format!(
                "{} {}\n{}",
                screen.named("table", text(code, "table")),
                text(code, "local"),
                text(code, "name")
            )
            .trim_end()
            .to_owned(),
            screen.number(number(code, "waiting")),
            if found.is_empty() { screen.say("mapping-no-suggestion") } else { found },
        ]);
    }
    screen.line(table.to_string());
    screen.line(screen.say("mapping-next"));
}
