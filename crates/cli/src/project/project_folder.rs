//! The project that a command works on.

use std::path::{Path, PathBuf};

use crate::source::module_path::CHANGE_STREAM;
use crate::source::source_files::ChangeStreamFolder;

/// A folder that has a `change-stream/`, or is to have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Absolute.
    pub root: PathBuf,
}

impl Project {
    /// The nearest folder from `start` upwards that has a `change-stream/` folder.
    pub fn find(start: &Path) -> Option<Self> {
        start
            .ancestors()
            .find(|folder| folder.join(CHANGE_STREAM).is_dir())
            .map(|root| Self { root: root.to_path_buf() })
    }

    /// The user's files.
    pub fn change_stream(&self) -> PathBuf {
        self.root.join(CHANGE_STREAM)
    }

    /// The user's files, to be read.
    pub fn reader(&self) -> ChangeStreamFolder {
        ChangeStreamFolder(self.change_stream())
    }

    /// Where stage and backups are.
    pub fn state_folder(&self) -> PathBuf {
        self.root.join(".csbroker")
    }
}
