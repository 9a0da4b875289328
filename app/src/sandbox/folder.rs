//! Where the sandbox keeps its data: a folder of the caller's, or a temporary one that goes with it.

use std::path::{Path, PathBuf};

use crate::{cli::Failure, tokens};

/// The folder; a temporary one is removed when this is dropped.
pub(super) enum Folder {
    Kept(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Folder {
    /// The simulators begin empty every time, so the store must too: a store that knows more than its partners would
    /// only show contradictions.
    pub(super) fn open(wanted: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = wanted else {
            let made = tempfile::Builder::new().prefix("lienthong-").tempdir();
            return made.map(Self::Temporary).map_err(|e| Failure::new(e.to_string(), "TMPDIR?"));
        };
        // The configuration that is written into it takes relative paths from its own place.
        let path = std::path::absolute(path)
            .map_err(|error| Failure::new(format!("{}: {error}", path.display()), ""))?;
        if path.join("lienthong.sqlite").exists() {
            return Err(Failure::new(
                format!(
                    "{} đã có dữ liệu của lần trước, còn đối tác giả lập luôn bắt đầu trống.",
                    path.display()
                ),
                "Chọn thư mục khác hoặc xóa thư mục này.\nThe simulators begin empty: choose another folder or delete \
                 this one.",
            ));
        }
        tokens::make_folder(&path)?;
        Ok(Self::Kept(path))
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}
