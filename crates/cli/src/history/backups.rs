//! The backups of a history: `backups/<name>/` with `meta.json` and, below `sources/`, the files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use csb_core::runtime::clock;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};

use super::backup_meta::{Backup, BackupMeta};
use super::backup_name::{free_name, number_of};
use super::history_folder::{History, HistoryLock};
use super::stored_sources;
use crate::project::folder_files;
use crate::project::named_error::cannot;
use crate::project::whole_folder;
use crate::source::source_files::SourceFiles;

const META: &str = "meta.json";
const SOURCES: &str = "sources";

impl History {
    /// All backups, newest first. What is not one is passed over.
    pub fn backups(&self) -> io::Result<Vec<Backup>> {
        let mut backups: Vec<_> =
            names_in(&self.backups_folder())?.into_iter().filter_map(|name| self.backup(name)).collect();
        backups.sort_by_cached_key(|backup| (backup.replaced_at, number_of(&backup.name)));
        backups.reverse();
        Ok(backups)
    }

    /// The files of a backup.
    pub fn sources_of(&self, backup: &Backup) -> io::Result<SourceFiles> {
        stored_sources::read(&self.backups_folder().join(&backup.name).join(SOURCES))
    }

    /// Keeps these files as a backup, because `new` is to replace them, and deletes the oldest beyond `keep`. Its name.
    pub fn back_up(
        &self,
        lock: &HistoryLock,
        old: &SourceFiles,
        new: &SourceFiles,
        keep: usize,
    ) -> io::Result<String> {
        let now = Timestamp::from_millisecond(clock::unix_millis()).map_err(io::Error::other)?;
        self.back_up_at(lock, &now.to_zoned_datetime(TimeZone::system()), (old, new), keep)
    }

    pub(super) fn back_up_at(
        &self,
        _lock: &HistoryLock,
        moment: &ZonedDateTime,
        (old, new): (&SourceFiles, &SourceFiles),
        keep: usize,
    ) -> io::Result<String> {
        let folder = self.backups_folder();
        let name = free_name(moment, |name| fs::symlink_metadata(folder.join(name)).is_ok());
        let meta = BackupMeta::new(old, new, moment.timestamp()).to_json()?;
        whole_folder::replace(&folder.join(&name), |backup| {
            stored_sources::write(&backup.join(SOURCES), old)?;
            folder_files::write(backup, [(META, meta.as_bytes())])
        })?;
        self.delete_beyond(keep, &name)?;
        Ok(name)
    }

    /// Clears away what killed runs were making or deleting.
    pub(super) fn clear_unfinished_backups(&self) -> io::Result<()> {
        let folder = self.backups_folder();
        for name in names_in(&folder)?.iter().filter(|name| whole_folder::is_temporary(name)) {
            whole_folder::remove(&folder.join(name))?;
        }
        Ok(())
    }

    /// The newest one stays, whatever the clock says.
    fn delete_beyond(&self, keep: usize, newest: &str) -> io::Result<()> {
        let older = self.backups()?.into_iter().filter(|backup| backup.name != newest);
        for backup in older.skip(keep.saturating_sub(1)) {
            whole_folder::delete(&self.backups_folder().join(&backup.name))?;
        }
        Ok(())
    }

    fn backup(&self, name: String) -> Option<Backup> {
        number_of(&name)?;
        let folder = self.backups_folder().join(&name);
        let meta = BackupMeta::parse(&fs::read(folder.join(META)).ok()?)?;
        folder.join(SOURCES).is_dir().then(|| meta.named(name))
    }

    fn backups_folder(&self) -> PathBuf {
        self.folder().join("backups")
    }
}

/// Names that are no text are none of ours.
fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(cannot("read", folder))?,
    };
    let names = entries.map(|entry| Ok(entry?.file_name().into_string().ok()));
    Ok(names.collect::<io::Result<Vec<_>>>().map_err(cannot("read", folder))?.into_iter().flatten().collect())
}
