//! `lienthong event publish|validate FILE`: a JSON-lines file through the API, batch by batch, in its order.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    Failure, Global, Screen,
    api::{Api, Sent},
    words::text,
};

/// `lienthong event …`
#[derive(Debug, Subcommand)]
pub enum Event {
    /// Gửi mọi sự kiện trong tệp; chạy lại cũng không sao: sự kiện đã nhận được nhận ra là trùng
    /// Publish all events of a file; repeating it is harmless
    #[command(verbatim_doc_comment)]
    Publish(File),
    /// Chỉ kiểm tra từng sự kiện, không lưu gì
    /// Only judge each event, store nothing
    #[command(verbatim_doc_comment)]
    Validate(File),
}

/// Which file.
#[derive(Debug, Args)]
pub struct File {
    /// Tệp JSON lines, mỗi dòng một sự kiện CloudEvents; "-" là đầu vào chuẩn
    /// A JSON-lines file, one CloudEvent a line; "-" is standard input
    #[arg(verbatim_doc_comment)]
    pub file: PathBuf,
    /// Số sự kiện mỗi lần gửi
    /// Events per request
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=1000), verbatim_doc_comment)]
    pub batch: u16,
}

/// Lines shown of what is wrong.
const PROBLEMS_SHOWN: usize = 20;
/// A request's lines may be this long together: the API takes 16 MiB.
const REQUEST_BYTES: usize = 8 * 1024 * 1024;

impl Event {
    pub(super) async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        let (file, path) = match &self {
            Self::Publish(file) => (file, "/v1/events"),
            Self::Validate(file) => (file, "/v1/events?dry_run=true"),
        };
        let lines = read(file)?;
        let api = Api::open(global, screen).await?;
        let bar = screen.progress(lines.len() as u64, "progress-events");
        let mut report = Report::default();
        let mut sent = Ok(());
        for batch in batches(&lines, usize::from(file.batch)) {
            match api.post(path, batch.body()).await {
                Ok(answer) => report.take(&batch.numbers, &answer),
                Err(failure) => {
                    sent = Err(failure);
                    break;
                }
            }
            bar.inc(batch.numbers.len() as u64);
        }
        bar.finish_and_clear();
        api.close().await;
        report.show(screen, lines.len());
        sent?;
        Ok(if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The file's lines with their numbers; empty ones do not count.
fn read(file: &File) -> Result<Vec<(usize, Vec<u8>)>, Failure> {
    let bytes = if file.file.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes).map(|_| bytes)
    } else {
        std::fs::read(&file.file)
    };
    let bytes = bytes.map_err(|error| Failure::new(format!("{}: {error}", file.file.display()), ""))?;
    let lines = bytes.split(|b| *b == b'\n').enumerate();
    Ok(lines.filter(|(_, l)| !l.trim_ascii().is_empty()).map(|(i, l)| (i + 1, l.to_vec())).collect())
}

/// Lines that go in one request.
struct Batch<'l> {
    numbers: Vec<usize>,
    lines: Vec<&'l [u8]>,
    /// A line that is no JSON goes alone, as it is: inside an array it would spoil the others.
    is_alone: bool,
}

impl Batch<'_> {
    fn body(&self) -> Sent {
        if let (true, Some(line)) = (self.is_alone, self.lines.first()) {
            return Sent { content_type: "application/cloudevents+json", bytes: line.to_vec() };
        }
        let mut bytes = b"[".to_vec();
        bytes.extend(self.lines.join(b",".as_slice()));
        bytes.push(b']');
        Sent { content_type: "application/cloudevents-batch+json", bytes }
    }
}

fn batches(lines: &[(usize, Vec<u8>)], most: usize) -> Vec<Batch<'_>> {
    let mut batches: Vec<Batch<'_>> = Vec::new();
    let mut bytes = 0;
    for (number, line) in lines {
        let is_alone = serde_json::from_slice::<serde::de::IgnoredAny>(line).is_err();
        bytes += line.len();
        match batches.last_mut() {
            Some(last) if !is_alone && !last.is_alone && last.lines.len() < most && bytes < REQUEST_BYTES => {
                last.numbers.push(*number);
                last.lines.push(line);
            }
            _ => {
                bytes = line.len();
                batches.push(Batch { numbers: vec![*number], lines: vec![line], is_alone });
            }
        }
    }
    batches
}

#[derive(Default)]
struct Report {
    counts: BTreeMap<String, u64>,
    problems: Vec<(usize, Value)>,
}

impl Report {
    fn take(&mut self, numbers: &[usize], answer: &Value) {
        let verdicts = answer.get("verdicts").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (number, verdict) in numbers.iter().zip(verdicts) {
            let name = text(verdict, "verdict");
            *self.counts.entry(name.to_owned()).or_default() += 1;
            if name == "quarantined" {
                self.problems.push((*number, verdict.clone()));
            }
        }
    }

    fn show(&self, screen: &Screen, total: usize) {
        if screen.json {
            let problems: Vec<Value> = self
                .problems
                .iter()
                .map(|(line, verdict)| json!({ "line": line, "verdict": verdict }))
                .collect();
            screen.value(&json!({ "lines": total, "verdicts": self.counts, "problems": problems }));
            return;
        }
        let mut table = screen.table(&["verdict", "events"]);
        for (name, count) in &self.counts {
            table.add_row([screen.named("cli-verdict", name), count.to_string()]);
        }
        screen.line(table.to_string());
        if self.problems.is_empty() {
            return;
        }
        let mut table = screen.roomy(&["line", "where", "why"], 1);
        for (line, verdict) in self.problems.iter().take(PROBLEMS_SHOWN) {
            let message = text(verdict, &format!("message_{}", screen.locale.code()));
            let why = format!("{message}\n{}: {}", screen.say("expected"), text(verdict, "expected"));
            table.add_row([line.to_string(), text(verdict, "path").to_owned(), why]);
        }
        screen.line(table.to_string());
        if self.problems.len() > PROBLEMS_SHOWN {
            let more = (self.problems.len() - PROBLEMS_SHOWN) as i64;
            screen.line(screen.say_with("more-problems", &[("count", crate::i18n::Arg::Count(more))]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_lines_go_alone_and_the_order_of_lines_stays() {
        let lines: Vec<_> = ["{\"a\":1}", "{\"b\":2}", "{\"c\":", "{\"d\":4}"]
            .iter()
            .map(|l| l.as_bytes().to_vec())
            .collect();
        let lines: Vec<_> = (1..).zip(lines).collect();
        let batches = batches(&lines, 200);
        let numbers: Vec<_> = batches.iter().map(|b| b.numbers.clone()).collect();
        assert_eq!(numbers, [vec![1, 2], vec![3], vec![4]]);
        assert_eq!(batches[0].body().bytes, br#"[{"a":1},{"b":2}]"#);
        assert_eq!(batches[1].body().bytes, br#"{"c":"#);
        assert_eq!(batches[1].body().content_type, "application/cloudevents+json");
    }

    #[test]
    fn batches_are_cut_at_the_wanted_size() {
        let lines: Vec<_> = (1..=5).map(|n| (n, b"{}".to_vec())).collect();
        assert_eq!(batches(&lines, 2).iter().map(|b| b.lines.len()).collect::<Vec<_>>(), [2, 2, 1]);
    }
}
