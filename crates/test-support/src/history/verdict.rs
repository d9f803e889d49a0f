//! The judgement of a history: numbers and findings, for people and for programs.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::finding::Finding;

/// Findings of one kind that a report spells out.
const SPELLED_OUT: usize = 10;

/// What a history comes to.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// How much happened.
    pub numbers: Numbers,
    /// What is wrong, in the order in which it was found; empty if nothing is.
    pub findings: Vec<Finding>,
}

/// How much happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Numbers {
    /// Lines of the history.
    pub events: u64,
    /// Messages whose send is told.
    pub sent: u64,
    /// Of these: acknowledged.
    pub acknowledged: u64,
    /// Of these: certainly not written.
    pub not_written: u64,
    /// Of these: nobody knows.
    pub unknown: u64,
    /// Messages that a handler finished at least once.
    pub handled: u64,
    /// Calls of the handler.
    pub deliveries: u64,
    /// Calls of the handler that failed.
    pub failed_attempts: u64,
    /// Messages given up.
    pub dead_letters: u64,
    /// Messages passed over on request.
    pub skipped: u64,
    /// Times that a message was finished again, for whatever reason.
    pub duplicates: u64,
    /// Of these: without a crash, marked as possible duplicates.
    pub marked_duplicates: u64,
    /// Kills and freezes, in their order.
    pub crashes: Vec<CrashCount>,
}

/// What one crash did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CrashCount {
    /// The process that was killed or frozen.
    pub member: String,
    /// Messages finished again because of it.
    pub duplicates: u64,
    /// Messages that its handlers were working on.
    pub interrupted: u64,
}

impl Verdict {
    /// Whether every promise was kept.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// The numbers; panics with the whole report if a promise was broken.
    pub fn assert_clean(&self) -> &Numbers {
        assert!(self.is_clean(), "{self}");
        &self.numbers
    }
}

impl Numbers {
    /// Most messages finished again because of one crash.
    pub fn most_duplicates_of_a_crash(&self) -> u64 {
        self.crashes.iter().map(|crash| crash.duplicates).max().unwrap_or_default()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_clean() { "clean" } else { "BROKEN" };
        writeln!(f, "history of {} events: {word}", self.numbers.events)?;
        write!(f, "{}", self.numbers)?;
        let mut kinds: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for finding in &self.findings {
            kinds.entry(finding.title()).or_default().push(finding);
        }
        for (title, findings) in kinds {
            write!(f, "\n{title}: {}", findings.len())?;
            for finding in findings.iter().take(SPELLED_OUT) {
                write!(f, "\n  - {finding}")?;
            }
            if findings.len() > SPELLED_OUT {
                write!(f, "\n  - …")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "  sent {}: acknowledged {}, not written {}, unknown {}",
            self.sent, self.acknowledged, self.not_written, self.unknown
        )?;
        writeln!(
            f,
            "  handled {} in {} deliveries, {} of them failed; dead letters {}, skipped {}",
            self.handled, self.deliveries, self.failed_attempts, self.dead_letters, self.skipped
        )?;
        write!(
            f,
            "  duplicates {} (marked {}); crashes {}",
            self.duplicates,
            self.marked_duplicates,
            self.crashes.len()
        )?;
        if !self.crashes.is_empty() {
            let of_each: Vec<_> = self.crashes.iter().map(|crash| crash.duplicates.to_string()).collect();
            write!(f, ", duplicates of each: {}", of_each.join(" "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_counts_everything_and_spells_out_some() {
        let lost = |number| Finding::Lost { value: format!("m-{number}"), partition: Some(1), key: None };
        let crashes = vec![CrashCount { member: "c".into(), duplicates: 3, interrupted: 1 }];
        let numbers =
            Numbers { events: 40, sent: 12, acknowledged: 12, duplicates: 3, crashes, ..Numbers::default() };
        let verdict = Verdict { numbers, findings: (0..12).map(lost).collect() };
        assert!(!verdict.is_clean());
        assert_eq!(
            verdict.to_string(),
            "history of 40 events: BROKEN\n  \
             sent 12: acknowledged 12, not written 0, unknown 0\n  \
             handled 0 in 0 deliveries, 0 of them failed; dead letters 0, skipped 0\n  \
             duplicates 3 (marked 0); crashes 1, duplicates of each: 3\n\
             lost: 12\n  \
             - m-0, partition 1: acknowledged, never finished\n  \
             - m-1, partition 1: acknowledged, never finished\n  \
             - m-2, partition 1: acknowledged, never finished\n  \
             - m-3, partition 1: acknowledged, never finished\n  \
             - m-4, partition 1: acknowledged, never finished\n  \
             - m-5, partition 1: acknowledged, never finished\n  \
             - m-6, partition 1: acknowledged, never finished\n  \
             - m-7, partition 1: acknowledged, never finished\n  \
             - m-8, partition 1: acknowledged, never finished\n  \
             - m-9, partition 1: acknowledged, never finished\n  \
             - …"
        );
    }

    #[test]
    #[should_panic(expected = "BROKEN")]
    fn a_broken_promise_panics_with_the_report() {
        let findings = vec![Finding::NeverSent { value: "a".into() }];
        Verdict { numbers: Numbers::default(), findings }.assert_clean();
    }
}
