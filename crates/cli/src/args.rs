//! What the command line understands.

mod generate_args;
mod history_args;
mod init_args;
mod keep_args;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use generate_args::{GenerateArgs, WatchArgs};
pub(crate) use history_args::{ApplyStageArgs, BackupsArgs, DiffArgs, RestoreArgs, StageArgs};
pub(crate) use init_args::{Example, InitArgs};
pub(crate) use keep_args::{KEEP_VARIABLE, KeepArgs};

/// Development CLI of @dafaz/change-stream-broker: makes the client that a service imports out of the files in
/// change-stream/, and keeps what it was before.
#[derive(Debug, Parser)]
#[command(name = "csbroker", version, propagate_version = true, arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  npx csbroker init                  write change-stream/, once
  npx csbroker generate              make the client, after each change
  npx csbroker watch                 the same, by itself
  npx csbroker diff                  what has changed since the last generate
  npx csbroker restore latest        take the last change back

Exit codes: 0 done, 1 a problem in your files or refused, 2 wrong usage, 3 an answer is needed but there is no terminal";

/// Options of every command.
#[derive(Debug, Clone, Default, ClapArgs)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Work in this folder instead of the current one
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) cwd: Option<PathBuf>,
    /// When to use colours; otherwise `NO_COLOR`, `FORCE_COLOR` and the terminal decide
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub(crate) color: ColorChoice,
    /// Print one JSON document
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print nothing but errors and what was asked for
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ColorChoice {
    #[default]
    Auto,
    Always,
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write change-stream/ with an example, and fit it into the project
    Init(InitArgs),
    /// Make the client of the files in change-stream/
    Generate(GenerateArgs),
    /// Generate whenever a file changes, until Ctrl-C
    Watch(WatchArgs),
    /// List the states that were replaced, newest first
    Backups(BackupsArgs),
    /// Put client and stage back to what they were in a backup
    Restore(RestoreArgs),
    /// Show the files that the client was generated from
    Stage(StageArgs),
    /// Show how your files differ from the stage
    Diff(DiffArgs),
    /// Take staged files over into change-stream/
    ApplyStage(ApplyStageArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

/// Arguments of `completions`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  npx csbroker completions bash > ~/.local/share/bash-completion/completions/csbroker
  npx csbroker completions zsh > ~/.zfunc/_csbroker")]
pub(crate) struct CompletionsArgs {
    /// Which shell
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples() {
        for command in Args::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Examples:\n  npx csbroker "), "{}", command.get_name());
        }
    }

    #[test]
    fn global_options_go_anywhere() {
        for args in [["csbroker", "--json", "backups"], ["csbroker", "backups", "--json"]] {
            assert!(Args::try_parse_from(args).unwrap().global.json);
        }
    }
}
