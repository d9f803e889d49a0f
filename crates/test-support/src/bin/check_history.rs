//! Judges a history: `check_history [--expect JSON] [--json] [FILE]`.
//!
//! Reads one event a line, from standard input without a file. Prints the verdict; ends with 0 if no promise was
//! broken, 1 if one was, 2 if the history cannot be read.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use csb_test_support::history::{Event, Expectations, HistoryChecker, Verdict};

/// Judges a history: one event a line, as JSON.
#[derive(Parser)]
struct Args {
    /// The bounds, as JSON: order, duplicatesPerCrash, markedDuplicates, mayLosePositions, attempts, deadLetters.
    #[arg(long, default_value = "{}")]
    expect: String,
    /// Print the verdict as JSON.
    #[arg(long)]
    json: bool,
    /// The history; standard input if there is none.
    file: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(verdict) if verdict.is_clean() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(problem) => {
            // Nothing can be done if standard error is closed as well.
            let _ = writeln!(io::stderr(), "check_history: {problem}");
            ExitCode::from(2)
        }
    }
}

fn run(args: &Args) -> Result<Verdict, String> {
    let expectations: Expectations =
        serde_json::from_str(&args.expect).map_err(|error| format!("--expect: {error}"))?;
    let verdict = match &args.file {
        Some(path) => {
            let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
            judge(BufReader::new(file), expectations)?
        }
        None => judge(io::stdin().lock(), expectations)?,
    };
    let report = if args.json {
        serde_json::to_string(&verdict).map_err(|error| error.to_string())?
    } else {
        verdict.to_string()
    };
    writeln!(io::stdout(), "{report}").map_err(|error| error.to_string())?;
    Ok(verdict)
}

fn judge(history: impl BufRead, expectations: Expectations) -> Result<Verdict, String> {
    let mut checker = HistoryChecker::new(expectations);
    for (index, line) in history.lines().enumerate() {
        let number = index + 1;
        let line = line.map_err(|error| format!("line {number}: {error}"))?;
        let event: Event = serde_json::from_str(&line).map_err(|error| format!("line {number}: {error}"))?;
        checker.observe(&event);
    }
    Ok(checker.verdict())
}
