//! The user's files as they are now.

use std::io;

use crate::compile::read_sources;
use crate::history::history_folder::History;
use crate::project::project_folder::Project;
use crate::source::module_path::ModulePath;
use crate::source::source_files::{ReadSources, SourceFiles};

/// The user's files: all that compiling would read, whether it succeeds or not, and those that the stage has.
pub fn working_files(project: &Project) -> io::Result<SourceFiles> {
    let stage = History::of(project).stage()?.unwrap_or_default();
    working_files_with(project, stage.keys())
}

/// All that compiling would read, and those that are named here, as far as they exist.
pub(super) fn working_files_with<'a>(
    project: &Project,
    named: impl IntoIterator<Item = &'a ModulePath>,
) -> io::Result<SourceFiles> {
    let reader = project.reader();
    let mut files = read_sources(&reader)?;
    for path in named {
        if files.contains_key(path) {
            continue;
        }
        if let Some(text) = reader.read(path)? {
            files.insert(path.clone(), text);
        }
    }
    Ok(files)
}
