//! Brings the user's files back to what is staged.

use std::fs;
use std::io;

use super::working_files::working_files_with;
use crate::diff::file_differences::{FileDifference, FileStatus};
use crate::history::history_folder::History;
use crate::project::named_error::cannot;
use crate::project::project_folder::Project;
use crate::project::user_file;
use crate::source::module_path::{CHANGE_STREAM, ModulePath};
use crate::source::source_files::SourceFiles;

/// A file that was brought back from the stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedFile {
    /// From the project's root.
    pub file: String,
    /// Whether the user's file was deleted, because the stage has none.
    pub is_deleted: bool,
}

/// Makes the user's files like those in the stage, those that `differences` (from the stage to theirs) names; the
/// user's versions are kept as a backup first, whose name is returned. Files outside `change-stream/` are never
/// deleted: the rest of the project may need them.
pub fn apply_stage(
    project: &Project,
    differences: &[FileDifference],
    keep: usize,
) -> io::Result<(Vec<AppliedFile>, Option<String>)> {
    let history = History::of(project);
    let lock = history.lock()?;
    let Some(stage) = history.stage()? else { return Ok((Vec::new(), None)) };
    let working = working_files_with(project, stage.keys())?;
    let applied = applied_files(&working, &stage, differences);
    if applied.is_empty() {
        return Ok((Vec::new(), None));
    }
    for path in working.keys().chain(stage.keys()) {
        user_file::finish_killed_runs(&path.on_disk(&project.change_stream()))?;
    }
    let backup = if working.is_empty() {
        None
    } else {
        Some(history.back_up(&lock, &working, &after(&working, &applied), keep)?)
    };
    for (path, text) in &applied {
        let file = path.on_disk(&project.change_stream());
        match text {
            Some(text) => user_file::write(&file, text)?,
            None => fs::remove_file(&file).map_err(cannot("delete", &file))?,
        }
    }
    let applied = applied.into_iter();
    let applied = applied
        .map(|(path, text)| AppliedFile { file: path.to_string(), is_deleted: text.is_none() })
        .collect();
    Ok((applied, backup))
}

/// What is to be done: a new text, or none for a file that is to go.
fn applied_files<'a>(
    working: &SourceFiles,
    stage: &'a SourceFiles,
    differences: &'a [FileDifference],
) -> Vec<(&'a ModulePath, Option<&'a String>)> {
    let is_wanted = |difference: &&FileDifference| match stage.get(&difference.path) {
        Some(staged) => {
            difference.status != FileStatus::Unchanged && working.get(&difference.path) != Some(staged)
        }
        None => {
            difference.status == FileStatus::Added
                && working.contains_key(&difference.path)
                && is_in_change_stream(&difference.path)
                && !stage.keys().any(|staged| is_same_file(staged, &difference.path))
        }
    };
    let wanted = differences.iter().filter(is_wanted);
    wanted.map(|difference| (&difference.path, stage.get(&difference.path))).collect()
}

fn after(working: &SourceFiles, applied: &[(&ModulePath, Option<&String>)]) -> SourceFiles {
    let mut files = working.clone();
    for (path, text) in applied {
        match text {
            Some(text) => files.insert((*path).clone(), (*text).clone()),
            None => files.remove(*path),
        };
    }
    files
}

fn is_in_change_stream(path: &ModulePath) -> bool {
    path.to_string().starts_with(&format!("{CHANGE_STREAM}/"))
}

/// An import may reach a file in `change-stream/` by a detour through the project's root.
fn is_same_file(one: &ModulePath, other: &ModulePath) -> bool {
    one.to_string() == other.to_string()
}

#[cfg(test)]
mod tests;
