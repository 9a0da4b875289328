//! What is wrong with a configuration, for the terminal: the message, the line, the remedy.

use std::ops::Range;

use miette::{Diagnostic, NamedSource, SourceSpan};

/// One complaint of the checks: which key, what about it, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, as `http.listen` or `connector[1].id`.
    pub key: String,
    /// What is wrong, with the value (never a secret), in Vietnamese.
    pub said: String,
    /// What to do, in Vietnamese, then in English.
    pub remedy: String,
}

impl Problem {
    /// A complaint.
    pub fn new(key: impl Into<String>, said: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { key: key.into(), said: said.into(), remedy: remedy.into() }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, Diagnostic, thiserror::Error)]
#[error("{said}")]
pub struct ConfigError {
    said: String,
    #[help]
    remedy: String,
    #[source_code]
    source_text: Option<NamedSource<String>>,
    #[label("ở đây · here")]
    span: Option<SourceSpan>,
    #[related]
    more: Vec<ConfigError>,
}

impl ConfigError {
    /// A complaint without a place.
    pub fn plain(said: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { said: said.into(), remedy: remedy.into(), source_text: None, span: None, more: Vec::new() }
    }

    /// A complaint about a place in a text. The text must not show secrets.
    pub(super) fn at(
        said: impl Into<String>,
        remedy: impl Into<String>,
        name: &str,
        text: &str,
        span: Option<Range<usize>>,
    ) -> Self {
        let span = span.filter(|s| s.end <= text.len()).map(SourceSpan::from);
        let source_text =
            span.is_some().then(|| NamedSource::new(name, text.to_owned()).with_language("TOML"));
        Self { said: said.into(), remedy: remedy.into(), source_text, span, more: Vec::new() }
    }

    /// The first of several, with the others behind it.
    pub(super) fn together(mut all: Vec<Self>) -> Self {
        if all.is_empty() {
            return Self::plain("Cấu hình không dùng được.", "");
        }
        let mut first = all.remove(0);
        first.more = all;
        first
    }

    /// What to do about it.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }

    /// Where it is, as a byte range of the shown text.
    pub fn span(&self) -> Option<Range<usize>> {
        self.span.map(|s| s.offset()..s.offset() + s.len())
    }

    /// All messages, this one first.
    pub fn messages(&self) -> Vec<&str> {
        std::iter::once(self.said.as_str()).chain(self.more.iter().flat_map(Self::messages)).collect()
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self::plain(format!("{}: {}", problem.key, problem.said), problem.remedy)
    }
}

/// serde's English complaint in words for an administrator, and what to do.
pub(super) fn explain(message: &str) -> (String, String) {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    if message.starts_with("unknown field") {
        let (key, known) =
            quoted.split_first().map_or(("", String::new()), |(k, rest)| (*k, rest.join(", ")));
        return (
            format!("Không có khóa nào tên là `{key}` ở chỗ này."),
            format!(
                "Sửa lại chính tả hoặc bỏ dòng này. Các khóa được nhận: {known}.\nUnknown key; known here: {known}."
            ),
        );
    }
    if message.starts_with("missing field") {
        let key = quoted.first().copied().unwrap_or_default();
        return (
            format!("Thiếu khóa bắt buộc `{key}`."),
            format!(
                "Thêm `{key} = …`; xem lienthong.example.toml.\nAdd the key `{key}`; see lienthong.example.toml."
            ),
        );
    }
    (
        format!("Giá trị không đúng: {message}"),
        "Sửa giá trị ở dòng được chỉ; xem lienthong.example.toml.\nMend the value in the marked line; see \
         lienthong.example.toml."
            .to_owned(),
    )
}
