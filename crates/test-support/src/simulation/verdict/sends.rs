//! Sends: what was acknowledged is stored, what was said to have no effect is not, and calls keep their order.

use std::collections::BTreeMap;

use csb_core::error_code::{Effect, ErrorCode};

use super::Finding;
use crate::simulation::event::{Entry, Event};
use crate::simulation::scheduler::{ProcessId, WORLD};
use crate::simulation::stored_log::StoredLog;

struct Send<'a> {
    began: usize,
    process: ProcessId,
    producer: usize,
    numbers: &'a [i64],
    outcome: Option<Result<(), (ErrorCode, Effect)>>,
}

pub(super) fn judge(log: &StoredLog, entries: &[Entry], findings: &mut Vec<Finding>) {
    let mut sends: BTreeMap<u64, Send<'_>> = BTreeMap::new();
    for (began, entry) in entries.iter().enumerate() {
        match &entry.event {
            Event::SendBegan { send, producer, numbers } => {
                sends.insert(
                    *send,
                    Send { began, process: entry.process, producer: *producer, numbers, outcome: None },
                );
            }
            Event::SendEnded { send, outcome } => {
                if let Some(send) = sends.get_mut(send) {
                    send.outcome = Some(*outcome);
                }
            }
            _ => {}
        }
    }
    judge_outcomes(log, &sends, findings);
    judge_order(log, &sends, findings);
}

fn judge_outcomes(log: &StoredLog, sends: &BTreeMap<u64, Send<'_>>, findings: &mut Vec<Finding>) {
    let mut by_number: BTreeMap<i64, Vec<&Send<'_>>> = BTreeMap::new();
    for send in sends.values() {
        send.numbers.iter().for_each(|number| by_number.entry(*number).or_default().push(send));
    }
    for (number, sends) in &by_number {
        let is_stored = log.messages.contains_key(number);
        if !is_stored && sends.iter().any(|send| send.outcome == Some(Ok(()))) {
            findings.push(Finding::new(format!("{number} was acknowledged and is not stored")));
        }
        let had_no_effect = |send: &&Send<'_>| {
            matches!(send.outcome, Some(Err((_, Effect::None)))) && send.numbers.len() == 1
        };
        if is_stored && sends.iter().all(had_no_effect) {
            findings.push(Finding::new(format!("{number} was said to have no effect and is stored")));
        }
    }
    for number in log.messages.keys().filter(|number| !by_number.contains_key(number)) {
        findings.push(Finding::new(format!("{number} is stored and was never sent")));
    }
}

/// Acknowledged messages of one producer are stored in the order of its calls, within each partition.
fn judge_order(log: &StoredLog, sends: &BTreeMap<u64, Send<'_>>, findings: &mut Vec<Finding>) {
    let mut last: BTreeMap<(ProcessId, usize, u32), i64> = BTreeMap::new();
    let acknowledged = |send: &&Send<'_>| send.outcome == Some(Ok(())) && send.process != WORLD;
    let mut times_sent: BTreeMap<i64, usize> = BTreeMap::new();
    for number in sends.values().flat_map(|send| send.numbers.iter()) {
        *times_sent.entry(*number).or_default() += 1;
    }
    let mut sends: Vec<_> = sends.values().filter(acknowledged).collect();
    sends.sort_by_key(|send| send.began);
    for send in sends {
        // One that was sent again may have been stored by the first send, whatever that came to.
        let once = send.numbers.iter().filter(|number| times_sent[number] == 1);
        for message in once.filter_map(|number| log.messages.get(number)) {
            let at = (send.process, send.producer, message.partition);
            let before = last.insert(at, message.number).and_then(|number| log.messages.get(&number));
            if let Some(before) = before.filter(|before| before.index > message.index) {
                findings.push(Finding::new(format!(
                    "{} was sent before {} and is stored behind it",
                    before.number, message.number
                )));
            }
        }
    }
}
