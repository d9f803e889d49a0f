//! Generates a client where it belongs, and keeps what it replaces.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use csb_core::runtime::clock;

pub use super::apply_stage::{AppliedFile, apply_stage};
pub use super::restore_backup::{Restored, restore_backup};
use super::state_change::StateChange;
pub use super::working_files::working_files;
use crate::compile::{ClientContents, CompileError, compile};
use crate::diff::file_differences::FileDifference;
use crate::history::history_folder::History;
use crate::project::environment::Environment;
use crate::project::installation::{Placement, PlacementError, find_placement, packages_folder};
use crate::project::project_folder::Project;
use crate::project::user_file;
use crate::source::diagnostic::Diagnostic;
use crate::source::source_files::SourceFiles;

/// How many backups are kept unless the user says otherwise.
pub const KEPT_BACKUPS: usize = 10;

/// How to generate.
#[derive(Debug, Clone)]
pub struct GenerateOptions {
    /// Where the client goes instead of beside the package.
    pub out: Option<PathBuf>,
    /// The package that the program belongs to.
    pub running_package: Option<PathBuf>,
    /// How many backups are kept.
    pub keep: usize,
    /// Only look whether anything would change.
    pub is_check: bool,
}

/// A client that is there now, or with `is_check` would be.
#[derive(Debug)]
pub struct Generated {
    /// Whether anything was written (or would be).
    pub is_changed: bool,
    /// What differs from the stage before; every file the first time.
    pub differences: Vec<FileDifference>,
    /// Where it is.
    pub placement: Placement,
    /// What it was generated from.
    pub sources: SourceFiles,
    /// What is in it.
    pub contents: ClientContents,
    /// What is noteworthy.
    pub warnings: Vec<Diagnostic>,
    /// Environment variables that the service will miss, as far as can be seen here.
    pub missing_environment: Vec<String>,
    /// The backup of what it replaced.
    pub backup: Option<String>,
    /// Reading, compiling and writing.
    pub elapsed: Duration,
}

/// Why there is no new client. The old one is as it was.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The user's files.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The place.
    #[error(transparent)]
    Placement(#[from] PlacementError),
    /// The disk.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Compiles the project's files and replaces client and stage, if anything has changed.
pub fn generate_client(project: &Project, options: &GenerateOptions) -> Result<Generated, GenerateError> {
    let begin = clock::now();
    let history = History::of(project);
    let lock = if options.is_check { None } else { Some(history.lock()?) };
    let compilation = compile(&project.reader(), packages_folder(project))?;
    let placement = placement_for(project, options)?;
    let change = StateChange::find(&history, &placement, &compilation)?;
    if lock.is_some() {
        change.finish_killed_runs()?;
        for path in compilation.sources.keys() {
            user_file::finish_killed_runs(&path.on_disk(&project.change_stream()))?;
        }
    }
    let is_changed = change.is_needed()?;
    let backup = match &lock {
        Some(lock) if is_changed => change.write(&history, lock, options.keep)?,
        _ => None,
    };
    let differences = change.differences;
    let missing_environment = missing_environment(&compilation.contents, &Environment::read(project));
    Ok(Generated {
        is_changed,
        differences,
        placement,
        sources: compilation.sources,
        contents: compilation.contents,
        warnings: compilation.warnings,
        missing_environment,
        backup,
        elapsed: begin.elapsed(),
    })
}

pub(super) fn placement_for(
    project: &Project,
    options: &GenerateOptions,
) -> Result<Placement, PlacementError> {
    find_placement(project, options.running_package.as_deref(), options.out.as_deref())
}

/// In the order in which brokers name them.
fn missing_environment(contents: &ClientContents, environment: &Environment) -> Vec<String> {
    let mut missing: Vec<String> = Vec::new();
    for name in contents.brokers.iter().flat_map(|broker| &broker.environment) {
        if !environment.has(name) && !missing.contains(name) {
            missing.push(name.clone());
        }
    }
    missing
}

#[cfg(test)]
mod tests;
