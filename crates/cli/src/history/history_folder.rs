//! `<project>/.csbroker`: the stage and the backups. Never committed: it ignores itself.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

pub use super::backup_meta::{Backup, BackupChange};
use super::stored_sources;
use crate::project::named_error::cannot;
use crate::project::project_folder::Project;
use crate::project::user_file;
use crate::project::whole_folder;
use crate::source::source_files::SourceFiles;

/// The folder.
#[derive(Debug, Clone)]
pub struct History {
    folder: PathBuf,
}

/// Held while stage, backups and client are changed: one process at a time. Ends when it is dropped.
#[derive(Debug)]
pub struct HistoryLock {
    _file: File,
}

impl History {
    /// Of this project. Nothing is made yet.
    pub fn of(project: &Project) -> Self {
        Self { folder: project.state_folder() }
    }

    /// Waits for other processes that change the same history. Makes the folder, and clears away what killed runs left.
    pub fn lock(&self) -> io::Result<HistoryLock> {
        fs::create_dir_all(&self.folder).map_err(cannot("make", &self.folder))?;
        let path = self.folder.join("lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(cannot("write", &path))?;
        match file.lock() {
            // Some network file systems have no locks; one process at a time works there, too.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            locked => locked.map_err(cannot("lock", &path))?,
        }
        let lock = HistoryLock { _file: file };
        self.ignore_itself()?;
        whole_folder::finish_killed_runs(&self.stage_folder())?;
        self.clear_unfinished_backups()?;
        Ok(lock)
    }

    /// What the client was last generated from; `None` before the first time.
    pub fn stage(&self) -> io::Result<Option<SourceFiles>> {
        let folder = self.stage_folder();
        if folder.is_dir() { stored_sources::read(&folder).map(Some) } else { Ok(None) }
    }

    /// Replaces the stage as a whole.
    pub fn replace_stage(&self, _lock: &HistoryLock, sources: &SourceFiles) -> io::Result<()> {
        whole_folder::replace(&self.stage_folder(), |folder| stored_sources::write(folder, sources))
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn stage_folder(&self) -> PathBuf {
        self.folder.join("stage")
    }

    /// A user who wants to commit some of it may change the file.
    fn ignore_itself(&self) -> io::Result<()> {
        let path = self.folder.join(".gitignore");
        if path.exists() {
            return Ok(());
        }
        user_file::write(&path, "*\n")
    }
}

#[cfg(test)]
mod tests;
