//! A producer or consumer in a process of its own: see `csb_test_support::member`.

use std::io::{self, Write};
use std::process::ExitCode;

use csb_test_support::member;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let config = std::env::args().nth(1).ok_or_else(|| "give the configuration as JSON".to_owned());
    let config = config.and_then(|json| serde_json::from_str(&json).map_err(|error| error.to_string()));
    let outcome = match config {
        Ok(config) => member::run(config).await,
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // Nothing can be done if standard error is closed as well.
            let _ = writeln!(io::stderr(), "fault_member: {problem}");
            ExitCode::FAILURE
        }
    }
}
