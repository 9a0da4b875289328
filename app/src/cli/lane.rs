//! `lienthong lane list|show`: what blocks, since when, who has to act, and the ways out.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{
    Failure, Global, Screen,
    api::{self, percent},
    when,
    words::{advice, list, number, text},
};
use crate::i18n::Arg;

/// `lienthong lane …`
#[derive(Debug, Subcommand)]
pub enum Lane {
    /// Liệt kê các luồng bị chặn, lâu nhất trước
    /// List lanes that do not move, oldest first
    #[command(verbatim_doc_comment)]
    List(Filter),
    /// Một luồng, thao tác đứng đầu và các lối ra
    /// One lane with its head and its exits
    #[command(verbatim_doc_comment)]
    Show(One),
}

/// Which lanes.
#[derive(Debug, Default, Args)]
pub struct Filter {
    /// Theo kết nối
    /// By connector
    #[arg(long, verbatim_doc_comment)]
    pub connector: Option<String>,
    /// Theo trạng thái: ready, running, doubtful, awaiting, held, stuck (mặc định: những luồng không chạy)
    /// By state; those that do not move by default
    #[arg(long, verbatim_doc_comment)]
    pub state: Option<String>,
    /// Theo đơn vị
    /// By unit
    #[arg(long, verbatim_doc_comment)]
    pub unit: Option<String>,
    /// Theo nguyên nhân
    /// By cause
    #[arg(long, verbatim_doc_comment)]
    pub cause: Option<String>,
    /// Theo người phải xử lý: unit, administrator, partner, nobody
    /// By who has to act
    #[arg(long, verbatim_doc_comment)]
    pub owner: Option<String>,
    /// Từ sau chỗ này, như câu trả lời trước đã nêu
    /// After this place, as the answer before gave it
    #[arg(long, verbatim_doc_comment)]
    pub after: Option<String>,
    /// Nhiều nhất bao nhiêu luồng
    /// At most this many
    #[arg(long, default_value_t = 20, verbatim_doc_comment)]
    pub limit: i64,
}

/// Which one.
#[derive(Debug, Args)]
pub struct One {
    /// Số của luồng
    /// The lane's number
    #[arg(verbatim_doc_comment)]
    pub id: i64,
}

impl Filter {
    /// As the API's query.
    fn query(&self) -> String {
        let texts = [
            ("connector", &self.connector),
            ("state", &self.state),
            ("unit", &self.unit),
            ("cause", &self.cause),
            ("owner", &self.owner),
            ("after", &self.after),
        ];
        let mut query = format!("/v1/lanes?limit={}", self.limit);
        for (name, value) in texts {
            if let Some(value) = value {
                query.extend(["&", name, "=", &percent(value)]);
            }
        }
        query
    }
}

impl Lane {
    pub(super) async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        let (path, is_list) = match &self {
            Self::List(filter) => (filter.query(), true),
            Self::Show(one) => (format!("/v1/lanes/{}", one.id), false),
        };
        let answer = api::ask(global, screen, &path).await?;
        if screen.json {
            screen.value(&answer);
            return Ok(ExitCode::SUCCESS);
        }
        let one = answer.get("lane").cloned().map(|lane| vec![lane]).unwrap_or_default();
        let lanes = if is_list { list(&answer, "lanes") } else { &one };
        if lanes.is_empty() {
            screen.line(screen.say("no-lanes"));
        }
        screen.blocks(lanes.iter().map(|lane| block(screen, lane)).collect());
        if let Some(next) = answer.get("next").and_then(Value::as_str) {
            screen.line(screen.say_with("next-page", &[("after", Arg::Text(next))]));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn block(screen: &Screen, lane: &Value) -> (String, Vec<String>) {
    let head = lane.get("head").unwrap_or(&Value::Null);
    let why = match advice(screen, lane, "why") {
        "" => screen.named("state", text(lane, "state")),
        why => why.to_owned(),
    };
    let what = [
        text(lane, "connector").to_owned(),
        screen.named("action", text(head, "action")),
        text(lane, "subject").to_owned(),
        format!("#{}", number(head, "id")),
    ];
    let mut ages = vec![
        screen.named("state", text(lane, "state")),
        format!("{} {}", screen.say("since"), when::short(&lane["since_at"])),
        format!("{} {}", screen.say("created"), when::short(&head["created_at"])),
    ];
    if number(lane, "behind") > 0 {
        ages.push(screen.say_with("lane-behind", &[("count", Arg::Count(number(lane, "behind")))]));
    }
    let facts =
        |parts: &[String]| parts.iter().filter(|p| !p.is_empty()).cloned().collect::<Vec<_>>().join(" · ");
    let who = match advice(screen, lane, "who") {
        "" => screen.named("owner", text(lane, "owner")),
        who => who.to_owned(),
    };
    let mut lines = vec![why, facts(&what), facts(&ages)];
    if !text(head, "said").is_empty() {
        lines.push(format!("{}: {}", screen.say("said"), text(head, "said")));
    }
    lines.push(format!("{}: {who}", screen.say("who")));
    for exit in list(lane, "exits") {
        let name = screen.named("exit-name", text(exit, "name"));
        lines.push(format!("→ {name}: {}", text(exit, screen.locale.code())));
    }
    (number(lane, "id").to_string(), lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Locale;
    use serde_json::json;

    #[test]
    fn a_lane_is_told_with_its_age_its_owner_and_its_exits() {
        let lane = json!({ "id": 7, "connector": "dvcqg", "subject": "000.00.08.H99-261122-0001", "state": "stuck",
            "since_at": "2026-11-23T08:05:00+07:00", "behind": 3, "owner": "unit",
            "head": { "id": 12, "action": "sync_dossier", "created_at": "2026-11-22T09:00:00+07:00", "said": "03: sai" },
            "advice": { "vi": { "why": "Sai dữ liệu", "who": "Đơn vị", "next": "Sửa" } },
            "exits": [{ "name": "edit", "vi": "Sửa rồi gửi", "en": "x" }] });
        let (mark, lines) = block(&Screen::new(Locale::Vi, false), &lane);
        let all = lines.join("\n");
        assert_eq!(mark, "7");
        for said in ["Sai dữ liệu", "#12", "23/11 08:05", "3", "03: sai", "Sửa rồi gửi"] {
            assert!(all.contains(said), "{said}: {all}");
        }
    }

    #[test]
    fn filters_become_a_query() {
        let filter = Filter { owner: Some("unit".into()), limit: 20, ..Filter::default() };
        assert_eq!(filter.query(), "/v1/lanes?limit=20&owner=unit");
    }
}
