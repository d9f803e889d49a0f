//! `csbroker`: the command line of Change Stream Broker.

mod args;
mod commands;
pub mod compile;
pub mod definition;
pub mod diff;
pub mod emit;
pub mod evaluation;
pub mod generation;
pub mod history;
mod init;
pub mod invocation;
mod plain_path;
pub mod project;
pub mod source;
mod terminal;
mod watch;

use clap::Parser;

use args::{Args, GlobalArgs};
use commands::exit_code;
use invocation::Invocation;
use terminal::Terminal;

/// Runs the command line. Returns the exit code: 0 done, 1 a problem in the user's files or refused, 2 wrong usage, 3 an
/// answer is needed but there is no terminal, 130 a picker was ended by Ctrl-C. Blocks its thread until all is done.
pub fn run(invocation: Invocation) -> i32 {
    let Invocation { args, package } = invocation;
    match Args::try_parse_from(std::iter::once("csbroker".to_owned()).chain(args)) {
        Ok(args) => commands::run(&args, package, &mut Terminal::of_process(&args.global)),
        Err(answer) => {
            Terminal::of_process(&GlobalArgs::default()).usage(&answer);
            if answer.use_stderr() { exit_code::USAGE } else { exit_code::DONE }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit_code(args: &[&str]) -> i32 {
        run(Invocation { args: args.iter().map(|arg| (*arg).to_owned()).collect(), package: None })
    }

    #[test]
    fn help_and_version_succeed_and_the_rest_is_wrong_usage() {
        assert_eq!(exit_code(&["--help"]), 0);
        assert_eq!(exit_code(&["--version"]), 0);
        assert_eq!(exit_code(&["watch", "-h"]), 0);
        assert_eq!(exit_code(&[]), exit_code::USAGE);
        assert_eq!(exit_code(&["conjure"]), exit_code::USAGE);
        assert_eq!(exit_code(&["completions", "dos"]), exit_code::USAGE);
    }
}
