//! Says what was wrong in a run, and how to see it again.

use std::fmt::Write;

use super::event::Entry;
use super::run::Outcome;

const LAST_EVENTS: usize = 60;
const MOST_FINDINGS: usize = 20;

/// The seed, the command that replays it, the findings, and the last events. With `CSB_SIM_EVENTS=all`, all events.
pub fn describe_failure(outcome: &Outcome) -> String {
    let mut text = String::new();
    let all = std::env::var("CSB_SIM_EVENTS").is_ok_and(|events| events == "all");
    let shown = if all { outcome.entries.len() } else { LAST_EVENTS };
    let skipped = outcome.entries.len().saturating_sub(shown);
    // Writing to a text cannot fail.
    let _ = writeln!(text, "seed {} failed; to see it again, with all events:", outcome.seed);
    let _ = writeln!(text, "  CSB_SIM_EVENTS=all npm run simulate -- --seed {}", outcome.seed);
    let _ = writeln!(text, "{:#?}", outcome.plan);
    let _ = writeln!(text, "the last {shown} of {} events:", outcome.entries.len());
    for (index, entry) in outcome.entries.iter().enumerate().skip(skipped) {
        let _ = writeln!(text, "{}", line(index, entry));
    }
    let _ = writeln!(text, "{} findings in seed {}:", outcome.findings.len(), outcome.seed);
    for finding in outcome.findings.iter().take(MOST_FINDINGS) {
        let _ = writeln!(text, "- {finding}");
    }
    text
}

fn line(index: usize, entry: &Entry) -> String {
    format!(
        "{index:5} {:>10.3} s  {:<10} {:?}",
        entry.at.as_secs_f64(),
        entry.process.to_string(),
        entry.event
    )
}
