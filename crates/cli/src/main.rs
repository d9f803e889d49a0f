//! `csbroker` without Node, for development.

use csb_cli::invocation::Invocation;

fn main() -> std::process::ExitCode {
    let code = csb_cli::run(Invocation { args: std::env::args().skip(1).collect(), package: None });
    std::process::ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}
