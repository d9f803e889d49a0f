//! Messages come in from the buffer and get their lanes; what is known of them from before goes with them.

use super::deliver::MOST_MESSAGES;
use super::{MOST_BYTES, PartitionWorker};
use crate::consumer::in_flight::InFlightMessage;
use crate::consumer::key_lanes::LaneKey;
use crate::consumer::position::Position;
use crate::feed::partition_buffer::BufferedMessage;
use crate::record::record_layout;
use crate::runtime::clock;

/// Bytes of unfinished messages after which no more are taken, beside what a batch may hold.
const MOST_BYTES_IN_FLIGHT: usize = 4 * MOST_BYTES;
/// Messages that may be finished ahead of an unfinished one. Each commit holds their ids.
const MOST_FINISHED_AHEAD: usize = 4096;

impl PartitionWorker {
    /// How many messages may be taken in.
    pub(super) fn room(&self) -> usize {
        if self.replay.is_at_end() {
            return 0;
        }
        let batch_bytes = self.parts.batch.map_or(0, |batch| usize::try_from(batch.max_bytes).unwrap_or(0));
        if self.in_flight.bytes() >= MOST_BYTES_IN_FLIGHT + batch_bytes {
            return 0;
        }
        let ahead = MOST_FINISHED_AHEAD.saturating_sub(self.parts.watermark.finished_ahead());
        self.most_unfinished().saturating_sub(self.in_flight.len()).min(ahead)
    }

    /// What the deliveries hold, and as much again, so that the next one need not wait.
    fn most_unfinished(&self) -> usize {
        let delivery = self.parts.batch.map_or(0, |batch| batch.max_messages as usize);
        MOST_MESSAGES.max(delivery).max(self.parts.concurrency) * 2
    }

    pub(super) fn take_in(&mut self, mut messages: Vec<BufferedMessage>) {
        self.cut_at_end_of_replay(&mut messages);
        let now = clock::now();
        let places = messages.iter().map(|message| (message.after.clone(), &*message.document));
        let numbered = self.parts.watermark.push(places);
        for (buffered, numbered) in messages.into_iter().zip(numbered) {
            let attempts = self.inherited.take(&buffered.document);
            if numbered.is_finished {
                continue;
            }
            if self.is_passed_over(&buffered) {
                self.parts.watermark.pass_over(numbered.number);
                continue;
            }
            if self.is_in_flight_already(&buffered, numbered.number) {
                self.parts.watermark.pass_over(numbered.number);
                continue;
            }
            let lane = self.lane_of(&buffered);
            let mut message = InFlightMessage::new(buffered, lane, now);
            if let Some(attempts) = attempts {
                message.forgotten = attempts.forgotten;
                message.failed = attempts.failed;
            }
            self.lanes.push(&message.lane, numbered.number, message.size());
            self.in_flight.insert(numbered.number, message);
        }
    }

    /// A recovery reads what is stored once more, also what came before the position was lost and is not finished.
    fn is_in_flight_already(&mut self, buffered: &BufferedMessage, number: u64) -> bool {
        if !buffered.possible_duplicate {
            if matches!(buffered.after, Position::Stream(_)) {
                self.read_again_from = None;
            }
            return false;
        }
        let first = *self.read_again_from.get_or_insert(number);
        self.in_flight.holds_before(first, &buffered.document)
    }

    pub(super) fn lane_of(&self, buffered: &BufferedMessage) -> LaneKey {
        if self.parts.concurrency == 1 {
            return LaneKey::Partition;
        }
        match record_layout::decode(&buffered.document) {
            Ok(stored) => stored.key.map_or(LaneKey::Keyless, |key| LaneKey::Key(key.into())),
            // It will be given up without being handled; its order among others says nothing.
            Err(_) => LaneKey::Keyless,
        }
    }
}
