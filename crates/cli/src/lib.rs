//! `csbroker`: the command line of Change Stream Broker.

mod args;

use clap::Parser;
use clap::error::ErrorKind;

use args::Args;

/// Wrong usage.
const EXIT_USAGE: i32 = 2;

/// Runs the command line with these arguments (without the program's name). Returns the exit code: 0 done, 2 wrong
/// usage.
pub fn run(args: impl IntoIterator<Item = String>) -> i32 {
    let args = std::iter::once("csbroker".to_owned()).chain(args);
    match Args::try_parse_from(args) {
        Ok(Args {}) => {
            // Without a command there is nothing to do but to say what there is.
            print(&<Args as clap::CommandFactory>::command().render_help().ansi());
            EXIT_USAGE
        }
        Err(answer) => {
            let code = match answer.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => 0,
                _ => EXIT_USAGE,
            };
            // Nobody is left to read it when the terminal is gone.
            let _ = answer.print();
            code
        }
    }
}

fn print(help: &impl std::fmt::Display) {
    use std::io::Write;
    // As above.
    let _ = writeln!(std::io::stderr(), "{help}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit_code(args: &[&str]) -> i32 {
        run(args.iter().map(|arg| (*arg).to_owned()))
    }

    #[test]
    fn help_and_version_succeed_and_the_rest_is_wrong_usage() {
        assert_eq!(exit_code(&["--help"]), 0);
        assert_eq!(exit_code(&["--version"]), 0);
        assert_eq!(exit_code(&[]), EXIT_USAGE);
        assert_eq!(exit_code(&["conjure"]), EXIT_USAGE);
    }
}
