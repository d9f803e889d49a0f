//! Which events of the file system matter.

use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};

use super::watched_files::WatchedFiles;

/// An event, as far as it is told.
#[derive(Debug)]
pub(super) enum ChangeEvent {
    /// Something has happened to these paths.
    At(EventKind, Vec<PathBuf>),
    /// Events were lost, or there was an error.
    Unknown,
}

/// Whether an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relevance {
    None,
    /// A file may be another one.
    File,
    /// A folder that is watched may be another one.
    Folder,
}

impl From<notify::Result<notify::Event>> for ChangeEvent {
    fn from(event: notify::Result<notify::Event>) -> Self {
        match event {
            Ok(event) if !event.need_rescan() => Self::At(event.kind, event.paths),
            Ok(_) | Err(_) => Self::Unknown,
        }
    }
}

/// Whether the event is about the files.
pub(super) fn relevance(event: &ChangeEvent, files: &WatchedFiles) -> Relevance {
    let ChangeEvent::At(kind, paths) = event else {
        return Relevance::Folder;
    };
    if is_reading(*kind) {
        return Relevance::None;
    }
    let moves =
        matches!(kind, EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)));
    let one = |path: &Path| match () {
        () if moves && files.is_folder_of_some(path) => Relevance::Folder,
        () if files.has(path) => Relevance::File,
        () => Relevance::None,
    };
    let all: Vec<Relevance> = paths.iter().map(|path| one(path)).collect();
    *[Relevance::Folder, Relevance::File]
        .iter()
        .find(|relevance| all.contains(relevance))
        .unwrap_or(&Relevance::None)
}

/// Also our own reading is announced.
fn is_reading(kind: EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, DataChange, RemoveKind};

    use super::*;
    use crate::project::project_folder::Project;
    use crate::source::module_path::ModulePath;
    use crate::source::source_files::SourceFiles;

    const WRITTEN: EventKind = EventKind::Modify(ModifyKind::Data(DataChange::Content));

    fn told(kind: EventKind, path: &str) -> Relevance {
        let project = Project { root: "/p".into() };
        let outside = ModulePath::parse("_up/src/topics/days.ts").unwrap();
        let sources = SourceFiles::from([(ModulePath::config(), String::new()), (outside, String::new())]);
        let files = WatchedFiles::of(&project, &sources);
        relevance(&ChangeEvent::At(kind, vec![path.into()]), &files)
    }

    #[test]
    fn writing_matters_and_reading_does_not() {
        let reading = EventKind::Access(AccessKind::Open(AccessMode::Any));
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        assert_eq!(told(reading, "/p/change-stream/config.ts"), Relevance::None);
        assert_eq!(told(written, "/p/change-stream/config.ts"), Relevance::File);
        assert_eq!(told(WRITTEN, "/p/change-stream/new.ts"), Relevance::File);
    }

    #[test]
    fn outside_only_imported_files_matter() {
        assert_eq!(told(WRITTEN, "/p/src/topics/days.ts"), Relevance::File);
        assert_eq!(told(WRITTEN, "/p/src/topics/other.ts"), Relevance::None);
        assert_eq!(told(WRITTEN, "/p/package.json"), Relevance::None);
        assert_eq!(told(EventKind::Create(CreateKind::Folder), "/p/.csbroker"), Relevance::None);
    }

    #[test]
    fn folders_that_come_or_go_are_told_apart() {
        assert_eq!(told(EventKind::Remove(RemoveKind::Folder), "/p/change-stream"), Relevance::Folder);
        assert_eq!(told(EventKind::Create(CreateKind::Folder), "/p/src"), Relevance::Folder);
        assert_eq!(told(EventKind::Modify(ModifyKind::Any), "/p/src"), Relevance::None);
        let lost = notify::Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
        let files = WatchedFiles::of(&Project { root: "/p".into() }, &SourceFiles::new());
        assert_eq!(relevance(&Ok(lost).into(), &files), Relevance::Folder);
    }
}
