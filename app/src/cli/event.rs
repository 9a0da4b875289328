//! `lienthong event publish|validate FILE`: a JSON-lines file through the API, batch by batch, in its order.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{Args, Subcommand};
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json, value::RawValue};

use super::{
    Failure, Global, Screen, adopted,
    api::{Api, Sent},
    words::{list, number, text},
};
use crate::i18n::Arg;

/// `lienthong event …`
#[derive(Debug, Subcommand)]
pub enum Event {
    /// Gửi mọi sự kiện trong tệp; chạy lại thì sự kiện đã nhận được nhận ra là trùng, dòng không đọc được lại vào cách ly
    /// Publish all events of a file; repeated, accepted ones count as duplicates, unreadable lines are set aside again
    #[command(verbatim_doc_comment)]
    Publish(Publish),
    /// Chỉ kiểm tra từng sự kiện, không lưu gì
    /// Only judge each event, store nothing
    #[command(verbatim_doc_comment)]
    Validate(File),
}

/// Which file, and how fast.
#[derive(Debug, Args)]
pub struct Publish {
    #[command(flatten)]
    pub file: File,
    /// Chờ khi còn nhiều hơn chừng này thao tác chưa gửi, để hồ sơ hôm nay không phải xếp sau cả tệp
    /// Wait while more operations than this are to be sent, so that today's dossiers are not behind the whole file
    #[arg(long, value_name = "N", verbatim_doc_comment)]
    pub at_most_waiting: Option<u32>,
}

/// Which file.
#[derive(Debug, Args)]
pub struct File {
    /// Tệp JSON lines (mỗi dòng một sự kiện CloudEvents) hoặc một mảng JSON; "-" là đầu vào chuẩn
    /// A JSON-lines file (one CloudEvent a line) or one JSON array; "-" is standard input
    #[arg(verbatim_doc_comment)]
    pub file: PathBuf,
    /// Số sự kiện mỗi lần gửi
    /// Events per request
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=1000), verbatim_doc_comment)]
    pub batch: u16,
}

/// How often it is looked whether there is room for more.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Lines shown of what is wrong.
const PROBLEMS_SHOWN: usize = 20;
/// A request's lines may be this long together: the API takes 16 MiB.
const REQUEST_BYTES: usize = 8 * 1024 * 1024;

impl Event {
    pub(super) async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        let (file, path, most) = match &self {
            Self::Publish(publish) => (&publish.file, "/v1/events", publish.at_most_waiting),
            Self::Validate(file) => (file, "/v1/events?dry_run=true", None),
        };
        let bytes = read(file)?;
        let lines = events(&bytes).map_err(|unusable| unusable.failure(screen, &file.file))?;
        let api = Api::open(global, screen).await?;
        let bar = screen.progress(lines.len() as u64, "progress-events");
        let mut report = Report { is_served: api.is_served(), ..Report::default() };
        let mut sent = Ok(());
        if most.is_some() && !api.is_served() {
            // Nothing would ever leave: it would wait for ever.
            api.close().await;
            return Err(Failure::new(screen.say("pace-unserved"), screen.say("pace-unserved.remedy")));
        }
        for batch in batches(&lines, usize::from(file.batch)) {
            let posted = match make_room(&api, screen, most).await {
                Ok(()) => api.post(screen, path, batch.body()).await,
                Err(failure) => Err(failure),
            };
            match posted {
                Ok(answer) => report.take(&batch.numbers, &answer),
                Err(failure) => {
                    sent = Err(failure);
                    break;
                }
            }
            bar.inc(batch.numbers.len() as u64);
        }
        if let (Some(_), Ok(()), true) = (most, &sent, adopted::are_among(&lines)) {
            // The last of them are still on their way.
            sent = make_room(&api, screen, Some(0)).await;
            if sent.is_ok() {
                report.adopted = adopted::count(&api, screen).await.ok();
            }
        }
        bar.finish_and_clear();
        if matches!(self, Self::Publish(_)) {
            api.tell(screen);
        }
        api.close().await;
        report.show(screen, lines.len());
        sent?;
        Ok(if report.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Waits until no more operations than this wait to be sent; those that wait for a person do not count.
async fn make_room(api: &Api, screen: &Screen, most: Option<u32>) -> Result<(), Failure> {
    let Some(most) = most else { return Ok(()) };
    loop {
        let status = api.get(screen, "/v1/status").await?;
        let waiting: i64 = list(&status, "partners").iter().map(|p| number(p, "waiting")).sum();
        if waiting <= i64::from(most) {
            return Ok(());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

fn read(file: &File) -> Result<Vec<u8>, Failure> {
    let bytes = if file.file.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes).map(|_| bytes)
    } else {
        std::fs::read(&file.file)
    };
    bytes.map_err(|error| Failure::new(format!("{}: {error}", file.file.display()), ""))
}

/// Why nothing of a file is sent.
#[derive(Debug)]
enum Unusable {
    Empty,
    /// Neither one JSON text nor lines of which any is JSON.
    NoJson(serde_json::Error),
}

impl Unusable {
    fn failure(&self, screen: &Screen, file: &Path) -> Failure {
        let file = file.display().to_string();
        let mut args = vec![("file", Arg::Text(&file))];
        let key = match self {
            Self::Empty => "file-empty",
            Self::NoJson(error) => {
                args.extend([
                    ("line", Arg::Count(error.line() as i64)),
                    ("column", Arg::Count(error.column() as i64)),
                ]);
                "file-no-json"
            }
        };
        Failure::new(screen.say_with(key, &args), screen.say("file-no-json.remedy"))
    }
}

/// The file's events with the numbers of the lines where they begin: those of the array or the one object that it is,
/// otherwise its lines; empty lines do not count.
fn events(bytes: &[u8]) -> Result<Vec<(usize, &[u8])>, Unusable> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let start = bytes.trim_ascii_start();
    let Some(first) = start.first() else { return Err(Unusable::Empty) };
    if *first == b'[' {
        let whole: Vec<&RawValue> = serde_json::from_slice(bytes).map_err(Unusable::NoJson)?;
        let mut found = Vec::with_capacity(whole.len());
        let (mut line, mut from) = (1, bytes);
        for event in whole {
            let event = event.get().as_bytes();
            // The elements lie in the text one after another.
            let before = event.as_ptr().addr() - from.as_ptr().addr();
            let (passed, rest) = from.split_at(before);
            line += ends(passed);
            from = rest;
            found.push((line, event));
        }
        return if found.is_empty() { Err(Unusable::Empty) } else { Ok(found) };
    }
    let whole = match serde_json::from_slice::<IgnoredAny>(bytes) {
        Ok(IgnoredAny) => {
            let skipped = bytes.len() - start.len();
            let (passed, _) = bytes.split_at(skipped);
            return Ok(vec![(ends(passed) + 1, start.trim_ascii_end())]);
        }
        Err(error) => error,
    };
    let lines = bytes.split(|b| *b == b'\n').enumerate();
    let lines: Vec<_> = lines.filter(|(_, l)| !l.trim_ascii().is_empty()).map(|(i, l)| (i + 1, l)).collect();
    if lines.iter().all(|(_, line)| !is_json(line)) {
        return Err(Unusable::NoJson(whole));
    }
    Ok(lines)
}

/// How many lines end in a text.
fn ends(text: &[u8]) -> usize {
    text.split(|b| *b == b'\n').skip(1).count()
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
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

fn batches<'l>(lines: &[(usize, &'l [u8])], most: usize) -> Vec<Batch<'l>> {
    let mut batches: Vec<Batch<'l>> = Vec::new();
    let mut bytes = 0;
    for (number, line) in lines {
        let is_alone = !is_json(line);
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
    is_served: bool,
    /// What became of dossiers of a former system.
    adopted: Option<Map<String, Value>>,
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
            screen.value(&json!({
                "lines": total, "verdicts": self.counts, "problems": problems, "service": self.is_served,
                "adopted": self.adopted,
            }));
            return;
        }
        let mut table = screen.table(&["verdict", "events"]);
        for (name, count) in &self.counts {
            table.add_row([screen.named("cli-verdict", name), screen.number(count.cast_signed())]);
        }
        screen.line(table.to_string());
        if let Some(adopted) = &self.adopted {
            let mut table = screen.table(&["adopted", "count"]);
            for end in adopted::ENDS {
                let count = adopted.get(end).and_then(Value::as_i64).unwrap_or(0);
                table.add_row([screen.named("adopted", end), screen.number(count)]);
            }
            screen.line(table.to_string());
        }
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
            screen.line(screen.say_with("more-problems", &[("count", Arg::Count(more))]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_lines_go_alone_and_the_order_of_lines_stays() {
        let lines: Vec<_> =
            ["{\"a\":1}", "{\"b\":2}", "{\"c\":", "{\"d\":4}"].iter().map(|l| l.as_bytes()).collect();
        let lines: Vec<_> = (1..).zip(lines).collect();
        let batches = batches(&lines, 200);
        let numbers: Vec<_> = batches.iter().map(|b| b.numbers.clone()).collect();
        assert_eq!(numbers, [vec![1, 2], vec![3], vec![4]]);
        assert_eq!(batches[0].body().bytes, br#"[{"a":1},{"b":2}]"#);
        assert_eq!(batches[1].body().bytes, br#"{"c":"#);
        assert_eq!(batches[1].body().content_type, "application/cloudevents+json");
    }

    fn found(text: &str) -> Vec<(usize, &str)> {
        let events = events(text.as_bytes()).unwrap();
        events.into_iter().map(|(n, e)| (n, std::str::from_utf8(e).unwrap())).collect()
    }

    #[test]
    fn an_array_an_object_and_lines_are_all_taken_with_the_lines_where_they_begin() {
        assert_eq!(
            found("\u{feff}[\n  {\"a\": 1,\n   \"b\": 2},\n\n  {\"c\": 3}]\n"),
            [(2, "{\"a\": 1,\n   \"b\": 2}"), (5, "{\"c\": 3}")]
        );
        assert_eq!(found("\n{\n\"a\": 1\n}\n"), [(2, "{\n\"a\": 1\n}")]);
        assert_eq!(found("\u{feff}{\"a\":1}\n\n{\"b\":2}\n"), [(1, "{\"a\":1}"), (3, "{\"b\":2}")]);
        assert_eq!(found("{\"a\":\n{\"b\":2}\n"), [(1, "{\"a\":"), (2, "{\"b\":2}")]);
    }

    #[test]
    fn a_file_without_an_event_is_refused_whole() {
        for empty in ["", "\n \n", "\u{feff}", "[]"] {
            assert!(matches!(events(empty.as_bytes()), Err(Unusable::Empty)), "{empty:?}");
        }
        // The last line alone would parse: a broken array is still one broken file, not many broken events.
        for broken in ["[\n{\"a\":1},\n{\"b\":2}\n", "{\n\"a\":\n}", "<html>\n</html>"] {
            assert!(matches!(events(broken.as_bytes()), Err(Unusable::NoJson(_))), "{broken:?}");
        }
    }

    #[test]
    fn batches_are_cut_at_the_wanted_size() {
        let lines: Vec<_> = (1..=5).map(|n| (n, b"{}".as_slice())).collect();
        assert_eq!(batches(&lines, 2).iter().map(|b| b.lines.len()).collect::<Vec<_>>(), [2, 2, 1]);
    }
}
