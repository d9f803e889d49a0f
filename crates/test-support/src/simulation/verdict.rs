//! Judges a run by its events and by what is stored at its end.
//!
//! Per group and partition: nothing stored behind the place where the group began is left out; within a subscription
//! messages come in order, one after the other, and tried again before later ones; an offset never passes what is not
//! finished, and never goes back; what was stored when a partition was claimed is not delivered again; whoever let a
//! partition go in good order has stored everything.

use std::fmt;

use super::event::{Entry, Event};
use super::plan::Plan;
use super::stored_log::StoredLog;

mod deliveries;
mod endings;
mod finished;
mod obligations;
mod offsets;
mod sends;
mod subscriptions;

use deliveries::Deliveries;
use finished::Finished;
pub(super) use obligations::Obligations;
use offsets::Offsets;
use subscriptions::Subscriptions;

/// Something that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding(String);

impl Finding {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Everything that was wrong.
pub(super) fn judge(plan: &Plan, log: &StoredLog, entries: &[Entry]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut judges = Judges {
        subscriptions: Subscriptions::default(),
        finished: Finished::default(),
        offsets: Offsets::new(log),
        deliveries: Deliveries::new(plan, log),
    };
    if plan.rates.history_lost > 0 {
        judges.history_was_lost();
    }
    for (index, entry) in entries.iter().enumerate() {
        judges.see(index, entry, &mut findings);
    }
    judges.offsets.judge_end(entries, &judges.subscriptions, &mut findings);
    sends::judge(log, entries, &mut findings);
    endings::judge(entries, &judges.subscriptions, &mut findings);
    findings
}

struct Judges<'a> {
    subscriptions: Subscriptions,
    finished: Finished,
    offsets: Offsets<'a>,
    deliveries: Deliveries<'a>,
}

impl Judges<'_> {
    /// From here on what is stored may be read again, and what may come a second time because of that says so.
    fn history_was_lost(&mut self) {
        self.offsets.history_was_lost();
        self.deliveries.history_was_lost();
    }

    fn see(&mut self, index: usize, entry: &Entry, findings: &mut Vec<Finding>) {
        let mut report = |text: String| findings.push(Finding(format!("event {index}: {text}")));
        self.subscriptions.see(index, entry);
        match &entry.event {
            Event::Committed { claim, checkpoint, is_accepted: true } => {
                self.deliveries.committed(claim, &checkpoint.position);
                self.offsets.committed(claim, checkpoint, &self.finished, &mut report);
            }
            Event::Buried { claim, number, attempts, checkpoint, is_accepted: true } => {
                self.deliveries.committed(claim, &checkpoint.position);
                self.deliveries.buried(claim, *number, *attempts, &mut report);
                if self.finished.buried(claim, *number) {
                    self.deliveries.finished(claim.at.0, *number, None, &mut report);
                }
                self.offsets.committed(claim, checkpoint, &self.finished, &mut report);
            }
            Event::Claimed(claimed) => self.offsets.claimed(claimed, &mut report),
            Event::Released { claim, is_accepted: true } => self.offsets.released(claim),
            Event::HandlingBegan(handling) => {
                let Some(subscription) = self.subscriptions.get(handling.subscription) else {
                    return report(format!("{handling:?} is of no subscription"));
                };
                self.deliveries.began(handling, subscription, &self.finished, &mut report);
            }
            Event::HandlingEnded { subscription, partition, number, is_ok, .. } => {
                let Some(by) = self.subscriptions.get(*subscription) else { return };
                self.deliveries.ended(*subscription, *partition, *number);
                if !is_ok {
                    return;
                }
                match self.finished.handled((by.group, *partition), *number, *subscription, index) {
                    None => self.deliveries.finished(by.group, *number, Some(by), &mut report),
                    Some(before) => self.deliveries.handled_again(
                        (*number, index),
                        *partition,
                        by,
                        before,
                        &self.subscriptions,
                        &mut report,
                    ),
                }
            }
            Event::HistoryForgotten => self.history_was_lost(),
            Event::HandlingAbandoned { subscription, delivery } => {
                self.deliveries.abandoned(*subscription, *delivery);
            }
            _ => {}
        }
    }
}
