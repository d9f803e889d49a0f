//! Offsets: never past what is unfinished, never back, never under an old claim.

use std::collections::BTreeMap;

use csb_core::consumer::checkpoint::Checkpoint;
use csb_core::consumer::position::{HistoryProgress, Position};

use super::Finding;
use super::finished::Finished;
use super::subscriptions::Subscriptions;
use crate::simulation::event::{ClaimName, ClaimedPartition, Entry, Event, GroupPartition};
use crate::simulation::stored_log::StoredLog;

pub(super) struct Offsets<'a> {
    log: &'a StoredLog,
    partitions: BTreeMap<GroupPartition, Stored>,
    may_read_again: bool,
}

#[derive(Default)]
struct Stored {
    /// Where the group began.
    origin: Option<Position>,
    position: Option<Position>,
    /// Newest claim, unless it was released.
    claim: Option<ClaimName>,
    epoch: i64,
}

impl<'a> Offsets<'a> {
    pub(super) fn new(log: &'a StoredLog) -> Self {
        Self { log, partitions: BTreeMap::new(), may_read_again: false }
    }

    pub(super) fn history_was_lost(&mut self) {
        self.may_read_again = true;
    }

    pub(super) fn claimed(&mut self, claimed: &ClaimedPartition, report: &mut impl FnMut(String)) {
        let stored = self.partitions.entry(claimed.claim.at).or_default();
        if claimed.claim.epoch <= stored.epoch {
            report(format!("{:?} is no newer epoch than {}", claimed.claim, stored.epoch));
        }
        if claimed.position != stored.position {
            report(format!(
                "{:?} found {:?}, stored was {:?}",
                claimed.claim, claimed.position, stored.position
            ));
        }
        stored.epoch = claimed.claim.epoch;
        stored.claim = Some(claimed.claim.clone());
    }

    pub(super) fn released(&mut self, claim: &ClaimName) {
        self.partitions.entry(claim.at).or_default().claim = None;
    }

    pub(super) fn committed(
        &mut self,
        claim: &ClaimName,
        checkpoint: &Checkpoint,
        finished: &Finished,
        report: &mut impl FnMut(String),
    ) {
        let (group, partition) = claim.at;
        let stored = self.partitions.entry(claim.at).or_default();
        if stored.claim.as_ref() != Some(claim) {
            report(format!(
                "a commit under {claim:?} was accepted; the partition is held by {:?}",
                stored.claim
            ));
        }
        let position = &checkpoint.position;
        let Some(origin) = &stored.origin else {
            stored.origin = Some(position.clone());
            stored.position = Some(position.clone());
            return;
        };
        if !self.may_read_again && stored.position.as_ref().is_some_and(|before| is_back(before, position)) {
            report(format!("offset of {claim:?} went back: {:?}, then {position:?}", stored.position));
        }
        for message in self.log.in_partition(partition) {
            let is_passed = message.is_behind(position) == Some(true);
            let is_wanted = message.is_behind(origin) == Some(false);
            if is_passed && is_wanted && !finished.is_finished(group, message.number) {
                report(format!("offset of {claim:?} passes {}, which is not finished", message.number));
            }
        }
        for id in &checkpoint.finished_ahead {
            let message = self.log.in_partition(partition).find(|message| message.id == *id);
            if !message.is_some_and(|message| finished.is_finished(group, message.number)) {
                report(format!("{claim:?} says of {id} that it is finished ahead: {message:?}"));
            }
        }
        stored.position = Some(position.clone());
    }

    /// What was sent after `subscribe` resolved is the group's.
    pub(super) fn judge_end(
        &self,
        entries: &[Entry],
        subscriptions: &Subscriptions,
        findings: &mut Vec<Finding>,
    ) {
        let mut sent: BTreeMap<i64, usize> = BTreeMap::new();
        for (index, entry) in entries.iter().enumerate() {
            if let Event::SendBegan { numbers, .. } = &entry.event {
                numbers.iter().for_each(|number| _ = sent.entry(*number).or_insert(index));
            }
        }
        for subscription in subscriptions.all() {
            let Some(began) = subscription.began else { continue };
            for partition in &subscription.partitions {
                let stored = self.partitions.get(&(subscription.group, *partition));
                let Some(origin) = stored.and_then(|stored| stored.origin.as_ref()) else { continue };
                let missed = self.log.in_partition(*partition).find(|message| {
                    message.is_behind(origin) == Some(true)
                        && sent.get(&message.number).is_some_and(|sent| *sent > began)
                });
                if let Some(message) = missed {
                    findings.push(Finding::new(format!(
                        "{} was sent after subscription {} was ready, which began behind it",
                        message.number, subscription.number
                    )));
                }
            }
        }
    }
}

fn is_back(before: &Position, after: &Position) -> bool {
    match (before, after) {
        (Position::Stream(before), Position::Stream(after)) => after.after < before.after,
        (Position::Stream(_), Position::History(_)) => true,
        (Position::History(_), Position::Stream(_)) => false,
        (Position::History(before), Position::History(after)) => match (&before.finished, &after.finished) {
            (HistoryProgress::Stamped { after: before }, HistoryProgress::Stamped { after }) => {
                after < before
            }
            (HistoryProgress::Stamped { .. }, HistoryProgress::Unstamped { .. }) => true,
            (HistoryProgress::Unstamped { .. }, _) => false,
        },
    }
}
