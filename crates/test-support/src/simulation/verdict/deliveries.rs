//! Deliveries: in order, one after the other, failed ones again before later ones, finished ones never again.

use std::collections::{BTreeMap, BTreeSet};

use csb_core::consumer::position::Position;

use super::finished::Finished;
use super::subscriptions::Subscription;
use super::tenures::{Tenure, TenureId, Tenures};
use crate::simulation::event::{ClaimName, ClaimedPartition, GroupPartition, Handling};
use crate::simulation::plan::Plan;
use crate::simulation::stored_log::{LoggedMessage, StoredLog};

pub(super) struct Deliveries<'a> {
    plan: &'a Plan,
    log: &'a StoredLog,
    lines: BTreeMap<TenureId, Line>,
    /// The last message of each group and lane that was finished.
    newest: BTreeMap<(usize, u32, Option<String>), i64>,
    /// Where each group began. The look-back of a recovery reaches further.
    origins: BTreeMap<GroupPartition, Position>,
    may_read_again: bool,
}

/// What was done under one claim.
#[derive(Default)]
struct Line {
    /// Messages in the order in which they were handled first, and their last attempt.
    begun: Vec<i64>,
    attempts: BTreeMap<i64, Attempt>,
    /// In the handler now, with their deliveries.
    running: BTreeMap<i64, u32>,
}

#[derive(Clone, Copy)]
struct Attempt {
    number: u32,
    delivery: u32,
    /// Read from the stream, not from the stored history.
    is_streamed: bool,
    is_possible_duplicate: bool,
    /// Whether all of the delivery was given up, and only its first message counts it.
    is_abandoned_batch: bool,
}

impl<'a> Deliveries<'a> {
    pub(super) fn new(plan: &'a Plan, log: &'a StoredLog) -> Self {
        Self {
            plan,
            log,
            lines: BTreeMap::new(),
            newest: BTreeMap::new(),
            origins: BTreeMap::new(),
            may_read_again: false,
        }
    }

    pub(super) fn committed(&mut self, claim: &ClaimName, position: &Position) {
        self.origins.entry(claim.at).or_insert_with(|| position.clone());
    }

    pub(super) fn history_was_lost(&mut self) {
        self.may_read_again = true;
    }

    /// A message is finished for the first time. In each lane that happens in the order of their commits, whoever
    /// handles them; only transactions and 1.4.2 may disturb the order of what is read from the collection.
    pub(super) fn finished(
        &mut self,
        group: usize,
        number: i64,
        by: Option<&Tenure>,
        report: &mut impl FnMut(String),
    ) {
        if by.is_some_and(|by| self.is_possible_duplicate(by, number)) {
            return;
        }
        let message = self.log.messages.get(&number).filter(|message| message.is_plain());
        let message = message.filter(|message| !self.is_before_origin(group, message));
        let Some(message) = message.filter(|_| !self.plan.groups[group].handler.contains_key("batch")) else {
            return;
        };
        let key = match self.lane(group) {
            Lane::Partition => None,
            Lane::Key => message.key.clone(),
        };
        let before = self.newest.insert((group, message.partition, key), number);
        let before = before.and_then(|before| self.log.messages.get(&before));
        if let Some(before) = before.filter(|before| before.index > message.index) {
            report(format!(
                "group {group} has finished {number} after {}, which is behind it",
                before.number
            ));
        }
    }

    pub(super) fn began(
        &mut self,
        handling: &Handling,
        by: &Subscription,
        tenure: &Tenure,
        finished: &Finished,
        report: &mut impl FnMut(String),
    ) {
        let Some(message) = self.log.messages.get(&handling.number) else {
            return report(format!("{handling:?}: no such message is stored"));
        };
        let is_elsewhere = message.partition != handling.partition
            || handling.token.as_ref().is_some_and(|token| *token != message.token);
        if is_elsewhere || !by.partitions.contains(&handling.partition) {
            report(format!("{handling:?} does not belong there: {message:?}"));
        }
        if handling.possible_duplicate && self.is_marked_for_nothing(message, tenure) {
            report(format!("{handling:?} is marked, and nothing was lost"));
        }
        let lane = self.lane(by.group);
        // The stored messages begin anew when the position is lost, and so do the attempts of what is finished.
        let is_finished =
            finished.is_finished(by.group, handling.number) || self.is_before_origin(by.group, message);
        let is_read_again = handling.possible_duplicate && is_finished;
        let line = self.lines.entry(tenure.id()).or_default();
        let in_lane =
            |number: &i64| self.log.messages.get(number).is_some_and(|other| lane.holds(other, message));
        let (delivery, _, _) = handling.delivery;
        let beside = line.running.iter().find(|(number, other)| **other != delivery && in_lane(number));
        if let Some((other, _)) = beside {
            report(format!("{} is handled while {other} is, subscription {}", handling.number, by.number));
        }
        if let Some(attempt) = line.attempts.get(&handling.number).copied() {
            if !is_read_again && !attempt.may_be_followed_by(handling.attempt) {
                report(format!(
                    "attempt {} of {} follows {}",
                    handling.attempt, handling.number, attempt.number
                ));
            }
        } else {
            if !is_read_again {
                judge_first(handling, message, tenure, report);
            }
            let others: Vec<i64> = line.begun.iter().copied().filter(in_lane).collect();
            let is_beside =
                |number: &i64| line.attempts.get(number).is_some_and(|attempt| attempt.delivery == delivery);
            let is_open = |number: &&i64| !is_beside(number) && !finished.is_finished(by.group, **number);
            if let Some(other) = others.iter().find(is_open) {
                report(format!("{} is handled before {other} is finished", handling.number));
            }
            // What became visible late may be found only then.
            let may_come_late =
                self.may_read_again && handling.token.is_none() && (is_finished || !message.is_plain());
            if let Some(last) = others.last().filter(|_| !may_come_late) {
                let was_streamed = line.attempts.get(last).is_some_and(|attempt| attempt.is_streamed);
                let last = (&self.log.messages[last], was_streamed);
                if !is_in_order((message, handling.token.is_some()), last, self.may_read_again) {
                    report(format!(
                        "{} is handled after {}, which is behind it",
                        handling.number, last.0.number
                    ));
                }
            }
            line.begun.push(handling.number);
        }
        let (number, is_streamed) = (handling.attempt, handling.token.is_some());
        let is_possible_duplicate = handling.possible_duplicate;
        let attempt =
            Attempt { number, delivery, is_streamed, is_possible_duplicate, is_abandoned_batch: false };
        line.attempts.insert(handling.number, attempt);
        line.running.insert(handling.number, delivery);
    }

    pub(super) fn ended(&mut self, tenure: &Tenure, number: i64) {
        if let Some(line) = self.lines.get_mut(&tenure.id()) {
            line.running.remove(&number);
        }
    }

    pub(super) fn abandoned(&mut self, tenure: &Tenure, delivery: u32) {
        if let Some(line) = self.lines.get_mut(&tenure.id()) {
            let abandoned: BTreeSet<_> =
                line.running.iter().filter(|(_, of)| **of == delivery).map(|(number, _)| *number).collect();
            line.running.retain(|number, _| !abandoned.contains(number));
            for number in &abandoned {
                if let Some(attempt) = line.attempts.get_mut(number) {
                    attempt.is_abandoned_batch = abandoned.len() > 1;
                }
            }
        }
    }

    pub(super) fn buried(
        &self,
        claim: &ClaimName,
        number: i64,
        attempts: usize,
        report: &mut impl FnMut(String),
    ) {
        let most = self.plan.groups[claim.at.0].handler.get_i32("maxRetries").expect("an Int32");
        if attempts <= usize::try_from(most).expect("small") {
            report(format!("{number} was given up by {claim:?} after {attempts} attempts"));
        }
    }

    /// A message was handled that had been finished before.
    pub(super) fn handled_again(
        &self,
        number: i64,
        by: &Tenure,
        before: Option<TenureId>,
        tenures: &Tenures,
        report: &mut impl FnMut(String),
    ) {
        // Of one that is superseded it is judged how it began.
        if by.superseded.is_some() || self.is_possible_duplicate(by, number) {
            return;
        }
        let (owner, group) = (by.owner(), by.claimed.claim.at.0);
        let Some(before) = before.and_then(|before| tenures.get(before)) else {
            return report(format!("{number} was handled by group {group} and is in its dead letters"));
        };
        let is_own = before.owner() == owner;
        if before.id() == by.id() {
            report(format!("{number} was handled twice by {owner} under one claim"));
        } else if before.ended_in_good_order() {
            let earlier = before.owner();
            report(format!("{number} was handled again by {owner}: {earlier} had given the partition back"));
        } else if is_own && !before.was_cut_short {
            report(format!("{number} was handled again by {owner}, which had never lost the partition"));
        }
    }

    fn is_possible_duplicate(&self, by: &Tenure, number: i64) -> bool {
        let attempt = self.lines.get(&by.id()).and_then(|line| line.attempts.get(&number));
        attempt.is_some_and(|last| last.is_possible_duplicate)
    }

    fn is_marked_for_nothing(&self, message: &LoggedMessage, by: &Tenure) -> bool {
        !self.may_read_again && message.stamp.is_some() && !began_in_doubt(&by.claimed)
    }

    fn is_before_origin(&self, group: usize, message: &LoggedMessage) -> bool {
        let origin = self.origins.get(&(group, message.partition));
        origin.is_some_and(|origin| message.is_behind(origin) == Some(true))
    }

    fn lane(&self, group: usize) -> Lane {
        let is_concurrent = self.plan.groups[group].handler.contains_key("concurrency");
        if is_concurrent { Lane::Key } else { Lane::Partition }
    }
}

/// What has to stay in order.
#[derive(Clone, Copy)]
enum Lane {
    Partition,
    Key,
}

impl Lane {
    fn holds(self, one: &LoggedMessage, other: &LoggedMessage) -> bool {
        match self {
            Self::Partition => true,
            Self::Key => one.key == other.key,
        }
    }
}

impl Attempt {
    fn may_be_followed_by(self, next: u32) -> bool {
        next == self.number + 1 || self.is_abandoned_batch && next == self.number
    }
}

/// The first time that a message is handled under a claim: it was not finished when the partition was claimed, and its
/// attempts are counted on.
fn judge_first(handling: &Handling, message: &LoggedMessage, by: &Tenure, report: &mut impl FnMut(String)) {
    let claimed = &by.claimed;
    if !handling.possible_duplicate && was_finished(claimed, message) {
        report(format!("{handling:?} was finished when the partition was claimed: {claimed:?}"));
    }
    let expected = attempts_before(claimed, message) + 1;
    if handling.attempt != expected {
        report(format!("{handling:?}: its attempt should be {expected}"));
    }
}

fn was_finished(claimed: &ClaimedPartition, message: &LoggedMessage) -> bool {
    claimed.finished_ahead.contains(&message.id)
        || claimed.position.as_ref().is_some_and(|position| message.is_behind(position) == Some(true))
}

/// A group that has offsets of other partitions cannot know whether this one is new to it, or its offset was deleted.
fn began_in_doubt(claimed: &ClaimedPartition) -> bool {
    match &claimed.position {
        None => true,
        Some(Position::Stream(stream)) => stream.doubtful_until.is_some(),
        Some(Position::History(history)) => history.doubtful_until.is_some(),
    }
}

fn attempts_before(claimed: &ClaimedPartition, message: &LoggedMessage) -> u32 {
    let known = claimed.attempts.iter().find(|(id, ..)| *id == message.id);
    known.map_or(0, |(_, failed, is_in_flight)| failed + u32::from(*is_in_flight))
}

/// The stored history first, by server time; then the stream, by commit.
fn is_in_order(
    (message, is_streamed): (&LoggedMessage, bool),
    (last, was_streamed): (&LoggedMessage, bool),
    may_read_again: bool,
) -> bool {
    match (is_streamed, was_streamed) {
        (true, true) => message.index > last.index,
        (true, false) => true,
        // Of what is not finished, it comes first that was visible first.
        (false, true) => may_read_again && message.index > last.index,
        (false, false) => match (message.stamp, last.stamp) {
            (Some(stamp), Some(last)) => stamp > last,
            (Some(_) | None, None) => true,
            (None, Some(_)) => false,
        },
    }
}
