//! Arguments of the commands that show the history, and go back in it.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::KeepArgs;

/// Arguments of `backups`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  npx csbroker backups
  npx csbroker backups --json")]
pub(crate) struct BackupsArgs {}

/// Arguments of `restore`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  npx csbroker restore                           choose from the list
  npx csbroker restore latest                    the newest
  npx csbroker restore backup_20261123_065444
  npx csbroker restore 065444 --apply            a part of the name; and your files are put back, too")]
pub(crate) struct RestoreArgs {
    /// A backup: its name, a part that no other has, or `latest`
    #[arg(value_name = "BACKUP_NAME")]
    pub(crate) name: Option<String>,
    /// Also take the staged files over into change-stream/
    #[arg(long)]
    pub(crate) apply: bool,
    /// Write the client to this folder instead of `node_modules`
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) keep: KeepArgs,
}

/// Arguments of `stage`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  npx csbroker stage                     on a terminal: choose what to see; else: all files
  npx csbroker stage -f config.ts        one file")]
pub(crate) struct StageArgs {
    /// Print this file only
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: Option<String>,
}

/// Arguments of `diff`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  npx csbroker diff
  npx csbroker diff config.ts -U 10      one file, with ten lines around each change
  npx csbroker diff --stat               which files, and by how much
  npx csbroker diff --exit-code          exit 1 if there are differences")]
pub(crate) struct DiffArgs {
    /// Only these files
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<String>,
    /// Show which files differ and by how many lines, not how
    #[arg(long)]
    pub(crate) stat: bool,
    /// Lines around each change
    #[arg(short = 'U', long, value_name = "N", default_value_t = 3)]
    pub(crate) unified: u32,
    /// Exit with 1 if there are differences
    #[arg(long)]
    pub(crate) exit_code: bool,
}

/// Arguments of `apply-stage`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  npx csbroker apply-stage               choose files from a list
  npx csbroker apply-stage config.ts     this file
  npx csbroker apply-stage --force       all files
  npx csbroker apply-stage --dry-run     show what would change")]
pub(crate) struct ApplyStageArgs {
    /// Only these files
    #[arg(value_name = "FILE")]
    files: Vec<String>,
    /// Only this file; may be given several times
    #[arg(long = "file", value_name = "FILE")]
    named: Vec<String>,
    /// All files, without asking
    #[arg(long)]
    pub(crate) force: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) keep: KeepArgs,
}

impl ApplyStageArgs {
    /// The files that were named, either way.
    pub(crate) fn files(&self) -> Vec<String> {
        [self.files.as_slice(), self.named.as_slice()].concat()
    }
}
