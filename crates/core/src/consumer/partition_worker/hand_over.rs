//! A delivery on its way to the user's code: with caution it is noted first, and a suspect waits for its turn.

use std::sync::Arc;

use super::{Awaited, PartitionWorker};
use crate::consumer::caution;
use crate::consumer::in_flight::InFlightMessage;
use crate::consumer::key_lanes::{LaneKey, Taken};
use crate::consumer::record_handler::{DeliveredMessage, Delivery, DeliveryId, DeliveryMode, Reports};
use crate::consumer::running_delivery::RunningDelivery;
use crate::dead_letter::{FailedAttempt, HandlerError};
use crate::error::Result;
use crate::record::record_layout;
use crate::runtime::clock;

impl PartitionWorker {
    pub(super) fn start_delivery(&mut self, taken: Taken) {
        let first = taken.messages.first().copied();
        let Some((number, message)) = first.and_then(|number| Some((number, self.in_flight.get(number)?)))
        else {
            return self.release_lanes(&taken.lanes);
        };
        let interruptions = message.interruptions();
        let max_retries = self.parts.retry_policy.max_retries;
        if caution::is_used_up(interruptions, message.failed_attempts(), max_retries) {
            self.bury(number);
            return self.release_lanes(&taken.lanes);
        }
        let id = DeliveryId::next();
        // What a letter ends is counted with the letter.
        let is_trusted = message.letter.is_some() || interruptions == 0 && !self.caution.holds();
        if is_trusted {
            return self.hand_over(id, taken, None);
        }
        self.running.insert(id, RunningDelivery::preparing(taken, self.parts.handler_timeout));
        if caution::is_suspect(interruptions) {
            self.await_turn(id);
        } else {
            self.mark(id);
        }
    }

    fn await_turn(&self, id: DeliveryId) {
        let turn = Arc::clone(&self.parts.suspect_turn);
        self.awaited.push(Box::pin(async move {
            match turn.acquire_owned().await {
                Ok(turn) => Awaited::Turn(id, turn),
                // Nobody closes it.
                Err(_) => std::future::pending().await,
            }
        }));
    }

    /// Notes that an attempt of each message begins.
    pub(super) fn mark(&mut self, id: DeliveryId) {
        let Some(delivery) = self.running.get(&id) else { return };
        for number in &delivery.messages {
            if let Some(message) = self.in_flight.get_mut(*number) {
                message.is_marked = true;
            }
        }
        self.has_noted_attempts = true;
        let stored = self.parts.committer.record_attempts(self.all_attempts());
        self.awaited.push(Box::pin(async move { Awaited::Marks(id, stored.await) }));
    }

    /// The marks of a delivery are stored, or cannot be.
    pub(super) fn marked(&mut self, id: DeliveryId, outcome: &Result<()>) {
        if outcome.is_err() {
            // Another member owns the partition: that is heard of in another way, too.
            return self.cancel_preparing(id);
        }
        if let Some(delivery) = self.running.remove(&id) {
            let RunningDelivery { messages, lanes, turn, .. } = delivery;
            self.hand_over(id, Taken { messages, lanes }, turn);
        }
    }

    /// It was not handed over, and is not going to be. Its messages may be delivered again.
    pub(super) fn cancel_preparing(&mut self, id: DeliveryId) {
        let Some(delivery) = self.running.remove(&id) else { return };
        for number in &delivery.messages {
            if let Some(message) = self.in_flight.get_mut(*number) {
                message.is_marked = false;
            }
        }
        self.release_lanes(&delivery.lanes);
        self.give_turn_back(delivery.turn);
    }

    /// Gives the messages to the user's code, up to the first that cannot be given.
    fn hand_over(&mut self, id: DeliveryId, taken: Taken, turn: Option<tokio::sync::OwnedSemaphorePermit>) {
        let Taken { mut messages, mut lanes } = taken;
        let mut delivered = Vec::with_capacity(messages.len());
        let mut unreadable = None;
        for number in &messages {
            let Some(message) = self.in_flight.get(*number) else { continue };
            match deliverable(message) {
                Ok(message) => delivered.push(message),
                Err(error) => {
                    unreadable = Some((*number, error));
                    break;
                }
            }
        }
        if delivered.is_empty() {
            if let Some((number, error)) = unreadable {
                self.give_up_unreadable(number, error);
            }
            return self.release_lanes(&lanes);
        }
        let count = delivered.len();
        let mode = if self.parts.batch.is_some() { DeliveryMode::Batch } else { DeliveryMode::Each };
        let partition = self.parts.key.partition;
        let reports = Reports::new(id, self.report_sender.clone());
        self.parts.handler.deliver(Delivery { id, partition, mode, messages: delivered }, reports);

        if unreadable.is_some() {
            messages.truncate(count);
            lanes = self.release_lanes_without(lanes, &messages);
        }
        let mut delivery = RunningDelivery::preparing(Taken { messages, lanes }, self.parts.handler_timeout);
        delivery.turn = turn;
        delivery.begin(clock::now());
        self.running.insert(id, delivery);
    }

    /// Trying to read it again would not help.
    fn give_up_unreadable(&mut self, number: u64, error: HandlerError) {
        if let Some(message) = self.in_flight.get_mut(number) {
            let at = bson::DateTime::from_millis(clock::unix_millis());
            message.failed.push(FailedAttempt { error, at });
        }
        self.bury(number);
    }

    /// Releases the lanes of which none of these messages is, and returns the others.
    fn release_lanes_without(&mut self, lanes: Vec<LaneKey>, messages: &[u64]) -> Vec<LaneKey> {
        let of_messages: Vec<_> = messages
            .iter()
            .filter_map(|number| self.in_flight.get(*number))
            .map(|message| message.lane.clone())
            .collect();
        let (busy, free): (Vec<_>, Vec<_>) = lanes.into_iter().partition(|lane| of_messages.contains(lane));
        self.release_lanes(&free);
        busy
    }

    /// These lanes are in no delivery any more.
    pub(super) fn release_lanes(&mut self, lanes: &[LaneKey]) {
        for lane in lanes {
            self.lanes.release(lane);
        }
    }
}

fn deliverable(message: &InFlightMessage) -> std::result::Result<DeliveredMessage<'_>, HandlerError> {
    let stored = record_layout::decode(&message.buffered.document).map_err(|error| HandlerError {
        name: error.code().to_string(),
        message: error.message().to_owned(),
        stack: None,
    })?;
    Ok(DeliveredMessage {
        token: message.token(),
        stored,
        attempt: message.failed_attempts().saturating_add(1),
        possible_duplicate: message.buffered.possible_duplicate,
        redriven: message.letter.is_some(),
    })
}
