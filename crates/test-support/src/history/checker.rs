//! Reads a history event by event and judges it in the end. Pure.

use std::collections::HashSet;

use super::event::{Event, Happening};
use super::expectations::Expectations;
use super::finding::Finding;
use super::key_order::KeyOrder;
use super::lane_order::LaneOrder;
use super::members::{MemberId, Members};
use super::messages::{MessageId, Messages, Sent};
use super::offset_order::{OffsetOrder, Place};
use super::ownership::Ownership;
use super::verdict::{Numbers, Verdict};

mod at_the_end;
mod deliveries;
#[cfg(test)]
mod tests;

/// Judges a history.
pub fn check<'a>(events: impl IntoIterator<Item = &'a Event>, expectations: Expectations) -> Verdict {
    let mut checker = HistoryChecker::new(expectations);
    events.into_iter().for_each(|event| checker.observe(event));
    checker.verdict()
}

/// A judge who has read a part of a history. What it keeps grows with the messages, not with the events.
pub struct HistoryChecker {
    expectations: Expectations,
    now: u64,
    members: Members,
    messages: Messages,
    ownership: Ownership,
    lanes: LaneOrder,
    keys: KeyOrder,
    offsets: OffsetOrder,
    /// Unfinished messages of which an attempt failed.
    failing: HashSet<MessageId>,
    numbers: Numbers,
    findings: Vec<Finding>,
}

impl HistoryChecker {
    /// Judges by these bounds.
    pub fn new(expectations: Expectations) -> Self {
        Self {
            lanes: LaneOrder::new(expectations.order),
            offsets: OffsetOrder::new(expectations.may_lose_positions),
            expectations,
            now: 0,
            members: Members::default(),
            messages: Messages::default(),
            ownership: Ownership::default(),
            keys: KeyOrder::default(),
            failing: HashSet::new(),
            numbers: Numbers::default(),
            findings: Vec::new(),
        }
    }

    /// Reads the next event.
    pub fn observe(&mut self, event: &Event) {
        self.now += 1;
        self.numbers.events += 1;
        let member = self.members.id(&event.member);
        if matches!(event.happening, Happening::MemberStarted) {
            self.members.started(member);
        }
        if let Some(sequence) = event.sequence {
            self.findings.extend(self.members.check_sequence(member, sequence));
        }
        match &event.happening {
            Happening::MemberStarted
            | Happening::MemberThawed
            | Happening::Paused
            | Happening::Resumed
            | Happening::AssignmentLost { .. }
            | Happening::Noted { .. } => {}
            Happening::MemberKilled => self.crashed(member, false),
            Happening::MemberFrozen => self.crashed(member, true),
            Happening::MemberCutOff => self.members.cut_off(member, self.now),
            Happening::MemberReached => self.members.reached(member, self.now),
            Happening::MemberEnded => self.ended(member),
            Happening::Subscribed => self.members.begins_session(member),
            Happening::AssignmentGained { partition, epoch, owner } => {
                self.members.begins_session(member);
                let owner = owner.as_deref().unwrap_or(&event.member);
                let claimed = epoch.and_then(|epoch| self.offsets.claimed(*partition, epoch, owner));
                self.findings.extend(claimed);
            }
            Happening::Committed { partition, epoch, token, history } => {
                let place = token.clone().map_or(Place::History(*history), Place::Stream);
                self.findings.extend(self.offsets.committed(&mut self.messages, *partition, *epoch, place));
            }
            Happening::SendBegun { .. }
            | Happening::SendAcknowledged { .. }
            | Happening::SendNotWritten { .. }
            | Happening::SendUnknown { .. } => self.observe_send(member, &event.happening),
            Happening::DeliveryBegun { .. }
            | Happening::DeliveryFinished { .. }
            | Happening::DeliveryFailed { .. }
            | Happening::DeadLettered { .. }
            | Happening::Skipped { .. } => self.observe_delivery(member, &event.happening),
        }
    }

    /// The judgement of what was read.
    pub fn verdict(mut self) -> Verdict {
        self.judge_the_end();
        Verdict { numbers: self.numbers, findings: self.findings }
    }

    fn crashed(&mut self, member: MemberId, is_frozen: bool) {
        let interrupted = if is_frozen { 0 } else { self.ownership.gone(member).len() };
        let interrupted = u64::try_from(interrupted).unwrap_or(u64::MAX);
        self.members.crashed(member, self.now, interrupted, is_frozen);
        // What a process knows of failed attempts it may not have stored yet.
        for failing in &self.failing {
            let message = self.messages.get_mut(*failing);
            message.failures = 0;
            message.crashes += 1;
        }
    }

    fn ended(&mut self, member: MemberId) {
        for cut_off in self.ownership.gone(member) {
            let (member, value) = (self.members.name(member), self.messages.value(cut_off));
            self.findings.push(Finding::HandlerCutOff { member, value });
        }
    }

    fn observe_send(&mut self, member: MemberId, happening: &Happening) {
        match happening {
            Happening::SendBegun { value, key, partition } => {
                let id = self.messages.id(value);
                let message = self.messages.get_mut(id);
                if message.sent != Sent::Never {
                    return self.findings.push(Finding::SentTwice { value: value.clone() });
                }
                message.sent = Sent::Unknown;
                message.sender = Some(member);
                message.begun_at = Some(self.now);
                message.key = key.as_deref().map(Into::into);
                message.partition = *partition;
            }
            Happening::SendAcknowledged { value } => {
                let now = self.now;
                self.message(value).acknowledged_at = Some(now);
                self.message(value).sent = Sent::Acknowledged;
            }
            Happening::SendNotWritten { value, .. } => self.message(value).sent = Sent::NotWritten,
            Happening::SendUnknown { value, .. } => self.message(value).sent = Sent::Unknown,
            _ => {}
        }
    }

    fn message(&mut self, value: &str) -> &mut super::messages::Message {
        let id = self.messages.id(value);
        self.messages.get_mut(id)
    }
}
