//! The folders that are watched: those of all files that the client is made of.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use notify::{Config, ErrorKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::UnboundedSender;

use super::watched_files::WatchedFiles;

/// Announces what happens in the folders of [`WatchedFiles`].
pub(super) struct WatchedFolders {
    watcher: RecommendedWatcher,
    watched: BTreeMap<PathBuf, RecursiveMode>,
}

impl WatchedFolders {
    /// Nothing is watched yet. `events` gets what happens.
    pub(super) fn new(events: UnboundedSender<notify::Result<notify::Event>>) -> io::Result<Self> {
        // Nobody is left to be told when the receiver is gone.
        let tell = move |event| drop(events.send(event));
        let watcher = RecommendedWatcher::new(tell, Config::default()).map_err(readable)?;
        Ok(Self { watcher, watched: BTreeMap::new() })
    }

    /// Whether these are the folders that are watched.
    pub(super) fn are_those_of(&self, files: &WatchedFiles) -> bool {
        self.watched == files.folders()
    }

    /// Watches the folders of these files, and no others. With `renew` also those that were watched before, because they
    /// may be others of the same name.
    pub(super) fn follow(&mut self, files: &WatchedFiles, renew: bool) -> io::Result<()> {
        let wanted = files.folders();
        let is_kept = |folder: &PathBuf, mode: &RecursiveMode| !renew && wanted.get(folder) == Some(mode);
        let (kept, left): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.watched).into_iter().partition(|(folder, mode)| is_kept(folder, mode));
        for folder in left.keys() {
            // It may be gone, and its watch with it.
            let _ = self.watcher.unwatch(folder);
        }
        self.watched = kept;
        for (folder, mode) in wanted {
            if self.watched.contains_key(&folder) {
                continue;
            }
            match self.watcher.watch(&folder, mode) {
                Ok(()) => drop(self.watched.insert(folder, mode)),
                // Gone in this moment; what is above it is watched.
                Err(_) if !folder.is_dir() => {}
                Err(error) => return Err(readable(error)),
            }
        }
        Ok(())
    }
}

fn readable(error: notify::Error) -> io::Error {
    match error.kind {
        ErrorKind::MaxFilesWatch => io::Error::other(
            "the system's limit of watched files is reached; raise fs.inotify.max_user_watches, or use --poll",
        ),
        ErrorKind::Io(error) => {
            io::Error::new(error.kind(), format!("cannot watch the files: {error}; try --poll"))
        }
        _ => io::Error::other(format!("cannot watch the files: {error}; try --poll")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::project::project_folder::Project;
    use crate::source::source_files::SourceFiles;

    #[test]
    fn a_folder_may_be_gone_when_it_is_watched_again() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let files = WatchedFiles::of(&Project { root: root.to_path_buf() }, &SourceFiles::new());
        fs::create_dir_all(root.join("change-stream")).unwrap();
        let (sender, _receiver) = tokio::sync::mpsc::unbounded_channel();
        let mut folders = WatchedFolders::new(sender).unwrap();
        folders.follow(&files, false).unwrap();
        fs::remove_dir(root.join("change-stream")).unwrap();
        folders.follow(&files, true).unwrap();
        assert!(folders.are_those_of(&files));
        fs::create_dir_all(root.join("change-stream")).unwrap();
        assert!(!folders.are_those_of(&files));
        folders.follow(&files, false).unwrap();
        assert!(folders.are_those_of(&files));
    }
}
