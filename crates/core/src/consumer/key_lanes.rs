//! Which messages may be handled next. Pure.
//!
//! Messages that have to stay in order stand in one lane: all of a partition, or with `concurrency` all of one key.
//! A lane is in one delivery at a time. A hot key does not starve the others: ready lanes take turns.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::runtime::clock::Instant;

/// What the messages of a lane have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum LaneKey {
    /// Their partition: order holds over all of them.
    Partition,
    /// That they have no key.
    Keyless,
    /// Their key.
    Key(Arc<str>),
}

/// How much goes into one delivery.
#[derive(Debug, Clone, Copy)]
pub(super) struct DeliveryLimit {
    /// Messages at most; at least one.
    pub(super) messages: usize,
    /// Bytes at most; one message may be larger.
    pub(super) bytes: usize,
    /// Lanes at most. What is handled in turn although it is of different lanes holds them up.
    pub(super) lanes: usize,
}

/// What goes into one delivery.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// In the order in which they have to be handled.
    pub(super) messages: Vec<u64>,
    /// Their lanes, which are busy now.
    pub(super) lanes: Vec<LaneKey>,
}

/// Whether messages of a lane may be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LaneState {
    /// May be delivered. Stands in `KeyLanes::ready`.
    Ready,
    /// In a delivery.
    Busy,
    /// Its first message is tried again, from the given moment on.
    Resting(Instant),
    /// In no delivery; waits until it is held no more.
    Held,
}

struct Lane {
    /// Unfinished messages and their bytes, in order; those being delivered are at the front.
    messages: VecDeque<(u64, usize)>,
    bytes: usize,
    state: LaneState,
    /// Writes that have to be through before its next message is handed out.
    holds: usize,
}

/// The lanes of a partition.
#[derive(Default)]
pub(super) struct KeyLanes {
    lanes: HashMap<LaneKey, Lane>,
    ready: VecDeque<LaneKey>,
    /// Messages in ready lanes.
    ready_messages: usize,
    ready_bytes: usize,
    resting: Vec<LaneKey>,
}

impl KeyLanes {
    /// Adds a message behind the others of its lane.
    pub(super) fn push(&mut self, key: &LaneKey, message: u64, bytes: usize) {
        let lane = self.lanes.entry(key.clone()).or_insert_with(|| {
            self.ready.push_back(key.clone());
            Lane { messages: VecDeque::new(), bytes: 0, state: LaneState::Ready, holds: 0 }
        });
        lane.messages.push_back((message, bytes));
        lane.bytes += bytes;
        if lane.state == LaneState::Ready {
            self.ready_messages += 1;
            self.ready_bytes += bytes;
        }
    }

    /// Messages that could be delivered now.
    pub(super) fn ready_messages(&self) -> usize {
        self.ready_messages
    }

    /// Their bytes.
    pub(super) fn ready_bytes(&self) -> usize {
        self.ready_bytes
    }

    /// Lanes that could be delivered now.
    pub(super) fn ready_lanes(&self) -> usize {
        self.ready.len()
    }

    /// The oldest message of the lane whose turn it is.
    pub(super) fn next_message(&self) -> Option<u64> {
        let lane = self.lanes.get(self.ready.front()?)?;
        lane.messages.front().map(|(message, _)| *message)
    }

    /// Takes messages for one delivery, whose lanes are busy from then on. A message that `is_alone` shares it with
    /// no other.
    pub(super) fn take(&mut self, limit: DeliveryLimit, is_alone: impl Fn(u64) -> bool) -> Taken {
        let Taken { messages: mut taken, mut lanes } = Taken::default();
        let mut bytes = 0;
        let mut is_full = false;
        while !is_full
            && lanes.len() < limit.lanes
            && let Some(key) = self.ready.front().cloned()
        {
            let Some(lane) = self.lanes.get_mut(&key) else { break };
            let before = taken.len();
            for &(message, size) in &lane.messages {
                let is_alone = is_alone(message);
                let fits = taken.len() < limit.messages && bytes + size <= limit.bytes && !is_alone;
                if !fits && !taken.is_empty() {
                    is_full = true;
                    break;
                }
                taken.push(message);
                bytes += size;
                is_full = is_alone;
                if is_full {
                    break;
                }
            }
            if taken.len() == before {
                break;
            }
            lane.state = LaneState::Busy;
            self.ready_messages -= lane.messages.len();
            self.ready_bytes -= lane.bytes;
            self.ready.pop_front();
            lanes.push(key);
        }
        Taken { messages: taken, lanes }
    }

    /// A message of a busy lane is finished.
    pub(super) fn finish(&mut self, key: &LaneKey, message: u64) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        let Some(at) = lane.messages.iter().position(|(other, _)| *other == message) else { return };
        if let Some((_, bytes)) = lane.messages.remove(at) {
            lane.bytes -= bytes;
        }
    }

    /// A busy lane is in no delivery any more: what it still holds may be delivered.
    pub(super) fn release(&mut self, key: &LaneKey) {
        if self.lanes.get(key).is_some_and(|lane| lane.state == LaneState::Busy) {
            self.make_ready(key);
        }
    }

    /// A busy lane is not handed out again before as many calls of `unhold`, whoever releases it.
    pub(super) fn hold(&mut self, key: &LaneKey) {
        if let Some(lane) = self.lanes.get_mut(key) {
            lane.holds += 1;
        }
    }

    /// What the lane was held for is done.
    pub(super) fn unhold(&mut self, key: &LaneKey) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        lane.holds = lane.holds.saturating_sub(1);
        if lane.holds == 0 && lane.state == LaneState::Held {
            self.make_ready(key);
        }
    }

    fn make_ready(&mut self, key: &LaneKey) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        if lane.holds > 0 {
            lane.state = LaneState::Held;
            return;
        }
        if lane.messages.is_empty() {
            self.lanes.remove(key);
            return;
        }
        lane.state = LaneState::Ready;
        self.ready_messages += lane.messages.len();
        self.ready_bytes += lane.bytes;
        self.ready.push_back(key.clone());
    }

    /// A busy lane is in no delivery any more, and in none before `until`.
    pub(super) fn rest(&mut self, key: &LaneKey, until: Instant) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        lane.state = match lane.state {
            LaneState::Resting(longer) => LaneState::Resting(until.max(longer)),
            LaneState::Ready | LaneState::Busy | LaneState::Held => {
                self.resting.push(key.clone());
                LaneState::Resting(until)
            }
        };
    }

    fn rests_until(&self, key: &LaneKey) -> Option<Instant> {
        match self.lanes.get(key)?.state {
            LaneState::Resting(until) => Some(until),
            LaneState::Ready | LaneState::Busy | LaneState::Held => None,
        }
    }

    /// When the next lane has rested.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.resting.iter().filter_map(|key| self.rests_until(key)).min()
    }

    /// Lanes that have rested may be delivered again, in the order in which their time came.
    pub(super) fn wake(&mut self, now: Instant) {
        let (mut rested, resting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.resting)
            .into_iter()
            .partition(|key| self.rests_until(key).is_none_or(|until| until <= now));
        self.resting = resting;
        rested.sort_by_key(|key| {
            let first = self.lanes.get(key).and_then(|lane| lane.messages.front());
            (self.rests_until(key), first.map(|(message, _)| *message))
        });
        for key in rested {
            self.make_ready(&key);
        }
    }
}

#[cfg(test)]
pub(crate) mod states;

#[cfg(test)]
#[path = "key_lanes/tests.rs"]
mod tests;
