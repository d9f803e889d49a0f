//! Goes back to a backup.

use std::io;

use super::generate_client::{GenerateError, GenerateOptions, placement_for};
use super::state_change::StateChange;
use super::working_files::working_files_with;
use crate::compile::compile;
use crate::diff::file_differences::{FileDifference, compare};
use crate::history::history_folder::{Backup, History};
use crate::project::installation::{Placement, packages_folder};
use crate::project::project_folder::Project;
use crate::source::diagnostic::Diagnostic;

/// What `restore` did.
#[derive(Debug)]
pub struct Restored {
    /// Whether client or stage were different.
    pub is_changed: bool,
    /// Backup of what was replaced; `None` if there was nothing, or the stage was the same already.
    pub backup: Option<String>,
    /// Where the client is.
    pub placement: Placement,
    /// How the user's files differ from the stage now: from the stage to theirs.
    pub differences: Vec<FileDifference>,
    /// What is noteworthy about the files of the backup.
    pub warnings: Vec<Diagnostic>,
}

/// Puts client and stage back to what they were in a backup; the user's files stay. `name` is a backup's whole name.
pub fn restore_backup(
    project: &Project,
    name: &str,
    options: &GenerateOptions,
) -> Result<Restored, GenerateError> {
    let history = History::of(project);
    let lock = if options.is_check { None } else { Some(history.lock()?) };
    let sources = history.sources_of(&find_backup(&history, name)?)?;
    let compilation = compile(&sources, packages_folder(project))?;
    let placement = placement_for(project, options)?;
    let change = StateChange::find(&history, &placement, &compilation)?;
    if lock.is_some() {
        change.finish_killed_runs()?;
    }
    let is_changed = change.is_needed()?;
    // Before anything is written, so that a file that cannot be read leaves all as it was.
    let working = working_files_with(project, compilation.sources.keys())?;
    let backup = match &lock {
        Some(lock) if is_changed => change.write(&history, lock, options.keep)?,
        _ => None,
    };
    let differences = compare(&compilation.sources, &working);
    Ok(Restored { is_changed, backup, placement, differences, warnings: compilation.warnings })
}

fn find_backup(history: &History, name: &str) -> io::Result<Backup> {
    let found = history.backups()?.into_iter().find(|backup| backup.name == name);
    found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("there is no backup {name}")))
}

#[cfg(test)]
mod tests;
