//! `lienthong schema --out docs/events`: the event contract as JSON Schema files, one per event type.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use lienthong_core::event::schema;
use serde_json::json;

use super::{Failure, Screen};
use crate::i18n::Arg;

/// Where to.
#[derive(Debug, Args)]
pub struct Schema {
    /// Thư mục đích, được tạo nếu chưa có
    /// The folder, made if it is not there
    #[arg(long, value_name = "FOLDER", verbatim_doc_comment)]
    pub out: PathBuf,
}

impl Schema {
    pub(super) fn run(self, screen: &Screen) -> Result<ExitCode, Failure> {
        let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", self.out.display()), "");
        std::fs::create_dir_all(&self.out).map_err(failed)?;
        let documents = schema::documents();
        for (name, document) in &documents {
            std::fs::write(self.out.join(name), format!("{document:#}\n")).map_err(failed)?;
        }
        let folder = self.out.display().to_string();
        if screen.json {
            screen.value(&json!({ "written": documents.len(), "folder": folder }));
        } else {
            let count = documents.len() as i64;
            screen.line(
                screen.say_with(
                    "schema-written",
                    &[("count", Arg::Count(count)), ("folder", Arg::Text(&folder))],
                ),
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}
