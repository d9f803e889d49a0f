//! What only the end of a history tells.

use super::HistoryChecker;
use crate::history::finding::Finding;
use crate::history::messages::{Message, Sent};
use crate::history::verdict::CrashCount;

impl HistoryChecker {
    pub(super) fn judge_the_end(&mut self) {
        let unfinished: Vec<_> =
            self.messages.all().filter(|(_, message)| !message.is_finished()).map(|(id, _)| id).collect();
        for message in unfinished {
            self.judge_passed_over(message);
        }
        for (_, message) in self.messages.all() {
            count_send(message, &mut self.numbers);
            self.findings.extend(judge_delivery(message));
        }
        self.judge_dead_letters();
        self.findings.extend(self.keys.at_the_end(&self.messages));
        self.judge_crashes();
    }

    fn judge_dead_letters(&mut self) {
        let Some(expected) = &self.expectations.dead_letters else { return };
        for (_, message) in self.messages.all() {
            let value = || message.value.to_string();
            match (expected.contains(&*message.value), message.is_dead_letter) {
                (true, false) => self.findings.push(Finding::DeadLetterMissing { value: value() }),
                (false, true) => self.findings.push(Finding::DeadLetterUnexpected { value: value() }),
                _ => {}
            }
        }
        // Those that the history does not even name.
        let named: std::collections::BTreeSet<_> =
            self.messages.all().map(|(_, message)| &*message.value).collect();
        let unnamed = expected.iter().filter(|value| !named.contains(value.as_str()));
        self.findings.extend(unnamed.map(|value| Finding::DeadLetterMissing { value: value.clone() }));
    }

    fn judge_crashes(&mut self) {
        for crash in self.members.crashes() {
            let (member, duplicates) = (self.members.name(crash.member), crash.duplicates);
            if let Some(allowed) = self.expectations.duplicates_per_crash.filter(|most| duplicates > *most) {
                self.findings.push(Finding::TooManyDuplicates {
                    member: member.clone(),
                    duplicates,
                    allowed,
                });
            }
            let interrupted = crash.interrupted;
            self.numbers.crashes.push(CrashCount { member, duplicates, interrupted });
        }
        let (duplicates, allowed) = (self.numbers.marked_duplicates, self.expectations.marked_duplicates);
        if duplicates > allowed {
            self.findings.push(Finding::TooManyMarkedDuplicates { duplicates, allowed });
        }
    }
}

fn count_send(message: &Message, numbers: &mut crate::history::verdict::Numbers) {
    numbers.skipped += u64::from(message.skipped);
    numbers.sent += u64::from(message.sent != Sent::Never);
    match message.sent {
        Sent::Never => {}
        Sent::Unknown => numbers.unknown += 1,
        Sent::Acknowledged => numbers.acknowledged += 1,
        Sent::NotWritten => numbers.not_written += 1,
    }
}

fn judge_delivery(message: &Message) -> Option<Finding> {
    let value = || message.value.to_string();
    match message.sent {
        Sent::Acknowledged if !message.is_finished() => {
            let key = message.key.as_ref().map(ToString::to_string);
            Some(Finding::Lost { value: value(), partition: message.partition, key })
        }
        Sent::NotWritten if message.deliveries > 0 => Some(Finding::DeliveredNotWritten { value: value() }),
        Sent::Never if message.deliveries > 0 => Some(Finding::NeverSent { value: value() }),
        _ => None,
    }
}
