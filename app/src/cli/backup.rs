//! `lienthong backup`: a verified copy of the store, of a running service too.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::{Failure, Global, Screen};
use crate::backup;

/// Where to.
#[derive(Debug, Args)]
pub struct Backup {
    /// Thư mục mới cho bản sao lưu; chưa có, hoặc còn trống
    /// A folder for the backup; new, or empty
    #[arg(value_name = "FOLDER", verbatim_doc_comment)]
    folder: PathBuf,
}

impl Backup {
    pub(super) async fn run(self, global: &Global, screen: &Screen) -> Result<ExitCode, Failure> {
        backup::backup(global, screen, &self.folder).await?;
        Ok(ExitCode::SUCCESS)
    }
}
