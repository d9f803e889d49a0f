//! Deliveries: who handled what, how often, and whether that was allowed.

use std::sync::Arc;

use super::HistoryChecker;
use crate::history::event::Happening;
use crate::history::finding::Finding;
use crate::history::members::MemberId;
use crate::history::messages::{Finish, MessageId};

/// A message in the hands of a member.
#[derive(Clone, Copy)]
struct Held {
    member: MemberId,
    partition: u32,
    message: MessageId,
}

impl HistoryChecker {
    pub(super) fn observe_delivery(&mut self, member: MemberId, happening: &Happening) {
        match happening {
            Happening::DeliveryBegun { partition, value, key, attempt, token, possible_duplicate } => {
                let held = Held { member, partition: *partition, message: self.messages.id(value) };
                self.identify(held, key.as_deref(), token.as_deref());
                self.messages.get_mut(held.message).is_marked = *possible_duplicate;
                self.begun(held, *attempt);
            }
            Happening::DeliveryFinished { partition, value } => {
                let held = Held { member, partition: *partition, message: self.messages.id(value) };
                self.ended_delivery(held);
                self.handled(held);
            }
            Happening::DeliveryFailed { partition, value } => {
                let held = Held { member, partition: *partition, message: self.messages.id(value) };
                self.ended_delivery(held);
                self.failed(held.message);
            }
            Happening::DeadLettered { partition, value } => {
                let held = Held { member, partition: *partition, message: self.messages.id(value) };
                self.given_up(held);
            }
            Happening::Skipped { partition, value } => {
                let message = self.messages.id(value);
                self.messages.get_mut(message).skipped = true;
                self.left_behind(*partition, message);
            }
            _ => {}
        }
    }

    fn identify(&mut self, held: Held, key: Option<&str>, token: Option<&str>) {
        let message = self.messages.get_mut(held.message);
        message.partition = Some(held.partition);
        if message.key.is_none() {
            message.key = key.map(Into::into);
        }
        let Some(token) = token else { return };
        let known = message.token.get_or_insert_with(|| Arc::from(token));
        if **known != *token {
            let (value, first) = (message.value.to_string(), known.to_string());
            self.findings.push(Finding::TwoTokens { value, first, second: token.to_owned() });
        }
    }

    fn begun(&mut self, held: Held, attempt: u32) {
        let Held { member, partition, message } = held;
        self.numbers.deliveries += 1;
        self.messages.get_mut(message).deliveries += 1;
        self.judge_passed_over(message);
        // That it was given up may not be stored yet when its owner dies; then it is tried once more.
        let crashes = self.messages.get(message).crashes;
        if self.expectations.attempts.is_some_and(|allowed| attempt > allowed + crashes) {
            self.too_many_attempts(message, attempt);
        }
        let is_stale = self.ownership.stale_since(&self.members, member, partition).is_some();
        let known = (&self.members, &self.messages);
        self.findings.extend(self.ownership.begun(known, member, partition, message, self.now));
        if !is_stale {
            let is_marked = self.messages.get(message).is_marked;
            let known = (&self.members, &mut self.messages);
            self.findings.extend(self.lanes.begun(known, member, partition, message, is_marked));
        }
        self.offsets.begun(&self.messages, partition, message);
    }

    fn ended_delivery(&mut self, held: Held) {
        let Held { member, partition, message } = held;
        if !self.ownership.ended(member, partition, message) {
            let (member, value) = (self.members.name(member), self.messages.value(message));
            self.findings.push(Finding::EndWithoutBegin { member, value });
        }
        self.judge_passed_over(message);
    }

    /// An unfinished message was passed over, and not because it was given up: it comes up again.
    pub(super) fn judge_passed_over(&mut self, id: MessageId) {
        let message = self.messages.get_mut(id);
        if message.is_finished() {
            return;
        }
        let partition = message.partition.unwrap_or_default();
        let overtaken_by = message.overtaken_by.take();
        let covered = std::mem::take(&mut message.covered_unfinished);
        let value = message.value.to_string();
        if let Some(later) = overtaken_by {
            let later = self.messages.value(later);
            self.findings.push(Finding::Overtaken { partition, earlier: value.clone(), later });
        }
        if covered {
            self.findings.push(Finding::CommitAhead { partition, value });
        }
    }

    fn handled(&mut self, held: Held) {
        let is_first = !std::mem::replace(&mut self.messages.get_mut(held.message).handled, true);
        self.finished(held);
        if is_first {
            self.numbers.handled += 1;
            self.findings.extend(self.keys.handled(&self.messages, held.message));
        }
    }

    fn finished(&mut self, held: Held) {
        let Held { member, partition, message } = held;
        let stale = self.ownership.stale_since(&self.members, member, partition);
        let this = Finish { at: self.now, by: member, stale };
        if let Some(before) = self.messages.get_mut(message).finish.replace(this) {
            self.finished_again(message, before, this);
        }
        self.left_behind(partition, message);
    }

    /// The group is done with the message.
    fn left_behind(&mut self, partition: u32, message: MessageId) {
        self.failing.remove(&message);
        let known = self.messages.get_mut(message);
        known.overtaken_by = None;
        known.covered_unfinished = false;
        self.offsets.finished(&self.messages, partition, message);
    }

    fn finished_again(&mut self, message: MessageId, before: Finish, this: Finish) {
        self.numbers.duplicates += 1;
        let crash = self.members.crash_between(before.by, before.at, this.at).or(before.stale).or(this.stale);
        if let Some(crash) = crash {
            self.members.count_duplicate(crash);
        } else if self.messages.get(message).is_marked {
            self.numbers.marked_duplicates += 1;
        } else {
            self.findings.push(Finding::Duplicate {
                value: self.messages.value(message),
                first: self.members.name(before.by),
                second: self.members.name(this.by),
            });
        }
    }

    fn failed(&mut self, id: MessageId) {
        self.numbers.failed_attempts += 1;
        let message = self.messages.get_mut(id);
        message.failures += 1;
        let failures = message.failures;
        self.failing.insert(id);
        if self.expectations.attempts.is_some_and(|allowed| failures == allowed + 1) {
            self.too_many_attempts(id, failures);
        }
    }

    fn too_many_attempts(&mut self, message: MessageId, attempts: u32) {
        let value = self.messages.value(message);
        let allowed = self.expectations.attempts.unwrap_or_default();
        self.findings.push(Finding::TooManyAttempts { value, attempts, allowed });
    }

    /// Once: a member and an observer may tell of the same dead letter.
    fn given_up(&mut self, held: Held) {
        let message = self.messages.get_mut(held.message);
        if std::mem::replace(&mut message.is_dead_letter, true) {
            return;
        }
        message.partition = Some(held.partition);
        self.numbers.dead_letters += 1;
        // An attempt counts from before the handler begins; a crash in between leaves no line of it.
        let crashes = u32::try_from(self.members.crashes().len()).unwrap_or(u32::MAX);
        let attempts = message.deliveries;
        if let Some(expected) = self.expectations.attempts
            && attempts.saturating_add(crashes) < expected
        {
            let value = message.value.to_string();
            self.findings.push(Finding::GivenUpEarly { value, attempts, expected });
        }
        self.finished(held);
    }
}
