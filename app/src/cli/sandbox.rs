//! `lienthong sandbox` and `lienthong demo`: the arguments; the work is in `crate::sandbox`.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::Args;

use super::{Failure, Screen};
use crate::sandbox;

/// Where the sandbox listens unless told.
pub(crate) const SANDBOX: &str = "127.0.0.1:8080";

/// `lienthong sandbox`
#[derive(Debug, Clone, Args)]
pub struct Sandbox {
    /// Thư mục dữ liệu, giữ lại sau khi dừng (mặc định: tạm thời, xóa khi dừng)
    /// The data folder, kept afterwards (default: temporary)
    #[arg(long, value_name = "FOLDER", verbatim_doc_comment)]
    pub data_dir: Option<PathBuf>,
    /// Nghe ở đâu; chỉ trên máy này
    /// Where to listen; loopback only
    #[arg(long, default_value = SANDBOX, verbatim_doc_comment)]
    pub listen: SocketAddr,
    /// Bắt đầu trống, không diễn hồ sơ mẫu
    /// Begin empty, without the sample dossiers
    #[arg(long, verbatim_doc_comment)]
    pub empty: bool,
}

/// `lienthong demo`
#[derive(Debug, Clone, Args)]
pub struct Demo {
    /// Thư mục dữ liệu, giữ lại sau khi xong (mặc định: tạm thời)
    /// The data folder, kept afterwards (default: temporary)
    #[arg(long, value_name = "FOLDER", verbatim_doc_comment)]
    pub data_dir: Option<PathBuf>,
    /// Tệp JSON lines khác thay cho tỉnh mẫu
    /// Another JSON-lines file instead of the sample
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub events: Option<PathBuf>,
}

impl Sandbox {
    pub(super) async fn run(self, screen: &Screen) -> Result<ExitCode, Failure> {
        sandbox::serve(self.data_dir.as_deref(), self.listen, !self.empty, screen).await
    }
}

impl Demo {
    pub(super) async fn run(self, screen: &Screen) -> Result<ExitCode, Failure> {
        sandbox::demo(self.data_dir.as_deref(), self.events.as_deref(), screen).await
    }
}
