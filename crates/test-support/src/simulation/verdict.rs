//! Judges a run by its events and by what is stored at its end.
//!
//! Per group and partition: nothing stored behind the place where the group began is left out; within a subscription
//! messages come in order, one after the other, and tried again before later ones; an offset never passes what is not
//! finished, and never goes back; what was stored when a partition was claimed is not delivered again; whoever let a
//! partition go in good order has stored everything; nobody takes a partition from a member that is heard and had no
//! time to give it back; and no member hands anything out that the others may think gone.

use std::fmt;

use super::event::{Entry, Event};
use super::plan::Plan;
use super::stored_log::StoredLog;

mod deliveries;
mod endings;
mod finished;
mod members;
mod obligations;
mod offsets;
mod sends;
mod subscriptions;
mod tenures;

use deliveries::Deliveries;
use finished::Finished;
use members::Members;
pub(super) use obligations::Obligations;
use offsets::Offsets;
use subscriptions::Subscriptions;
use tenures::{TenureId, Tenures};

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
        tenures: Tenures::default(),
        members: Members::new(plan),
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
    endings::judge(entries, &mut findings);
    findings
}

struct Judges<'a> {
    subscriptions: Subscriptions,
    tenures: Tenures,
    members: Members<'a>,
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
        self.members.see(entry, &self.subscriptions, &mut report);
        if let Event::Claimed(claimed) = &entry.event {
            self.members.judge_claim(entry.at, claimed, &self.tenures, &mut report);
        }
        self.tenures.see(index, entry, &self.subscriptions);
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
                let Some(tenure) = self.tenures.of_delivery(subscription.number, handling.delivery.0) else {
                    return report(format!("{handling:?} is under no claim"));
                };
                self.members.judge_beginning(entry, tenure, handling.number, &mut report);
                self.deliveries.began(handling, subscription, tenure, &self.finished, &mut report);
            }
            Event::HandlingEnded { subscription, delivery, number, is_ok, .. } => {
                let Some(tenure) = self.tenures.of_delivery(*subscription, *delivery) else { return };
                self.deliveries.ended(tenure, *number);
                let tenure = tenure.id();
                if *is_ok {
                    self.handled(*number, tenure, &mut report);
                }
            }
            Event::HistoryForgotten => self.history_was_lost(),
            Event::HandlingAbandoned { subscription, delivery } => {
                if let Some(tenure) = self.tenures.of_delivery(*subscription, *delivery) {
                    self.deliveries.abandoned(tenure, *delivery);
                }
            }
            _ => {}
        }
    }

    fn handled(&mut self, number: i64, by: TenureId, report: &mut impl FnMut(String)) {
        let Some(tenure) = self.tenures.get(by) else { return };
        match self.finished.handled(number, by) {
            None => self.deliveries.finished(by.0.0, number, Some(tenure), report),
            Some(before) => self.deliveries.handled_again(number, tenure, before, &self.tenures, report),
        }
    }
}
