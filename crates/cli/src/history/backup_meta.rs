//! What is known of a backup.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::diff::file_differences::{FileStatus, compare};
use crate::source::source_files::SourceFiles;

/// How backups are laid out. Those of a later layout are left alone.
const FORMAT: u32 = 1;

/// A state that was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backup {
    /// `backup_YYYYMMDD_HHmmss`, by the local clock, with `_2` and so on behind it if there are several in one second.
    pub name: String,
    /// When it was replaced.
    pub replaced_at: Timestamp,
    /// What replaced it: file, lines added, lines deleted; file as
    /// [`ModulePath`](crate::source::module_path::ModulePath) shows it.
    pub changed: Vec<BackupChange>,
}

/// How a file changed when a backup was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupChange {
    /// From the project's root.
    pub file: String,
    /// Lines that came.
    pub additions: usize,
    /// Lines that went.
    pub deletions: usize,
}

/// What is stored beside the files of a backup.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BackupMeta {
    format: u32,
    /// The version that made it.
    csbroker: String,
    replaced_at: Timestamp,
    changed: Vec<BackupChange>,
}

impl BackupMeta {
    /// Of files that others replace.
    pub(super) fn new(old: &SourceFiles, new: &SourceFiles, replaced_at: Timestamp) -> Self {
        let changed = compare(old, new)
            .into_iter()
            .filter(|difference| difference.status != FileStatus::Unchanged)
            .map(|difference| BackupChange {
                file: difference.path.to_string(),
                additions: difference.additions,
                deletions: difference.deletions,
            })
            .collect();
        Self { format: FORMAT, csbroker: env!("CARGO_PKG_VERSION").to_owned(), replaced_at, changed }
    }

    /// From its file; `None` if that is damaged, or of another layout.
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok().filter(|meta: &Self| meta.format == FORMAT)
    }

    /// For its file.
    pub(super) fn to_json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The backup of this name.
    pub(super) fn named(self, name: String) -> Backup {
        Backup { name, replaced_at: self.replaced_at, changed: self.changed }
    }
}
