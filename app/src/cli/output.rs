//! What a command prints: tables that fit 80 columns, or JSON. The only place that writes to standard output; a reader
//! that goes away (`| head`) ends the writing, not the process.

use std::io::{self, IsTerminal, Write};

use comfy_table::{ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::Failure;
use crate::i18n::{Arg, Locale, find, text_with};

/// Columns where the width of the terminal is not known.
const WIDTH: u16 = 80;
/// A line below the headings, nothing else.
const COMPACT: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
/// For rows of several lines: a faint line between them.
const ROOMY: TableStyle = COMPACT.row_separator(LineStyle::none().fill('┈').junction('┈'));

/// Where a command's answer goes.
pub struct Screen {
    /// The language.
    pub locale: Locale,
    /// JSON instead of words.
    pub json: bool,
}

impl Screen {
    /// In this language, as words or as JSON.
    pub fn new(locale: Locale, json: bool) -> Self {
        Self { locale, json }
    }

    /// The words of `cli-{key}`.
    pub fn say(&self, key: &str) -> String {
        self.say_with(key, &[])
    }

    /// The same with values in it.
    pub fn say_with(&self, key: &str, args: &[(&'static str, Arg<'_>)]) -> String {
        text_with(self.locale, &format!("cli-{key}"), args)
    }

    /// A stable name in words: `{kind}-{name}` of the translation files, else the name itself.
    pub fn named(&self, kind: &str, name: &str) -> String {
        find(self.locale, &format!("{kind}-{name}"), &[]).unwrap_or_else(|| name.to_owned())
    }

    /// A whole number with its thousands apart.
    pub fn number(&self, value: i64) -> String {
        crate::i18n::number(self.locale, value)
    }

    /// One line.
    pub fn line(&self, text: impl AsRef<str>) {
        let mut out = io::stdout().lock();
        if let Err(error) = writeln!(out, "{}", text.as_ref()) {
            tracing::debug!(%error, "nobody reads the output");
        }
    }

    /// JSON, readable on a terminal, one line otherwise.
    pub fn value(&self, value: &Value) {
        let pretty = io::stdout().is_terminal();
        self.line(if pretty { format!("{value:#}") } else { value.to_string() });
    }

    /// A table with these headings (keys below `cli-`).
    pub fn table(&self, headings: &[&str]) -> Table {
        let mut table = self.plain_table();
        table.load_style(COMPACT).set_header(headings.iter().map(|key| self.say(key)));
        table
    }

    /// The same for rows of several lines. Codes in the first `whole` columns are never broken.
    pub fn roomy(&self, headings: &[&str], whole: usize) -> Table {
        let mut table = self.table(headings);
        table.load_style(ROOMY);
        for column in table.column_iter_mut().take(whole) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
        table
    }

    /// Paragraphs with a mark before each: what is too long for columns. Lines break between words.
    pub fn blocks(&self, blocks: Vec<(String, Vec<String>)>) {
        for (mark, lines) in blocks {
            let mut table = self.plain_table();
            for (at, line) in lines.into_iter().filter(|l| !l.is_empty()).enumerate() {
                table.add_row([if at == 0 { mark.clone() } else { String::new() }, line]);
            }
            if let Some(marks) = table.column_mut(0) {
                marks.set_constraint(ColumnConstraint::ContentWidth);
            }
            self.line(format!("{table}\n"));
        }
    }

    /// A table without headings: names and values.
    pub fn plain_table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Dynamic);
        if !io::stdout().is_terminal() {
            table.set_width(WIDTH);
        }
        table
    }

    /// A progress bar on a terminal, nothing elsewhere.
    pub fn progress(&self, total: u64, key: &str) -> ProgressBar {
        if self.json || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(total);
        let style = ProgressStyle::with_template("{msg:<28!} {bar:26} {human_pos:>7}/{human_len} {eta:>4}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style);
        bar.set_message(self.say(key));
        bar
    }

    /// A failure, on standard error.
    pub fn failure(&self, failure: &Failure) {
        let text = match failure {
            _ if self.json => serde_json::json!({ "error": { "message": failure.to_string() } }).to_string(),
            Failure::Said { said, remedy } if remedy.is_empty() => format!("✗ {said}"),
            Failure::Said { said, remedy } => format!("✗ {said}\n  → {}", remedy.replace('\n', "\n    ")),
            Failure::Config(error) => rendered(error.as_ref()),
        };
        if let Err(error) = writeln!(io::stderr(), "{text}") {
            tracing::debug!(%error, "nobody reads the errors");
        }
    }
}

/// A diagnostic with its lines.
fn rendered(error: &dyn miette::Diagnostic) -> String {
    let theme = if io::stderr().is_terminal() {
        miette::GraphicalTheme::unicode()
    } else {
        miette::GraphicalTheme::unicode_nocolor()
    };
    let mut text = String::new();
    match miette::GraphicalReportHandler::new_themed(theme).with_width(100).render_report(&mut text, error) {
        Ok(()) => text,
        Err(_) => error.to_string(),
    }
}
