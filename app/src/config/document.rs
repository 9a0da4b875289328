//! A TOML text with the places of its values, so that also a complaint of the checks can show its line. The text that
//! is shown has its secrets blanked out.

use std::{borrow::Cow, ops::Range, path::Path};

use serde::Deserialize;
use toml::{
    Spanned,
    de::{DeTable, DeValue, Deserializer},
};

use super::{
    error::{ConfigError, Problem, explain},
    overlay,
};

/// Keys whose values are never shown.
const SECRET: [&str; 6] = ["secret", "password", "token", "customer_key", "secret_key", "url"];

/// A parsed text.
pub(super) struct Document<'t> {
    name: String,
    shown: String,
    root: Spanned<DeTable<'t>>,
}

impl<'t> Document<'t> {
    pub(super) fn parse(name: &str, text: &'t str) -> Result<Self, ConfigError> {
        let shown = blanked(text);
        match DeTable::parse(text) {
            Ok(root) => Ok(Self { name: name.to_owned(), shown, root }),
            Err(error) => Err(ConfigError::at(
                format!("Tệp cấu hình không đúng cú pháp TOML: {}", error.message()),
                "Sửa dòng được chỉ. Chuỗi phải nằm trong dấu nháy kép.\nMend the marked line; texts need quotes.",
                name,
                &shown,
                error.span(),
            )),
        }
    }

    /// Sets the values that environment variables name. Each becomes a line behind the file's text, value not shown.
    pub(super) fn overlay(&mut self, variables: &'t [overlay::Variable]) -> Result<(), ConfigError> {
        for variable in variables {
            let start = self.shown.len() + 1;
            self.shown.push('\n');
            self.shown.push_str(&variable.name);
            self.shown.push_str(" = …");
            let span = start..self.shown.len();
            if let Err(said) = overlay::set(self.root.get_mut(), variable, &span) {
                let remedy = "Tên biến là LIENTHONG__MỤC__KHÓA; phần tử danh sách theo số: LIENTHONG__CONNECTOR__0__LABEL.\n\
                              Variables are named LIENTHONG__SECTION__KEY; list elements by number.";
                return Err(ConfigError::at(said, remedy, &self.name, &self.shown, Some(span)));
            }
        }
        Ok(())
    }

    /// Makes relative paths (`*_file`, `data_dir`) start from the folder of the configuration file.
    pub(super) fn anchor_paths(&mut self, folder: &Path) {
        fn walk(table: &mut DeTable<'_>, folder: &Path) {
            for (key, value) in table.iter_mut() {
                let is_path = key.get_ref().ends_with("_file") || key.get_ref().ends_with("_dir");
                match value.get_mut() {
                    DeValue::String(path) if is_path && Path::new(path.as_ref()).is_relative() => {
                        *path = Cow::Owned(folder.join(path.as_ref()).display().to_string());
                    }
                    DeValue::Table(inner) => walk(inner, folder),
                    DeValue::Array(list) => {
                        for element in list.iter_mut() {
                            if let DeValue::Table(inner) = element.get_mut() {
                                walk(inner, folder);
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
        walk(self.root.get_mut(), folder);
    }

    pub(super) fn read<T: Deserialize<'t>>(&self) -> Result<T, ConfigError> {
        T::deserialize(Deserializer::from(self.root.clone())).map_err(|error| {
            let (said, remedy) = explain(error.message());
            ConfigError::at(said, remedy, &self.name, &self.shown, error.span())
        })
    }

    /// Complaints of the checks, each with its line where the key is written.
    pub(super) fn complain(&self, problems: Vec<Problem>) -> ConfigError {
        let all = problems.into_iter().map(|problem| {
            let span = self.place(&problem.key);
            let said = format!("{}: {}", problem.key, problem.said);
            ConfigError::at(said, problem.remedy, &self.name, &self.shown, span)
        });
        ConfigError::together(all.collect())
    }

    /// Where the value of a key such as `connector[1].id` is; its nearest written ancestor otherwise.
    fn place(&self, key: &str) -> Option<Range<usize>> {
        let mut found = None;
        let mut table = self.root.get_ref();
        for segment in key.split('.') {
            let (name, number) = match segment.split_once('[') {
                Some((name, rest)) => (name, rest.trim_end_matches(']').parse::<usize>().ok()),
                None => (segment, None),
            };
            let Some((_, value)) = table.iter().find(|(k, _)| k.get_ref() == name) else { return found };
            let value = match (value.get_ref(), number) {
                (DeValue::Array(list), Some(number)) => match list.get(number) {
                    Some(element) => element,
                    None => return found,
                },
                _ => value,
            };
            found = Some(value.span());
            match value.get_ref() {
                DeValue::Table(inner) => table = inner,
                _ => return found,
            }
        }
        found
    }
}

/// The text with the values of secret keys replaced, byte for byte, so that places stay true.
fn blanked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start().trim_start_matches('#').trim_start();
        let key = bare.split(['=', ' ', '.']).next().unwrap_or_default();
        let is_secret = SECRET.iter().any(|s| key == *s || (key.ends_with(s) && *s != "url"));
        match line.split_once('=') {
            Some((before, after)) if is_secret => {
                shown.push_str(before);
                shown.push('=');
                let (body, end) = after.split_at(after.trim_end().len());
                shown.push_str(&"*".repeat(body.len()));
                shown.push_str(end);
            }
            _ => shown.push_str(line),
        }
    }
    shown
}
