//! What the commands do, one file per command.

mod apply_stage;
mod backup_name;
mod backups;
pub(crate) mod changes;
pub(crate) mod client_report;
mod completions;
mod diff;
pub(crate) mod exit_code;
pub(crate) mod failure;
pub(crate) mod file_names;
mod folders_below;
pub(crate) mod generate;
mod init;
pub(crate) mod package_manager;
mod placement_note;
mod project_lookup;
mod restore;
mod stage;
mod watch;

use std::io;
use std::path::{Path, PathBuf};

use crate::args::{Args, Command, KEEP_VARIABLE, KeepArgs};
use crate::generation::generate_client::GenerateOptions;
use crate::terminal::Terminal;
pub(crate) use failure::Failure;

/// What every command works with.
pub(crate) struct CommandContext<'a> {
    pub(crate) terminal: &'a mut Terminal,
    /// The folder in which the command was given, absolute.
    pub(crate) folder: PathBuf,
    /// The package that the program belongs to.
    package: Option<PathBuf>,
}

/// Runs a command, and says why if it cannot. The exit code.
pub(crate) fn run(args: &Args, package: Option<PathBuf>, terminal: &mut Terminal) -> i32 {
    let outcome = working_folder(args.global.cwd.as_deref()).and_then(|folder| {
        let mut context = CommandContext { terminal, folder, package };
        execute(&args.command, &mut context)
    });
    outcome.unwrap_or_else(|failure| failure.tell(terminal))
}

fn execute(command: &Command, context: &mut CommandContext<'_>) -> Result<i32, Failure> {
    match command {
        Command::Init(args) => init::run(args, context),
        Command::Generate(args) => generate::run(args, context),
        Command::Watch(args) => watch::run(args, context),
        Command::Backups(_) => backups::run(context),
        Command::Restore(args) => restore::run(args, context),
        Command::Stage(args) => stage::run(args, context),
        Command::Diff(args) => diff::run(args, context),
        Command::ApplyStage(args) => apply_stage::run(args, context),
        Command::Completions(args) => Ok(completions::run(args, context)),
    }
}

impl CommandContext<'_> {
    /// How to generate, with what the user has asked for.
    fn generate_options(&self, out: Option<&Path>, keep: &KeepArgs) -> Result<GenerateOptions, Failure> {
        Ok(GenerateOptions {
            out: out.map(|out| self.folder.join(out)),
            running_package: self.package.clone(),
            keep: backups_to_keep(keep)?,
            is_check: false,
        })
    }
}

/// How many backups to keep, by the option or the environment.
fn backups_to_keep(keep: &KeepArgs) -> Result<usize, Failure> {
    keep.keep(std::env::var(KEEP_VARIABLE).ok().as_deref()).map_err(Failure::usage)
}

/// `--cwd`, or the current folder.
fn working_folder(asked: Option<&Path>) -> Result<PathBuf, Failure> {
    let current = std::env::current_dir();
    let Some(asked) = asked else {
        return Ok(current?);
    };
    let folder = current.unwrap_or_default().join(asked);
    if !folder.is_dir() {
        return Err(Failure::usage(format!("--cwd {} is not a folder", asked.display())));
    }
    without_dots(&folder).map_err(Failure::from)
}

/// Without `.` and `..`, so that the folders above it can be told from its text.
fn without_dots(folder: &Path) -> io::Result<PathBuf> {
    let is_plain = |part| !matches!(part, std::path::Component::ParentDir | std::path::Component::CurDir);
    if folder.is_absolute() && folder.components().all(is_plain) {
        Ok(folder.to_path_buf())
    } else {
        folder.canonicalize()
    }
}
