//! Messages come in from the buffer and get their lanes; what is known of them from before goes with them.

use std::collections::{BTreeMap, HashMap};

use bson::Bson;

use super::{Inheritance, MOST_MESSAGES, PartitionWorker};
use crate::consumer::checkpoint::{Checkpoint, MessageAttempts};
use crate::consumer::in_flight::{InFlightMessage, message_id};
use crate::consumer::key_lanes::LaneKey;
use crate::dead_letter::{FailedAttempt, HandlerError};
use crate::error_code::ErrorCode;
use crate::feed::partition_buffer::BufferedMessage;
use crate::record::record_layout;
use crate::runtime::clock;

/// Bytes in flight after which no more messages are taken.
const MOST_BYTES_IN_FLIGHT: usize = 4 << 20;

/// What is inherited is of messages close behind the position. If a message has not come by then it was finished
/// after all.
const LOOKED_FOR_IN: u64 = 100_000;

/// What the offset document said about messages that have not come yet.
pub(super) struct Inherited {
    finished: BTreeMap<Vec<u8>, Bson>,
    attempts: HashMap<Vec<u8>, MessageAttempts>,
    looked_at: u64,
}

impl Inherited {
    pub(super) fn new(inheritance: Inheritance) -> Self {
        let attempts = inheritance.attempts.into_iter().map(|one| (id_bytes(&one.message_id), one));
        Self {
            finished: inheritance.finished_ahead.into_iter().map(|id| (id_bytes(&id), id)).collect(),
            attempts: attempts.collect(),
            looked_at: 0,
        }
    }

    pub(super) fn attempts(&self) -> impl Iterator<Item = MessageAttempts> {
        self.attempts.values().cloned()
    }

    /// What has not come by now was finished after all.
    pub(super) fn forget(&mut self) {
        self.finished.clear();
        self.attempts.clear();
    }

    /// Ids of finished messages that have not come yet.
    pub(super) fn finished(&self) -> impl Iterator<Item = Bson> {
        self.finished.values().cloned()
    }

    /// What is known of this message: whether it is finished, and its attempts.
    fn take(&mut self, message: &BufferedMessage) -> (bool, Option<MessageAttempts>) {
        if self.finished.is_empty() && self.attempts.is_empty() {
            return (false, None);
        }
        self.looked_at += 1;
        if self.looked_at > LOOKED_FOR_IN {
            self.forget();
        }
        let id = id_bytes(&message_id(message));
        (self.finished.remove(&id).is_some(), self.attempts.remove(&id))
    }
}

/// Ids are compared as they are stored, with their type.
fn id_bytes(id: &Bson) -> Vec<u8> {
    bson::serialize_to_vec(&bson::doc! { "": id }).unwrap_or_default()
}

impl PartitionWorker {
    pub(super) fn has_room(&self) -> bool {
        self.in_flight.len() < self.most_in_flight()
            && (self.in_flight.is_empty() || self.in_flight.bytes() < MOST_BYTES_IN_FLIGHT)
    }

    /// What the deliveries hold, and as much again, so that the next one need not wait.
    pub(super) fn most_in_flight(&self) -> usize {
        let delivery = self.parts.batch.map_or(0, |batch| batch.max_messages as usize);
        MOST_MESSAGES.max(delivery).max(self.parts.concurrency) * 2
    }

    pub(super) fn take_in(&mut self, messages: Vec<BufferedMessage>) {
        for message in messages {
            self.take_in_one(message);
        }
        self.begin_batch();
    }

    /// From the first message that is ready on, a batch fills.
    pub(super) fn begin_batch(&mut self) {
        if self.batch_since.is_none() && self.lanes.ready_messages() > 0 {
            self.batch_since = Some(clock::now());
        }
    }

    /// What is finished, here or by owners before.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        let mut checkpoint = self.in_flight.checkpoint();
        checkpoint.finished_ahead.extend(self.inherited.finished());
        checkpoint
    }

    fn take_in_one(&mut self, buffered: BufferedMessage) {
        let lane = self.lane_of(&buffered);
        let (is_finished, attempts) = self.inherited.take(&buffered);
        let mut message = InFlightMessage::new(buffered, lane.clone());
        if let Some(attempts) = attempts {
            inherit(&mut message, attempts);
        }
        let size = message.size();
        let number = self.in_flight.push(message);
        if is_finished {
            self.in_flight.finish(number);
            self.parts.committer.advance(self.checkpoint());
        } else {
            self.lanes.push(&lane, number, size);
        }
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

/// An attempt of which nothing is known but that it began is what the process did not survive.
fn inherit(message: &mut InFlightMessage, attempts: MessageAttempts) {
    message.forgotten = attempts.forgotten;
    message.failed = attempts.failed;
    if attempts.in_flight {
        message.failed.push(FailedAttempt {
            error: HandlerError {
                name: ErrorCode::HandlerInterrupted.as_str().to_owned(),
                message: "the process ended, or lost the partition, while the handler was running".to_owned(),
                stack: None,
            },
            at: bson::DateTime::from_millis(clock::unix_millis()),
        });
    }
}
