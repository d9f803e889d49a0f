//! `csbroker` without Node, for development.

fn main() -> std::process::ExitCode {
    let code = csb_cli::run(std::env::args().skip(1));
    std::process::ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}
