//! What happened in some runs, so that nobody takes a simulation for a test in which nothing happens.

use std::collections::BTreeMap;

use csb_core::consumer::position::Position;

use super::event::Event;
use super::group_coverage::GroupCoverage;
use super::run::Outcome;

/// What has to happen among some dozens of seeds.
const WANTED: [&str; 34] = [
    "a message handled",
    "a message handled again by another subscription",
    "a message read from the stored history",
    "a message marked as a possible duplicate",
    "an attempt that failed",
    "a second attempt",
    "a call abandoned",
    "a dead letter",
    "a message finished ahead of the offset",
    "an offset in the stored history",
    "a commit refused",
    "a claim of a partition that was not released",
    "a partition released",
    "a member replaced",
    "a member that gave up because it was replaced",
    "a rebalance because a member joined",
    "a rebalance because a member was gone",
    "a planned move",
    "a member expired",
    "a member joined again after a fence",
    "a change of the leader",
    "a partition taken over from a member that was gone",
    "a forced takeover",
    "a claim lost and made again",
    "a pause",
    "a commit by hand",
    "a process killed",
    "a process frozen",
    "a process ended in good order",
    "a process cut off",
    "the history forgotten",
    "a send acknowledged",
    "a send without effect",
    "a send of unknown effect",
];

/// Counts what happened.
#[derive(Debug, Default)]
pub struct Coverage {
    counts: BTreeMap<&'static str, usize>,
    /// Events, all told.
    pub events: usize,
}

impl Coverage {
    /// Adds a run.
    pub fn add(&mut self, outcome: &Outcome) {
        self.events += outcome.entries.len();
        let mut handled: BTreeMap<(u32, i64), u64> = BTreeMap::new();
        let mut groups = GroupCoverage::default();
        for entry in &outcome.entries {
            let names: &[&'static str] = match &entry.event {
                Event::HandlingBegan(handling) => {
                    self.note(handling.token.is_none(), "a message read from the stored history");
                    self.note(handling.possible_duplicate, "a message marked as a possible duplicate");
                    self.note(handling.attempt > 1, "a second attempt");
                    &[]
                }
                Event::HandlingEnded { is_ok: false, .. } => &["an attempt that failed"],
                Event::HandlingEnded { subscription, partition, number, .. } => {
                    let before = handled.insert((*partition, *number), *subscription);
                    let is_again = before.is_some_and(|before| before != *subscription);
                    self.note(is_again, "a message handled again by another subscription");
                    &["a message handled"]
                }
                Event::HandlingAbandoned { .. } => &["a call abandoned"],
                Event::Buried { is_accepted: true, .. } => &["a dead letter"],
                Event::Committed { is_accepted: false, .. } => &["a commit refused"],
                Event::Committed { checkpoint, .. } => {
                    let is_ahead = !checkpoint.finished_ahead.is_empty();
                    self.note(is_ahead, "a message finished ahead of the offset");
                    let is_stored = matches!(checkpoint.position, Position::History(_));
                    self.note(is_stored, "an offset in the stored history");
                    &[]
                }
                Event::Claimed(claimed) => {
                    let is_held = groups.holds(claimed.claim.at);
                    self.note(is_held, "a claim of a partition that was not released");
                    &[]
                }
                Event::Released { is_accepted: true, .. } => &["a partition released"],
                Event::ConsumerFailed { .. } => &["a member that gave up because it was replaced"],
                Event::Paused { .. } => &["a pause"],
                Event::CommitAsked { outcome: Ok(true), .. } => &["a commit by hand"],
                Event::ProcessKilled(_) => &["a process killed"],
                Event::ProcessFrozen(_) => &["a process frozen"],
                Event::DisconnectEnded => &["a process ended in good order"],
                Event::CutOff(_, true) => &["a process cut off"],
                Event::HistoryForgotten => &["the history forgotten"],
                Event::SendEnded { outcome: Ok(()), .. } => &["a send acknowledged"],
                Event::SendEnded { outcome: Err((_, effect)), .. } => match effect {
                    csb_core::error_code::Effect::None => &["a send without effect"],
                    csb_core::error_code::Effect::Possible => &["a send of unknown effect"],
                },
                _ => &[],
            };
            names.iter().for_each(|name| self.note(true, name));
            groups.see(&entry.event, |name| self.note(true, name));
        }
    }

    /// What should have happened and did not.
    pub fn missing(&self) -> Vec<&'static str> {
        WANTED.into_iter().filter(|name| !self.counts.contains_key(name)).collect()
    }

    fn note(&mut self, happened: bool, name: &'static str) {
        debug_assert!(WANTED.contains(&name), "{name}");
        if happened {
            *self.counts.entry(name).or_default() += 1;
        }
    }
}
