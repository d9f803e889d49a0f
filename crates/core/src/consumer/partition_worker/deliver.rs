//! Messages go out: what is ready is given to the user's code.

use std::sync::Arc;

use super::{MOST_BYTES, MOST_MESSAGES, PartitionWorker, Written};
use crate::config::BatchConfig;
use crate::consumer::in_flight::InFlightMessage;
use crate::consumer::key_lanes::{DeliveryLimit, LaneKey, Taken};
use crate::consumer::record_handler::{DeliveredMessage, Delivery, DeliveryId, DeliveryMode, Reports};
use crate::consumer::running_delivery::RunningDelivery;
use crate::dead_letter::{FailedAttempt, HandlerError};
use crate::error_code::ErrorCode;
use crate::record::record_layout;
use crate::runtime::clock;

/// A message is given up for ending its process no sooner than at the third time: processes end for other reasons
/// too, and somebody's message was in hand each time.
const FEWEST_INTERRUPTIONS: u32 = 3;

/// Why a message is not handed out.
enum Undeliverable {
    /// Trying to read it again would not help.
    Unreadable(HandlerError),
    /// Its attempts were used up by processes that did not survive them.
    UsedUp,
}

impl PartitionWorker {
    /// Starts as many deliveries as may run at the same time.
    pub(super) fn start_deliveries(&mut self) {
        while self.running.len() < self.parts.concurrency {
            let Some(limit) = self.next_limit() else { break };
            let in_flight = &self.in_flight;
            let is_batch = self.parts.batch.is_some();
            let taken = self.lanes.take(limit, |number| {
                is_batch && in_flight.get(number).is_some_and(InFlightMessage::goes_alone)
            });
            if taken.messages.is_empty() {
                break;
            }
            self.start_delivery(taken);
        }
        if self.lanes.ready_messages() == 0 {
            self.batch_since = None;
        }
    }

    /// How much the next delivery may hold; `None` while there is nothing to deliver, or a batch is still filling.
    fn next_limit(&self) -> Option<DeliveryLimit> {
        let ready = self.lanes.ready_messages();
        if ready == 0 {
            return None;
        }
        if self.caution.holds() {
            return Some(DeliveryLimit { messages: 1, bytes: MOST_BYTES });
        }
        let Some(batch) = self.parts.batch else {
            let free = self.parts.concurrency - self.running.len();
            let share = ready.div_ceil(free).min(MOST_MESSAGES);
            return Some(DeliveryLimit { messages: share, bytes: MOST_BYTES });
        };
        self.is_batch_ready(batch).then_some(DeliveryLimit {
            messages: batch.max_messages as usize,
            bytes: usize::try_from(batch.max_bytes).unwrap_or(usize::MAX),
        })
    }

    /// A message that goes alone need not wait for others.
    fn is_batch_ready(&self, batch: BatchConfig) -> bool {
        let goes_alone = || {
            let next = self.lanes.next_message().and_then(|number| self.in_flight.get(number));
            next.is_some_and(InFlightMessage::goes_alone)
        };
        let has_lingered = || {
            let linger = std::time::Duration::from_millis(batch.linger_ms);
            self.batch_since.is_none_or(|since| since + linger <= clock::now())
        };
        self.lanes.ready_messages() >= batch.max_messages as usize
            || self.lanes.ready_bytes() as u64 >= batch.max_bytes
            || goes_alone()
            || has_lingered()
    }

    fn start_delivery(&mut self, taken: Taken) {
        let id = DeliveryId::next();
        if self.caution.holds() {
            return self.prepare(id, taken);
        }
        self.hand_over(id, taken);
    }

    /// Notes that an attempt of each message begins, and hands them over when that is stored.
    fn prepare(&mut self, id: DeliveryId, taken: Taken) {
        for number in &taken.messages {
            if let Some(message) = self.in_flight.get_mut(*number) {
                message.is_marked = true;
            }
        }
        let stored = self.parts.committer.record_attempts(self.all_attempts());
        self.writes.push(Box::pin(async move { (Written::Marks(id), stored.await) }));
        self.running.insert(id, RunningDelivery::preparing(taken, self.parts.handler_timeout));
    }

    /// The marks of a delivery are stored, or cannot be.
    pub(super) fn prepared(&mut self, id: DeliveryId, is_stored: bool) {
        let Some(RunningDelivery { messages, lanes, .. }) = self.running.remove(&id) else { return };
        if is_stored && !self.is_stopping && self.end.is_none() {
            return self.hand_over(id, Taken { messages, lanes });
        }
        for number in &messages {
            if let Some(message) = self.in_flight.get_mut(*number) {
                message.is_marked = false;
            }
        }
        self.release_lanes(&lanes);
    }

    /// Gives the messages to the user's code, as far as they can be given.
    fn hand_over(&mut self, id: DeliveryId, taken: Taken) {
        let Taken { mut messages, lanes } = taken;
        let handler = Arc::clone(&self.parts.handler);
        let mut delivered = Vec::with_capacity(messages.len());
        let mut undeliverable = None;
        for number in &messages {
            let Some(message) = self.in_flight.get(*number) else { break };
            match self.deliverable(message) {
                Ok(message) => delivered.push(message),
                Err(reason) => {
                    undeliverable = Some((*number, reason));
                    break;
                }
            }
        }
        if delivered.is_empty() {
            if let Some((number, reason)) = undeliverable {
                self.give_up(number, reason);
                self.release_lanes(&lanes);
            }
            return;
        }
        messages.truncate(delivered.len());
        let mode = if self.parts.batch.is_some() { DeliveryMode::Batch } else { DeliveryMode::Each };
        let partition = self.parts.key.partition;
        let reports = Reports::new(id, self.report_sender.clone());
        handler.deliver(Delivery { id, partition, mode, messages: delivered }, reports);

        // What is left was cut off; the lanes of what is delivered stay busy.
        let is_busy = |lane: &LaneKey| {
            let mut messages = messages.iter().filter_map(|number| self.in_flight.get(*number));
            messages.any(|message| message.lane == *lane)
        };
        let lanes = if undeliverable.is_none() {
            lanes
        } else {
            let (busy, free): (Vec<_>, Vec<_>) = lanes.into_iter().partition(is_busy);
            self.release_lanes(&free);
            busy
        };
        let mut delivery = RunningDelivery::preparing(Taken { messages, lanes }, self.parts.handler_timeout);
        delivery.begin(clock::now());
        self.running.insert(id, delivery);
    }

    fn deliverable<'a>(&self, message: &'a InFlightMessage) -> Result<DeliveredMessage<'a>, Undeliverable> {
        let failed = message.failed_attempts();
        let interrupted = message.failed.iter().filter(|attempt| is_interruption(attempt)).count();
        if failed > self.parts.retry_policy.max_retries && interrupted >= FEWEST_INTERRUPTIONS as usize {
            return Err(Undeliverable::UsedUp);
        }
        let stored = record_layout::decode(&message.buffered.document).map_err(|error| {
            Undeliverable::Unreadable(HandlerError {
                name: error.code().to_string(),
                message: error.message().to_owned(),
                stack: None,
            })
        })?;
        Ok(DeliveredMessage {
            token: message.token(),
            stored,
            attempt: failed.saturating_add(1),
            possible_duplicate: message.buffered.possible_duplicate,
            redriven: message.letter.is_some(),
        })
    }

    fn give_up(&mut self, number: u64, reason: Undeliverable) {
        if let Undeliverable::Unreadable(error) = reason
            && let Some(message) = self.in_flight.get_mut(number)
        {
            let at = bson::DateTime::from_millis(clock::unix_millis());
            message.failed.push(FailedAttempt { error, at });
        }
        self.bury(number);
    }

    /// These lanes are in no delivery any more.
    pub(super) fn release_lanes(&mut self, lanes: &[LaneKey]) {
        for lane in lanes {
            self.lanes.release(lane);
        }
    }
}

fn is_interruption(attempt: &FailedAttempt) -> bool {
    attempt.error.name == ErrorCode::HandlerInterrupted.as_str()
}
