//! Which messages go out together, and when.

use std::time::Duration;

use super::{MOST_BYTES, PartitionWorker};
use crate::config::BatchConfig;
use crate::consumer::in_flight::InFlightMessage;
use crate::consumer::key_lanes::DeliveryLimit;
use crate::runtime::clock::{self, Instant};

/// Messages of one delivery at most: many enough that crossing into the user's language costs little, few enough
/// that a stop or a pause is heard soon.
pub(super) const MOST_MESSAGES: usize = 256;

impl PartitionWorker {
    /// Starts as many deliveries as may run at the same time.
    pub(super) fn start_deliveries(&mut self) {
        while self.has_free_place()
            && let Some(limit) = self.next_limit()
        {
            let in_flight = &self.in_flight;
            let is_batch = self.parts.batch.is_some();
            // What ended its owner is noted, also without batches.
            let is_alone = |number| {
                in_flight
                    .get(number)
                    .is_some_and(|message| message.goes_alone() && (is_batch || message.interruptions() > 0))
            };
            let taken = self.lanes.take(limit, is_alone);
            if taken.messages.is_empty() {
                break;
            }
            self.start_delivery(taken);
        }
        if !self.has_free_place() {
            self.make_way();
        }
    }

    pub(super) fn has_free_place(&self) -> bool {
        self.running.len() < self.parts.concurrency
    }

    /// How much the next delivery may hold; `None` while there is nothing to deliver, or a batch is still filling.
    fn next_limit(&self) -> Option<DeliveryLimit> {
        if self.lanes.ready_messages() == 0 {
            return None;
        }
        if self.caution.holds() {
            return Some(DeliveryLimit { messages: 1, bytes: MOST_BYTES, lanes: 1 });
        }
        let Some(batch) = self.parts.batch else {
            // A message never waits behind one of another lane while there is a free place, now or later.
            let free = self.parts.concurrency - self.running.len();
            let messages = if self.lanes.ready_lanes() > free { 1 } else { MOST_MESSAGES };
            return Some(DeliveryLimit { messages, bytes: MOST_BYTES, lanes: 1 });
        };
        self.is_batch_ready(batch).then_some(DeliveryLimit {
            messages: batch.max_messages as usize,
            bytes: usize::try_from(batch.max_bytes).unwrap_or(usize::MAX),
            lanes: usize::MAX,
        })
    }

    fn is_batch_ready(&self, batch: BatchConfig) -> bool {
        let goes_alone = || {
            let next = self.lanes.next_message().and_then(|number| self.in_flight.get(number));
            next.is_some_and(InFlightMessage::goes_alone)
        };
        self.lanes.ready_messages() >= batch.max_messages as usize
            || self.lanes.ready_bytes() as u64 >= batch.max_bytes
            || self.room() == 0
            || goes_alone()
            || self.lingers_until().is_none_or(|until| until <= clock::now())
    }

    /// Until when a batch waits for more messages; `None` if none waits.
    pub(super) fn lingers_until(&self) -> Option<Instant> {
        let batch = self.parts.batch?;
        let first = self.in_flight.get(self.lanes.next_message()?)?;
        Some(first.since + Duration::from_millis(batch.linger_ms))
    }

    /// Lanes take turns: deliveries that hold more messages of theirs end early when others wait for a place.
    fn make_way(&mut self) {
        if self.parts.batch.is_some() {
            return;
        }
        let asked = self.running.values().filter(|delivery| delivery.is_making_way()).count();
        let mut wanted = self.lanes.ready_lanes().saturating_sub(asked);
        for (id, delivery) in &mut self.running {
            if wanted > 0 && delivery.makes_way() {
                wanted -= 1;
                self.parts.handler.stop(*id);
            }
        }
    }
}
