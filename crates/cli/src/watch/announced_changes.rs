//! Waits for changes that the system announces.

use std::io;
use std::time::Duration;

use csb_core::runtime::clock;
use notify::Event;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::change_event::{ChangeEvent, Relevance, relevance};
use super::watched_files::WatchedFiles;
use super::watched_folders::WatchedFolders;

/// Quiet that ends a burst of changes. Editors write, rename and set permissions one after the other.
const QUIET: Duration = Duration::from_millis(100);
/// A burst that does not end is not waited for any longer.
const LONGEST_BURST: Duration = Duration::from_secs(2);

/// Announcements about files.
pub(super) struct AnnouncedChanges {
    files: WatchedFiles,
    folders: WatchedFolders,
    events: UnboundedReceiver<notify::Result<Event>>,
    /// Whether folders have come or gone since they were last watched.
    has_other_folders: bool,
}

impl AnnouncedChanges {
    /// Of these files, from now on.
    pub(super) fn of(files: WatchedFiles) -> io::Result<Self> {
        let (sender, events) = unbounded_channel();
        let mut folders = WatchedFolders::new(sender)?;
        folders.follow(&files, false)?;
        Ok(Self { files, folders, events, has_other_folders: false })
    }

    /// Of these files, from now on, and of no others. Whether something may have changed before it was watched.
    pub(super) fn follow(&mut self, files: WatchedFiles) -> io::Result<bool> {
        // A folder may have come while the one above it was not watched.
        let is_watched = !self.has_other_folders && self.folders.are_those_of(&files);
        if is_watched && files == self.files {
            return Ok(false);
        }
        self.files = files;
        self.folders.follow(&self.files, self.has_other_folders)?;
        self.has_other_folders = false;
        Ok(true)
    }

    /// Waits for a burst of changes and for its end.
    pub(super) async fn next(&mut self) {
        // None until something has changed: the end of the quiet, and of all patience.
        let mut ends: Option<(clock::Instant, clock::Instant)> = None;
        loop {
            let end = ends.map_or_else(clock::now, |(quiet, patience)| quiet.min(patience));
            tokio::select! {
                biased;
                () = clock::sleep_until(end), if ends.is_some() => return,
                // The sender lives as long as the watcher.
                Some(event) = self.events.recv() => {
                    let relevance = relevance(&ChangeEvent::from(event), &self.files);
                    if relevance != Relevance::None {
                        self.has_other_folders |= relevance == Relevance::Folder;
                        let now = clock::now();
                        let patience = ends.map_or(now + LONGEST_BURST, |(_, patience)| patience);
                        ends = Some((now + QUIET, patience));
                    }
                }
            }
        }
    }
}
