//! The messages that a worker has taken from the buffer and not all finished, and how far the partition is finished.
//! Pure.

use std::collections::VecDeque;

use bson::Bson;

use super::checkpoint::{Checkpoint, MessageAttempts};
use super::key_lanes::LaneKey;
use super::position::Position;
use crate::dead_letter::{FailedAttempt, StoredLetter};
use crate::feed::partition_buffer::BufferedMessage;
use crate::feed::stream_token::StreamToken;

/// Number of the letter that is redriven. It stands beside the messages of the partition, which it does not move.
pub(super) const REDRIVEN: u64 = u64::MAX;

/// A message that was taken.
pub(super) struct InFlightMessage {
    /// The message.
    pub(super) buffered: BufferedMessage,
    /// Its lane.
    pub(super) lane: LaneKey,
    /// Failed attempts, oldest first.
    pub(super) failed: Vec<FailedAttempt>,
    /// Failed attempts of earlier processes whose errors were not stored.
    pub(super) forgotten: u32,
    /// It is noted in the offset document that an attempt was begun.
    pub(super) is_marked: bool,
    /// The dead letter that it comes from, if it is redriven.
    pub(super) letter: Option<Box<StoredLetter>>,
    is_finished: bool,
}

impl InFlightMessage {
    pub(super) fn new(buffered: BufferedMessage, lane: LaneKey) -> Self {
        Self {
            buffered,
            lane,
            failed: Vec::new(),
            forgotten: 0,
            is_marked: false,
            letter: None,
            is_finished: false,
        }
    }

    /// Its place in the stream, if it has one.
    pub(super) fn token(&self) -> Option<&StreamToken> {
        match &self.letter {
            Some(letter) => letter.token.as_ref(),
            None => self.buffered.after.stream_token(),
        }
    }

    /// Whether it goes into no batch with others: it has failed, and must not make them fail again.
    pub(super) fn goes_alone(&self) -> bool {
        self.failed_attempts() > 0 || self.letter.is_some()
    }

    /// Failed attempts, all told.
    pub(super) fn failed_attempts(&self) -> u32 {
        u32::try_from(self.failed.len()).unwrap_or(u32::MAX).saturating_add(self.forgotten)
    }

    /// Bytes of the stored document.
    pub(super) fn size(&self) -> usize {
        self.buffered.document.as_bytes().len()
    }

    /// `_id` of the message.
    pub(super) fn id(&self) -> Bson {
        message_id(&self.buffered)
    }

    fn attempts(&self) -> MessageAttempts {
        MessageAttempts {
            message_id: self.id(),
            failed: self.failed.clone(),
            forgotten: self.forgotten,
            in_flight: self.is_marked,
        }
    }
}

/// `_id` of a message. One that cannot be read cannot be told from others, and is never skipped.
pub(super) fn message_id(buffered: &BufferedMessage) -> Bson {
    buffered
        .document
        .get("_id")
        .ok()
        .flatten()
        .and_then(|id| Bson::try_from(id).ok())
        .unwrap_or(Bson::Undefined)
}

/// The messages in flight, numbered in the order of the partition.
pub(super) struct InFlight {
    /// Number of the first one.
    first: u64,
    messages: VecDeque<InFlightMessage>,
    /// Everything before the first one is finished.
    position: Position,
    bytes: usize,
    finished_ahead: usize,
    redriven: Option<InFlightMessage>,
}

impl InFlight {
    /// None yet; everything up to `position` is finished.
    pub(super) fn new(position: Position) -> Self {
        Self { first: 0, messages: VecDeque::new(), position, bytes: 0, finished_ahead: 0, redriven: None }
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds the next message. Returns its number.
    pub(super) fn push(&mut self, message: InFlightMessage) -> u64 {
        self.bytes += message.size();
        self.messages.push_back(message);
        self.first + self.messages.len() as u64 - 1
    }

    /// A dead letter that is delivered again has the number [`REDRIVEN`]; there is one at a time.
    pub(super) fn redrive(&mut self, message: InFlightMessage) {
        self.redriven = Some(message);
    }

    /// Takes the redriven letter out.
    pub(super) fn take_redriven(&mut self) -> Option<InFlightMessage> {
        self.redriven.take()
    }

    /// Where the partition stands.
    pub(super) fn position(&self) -> &Position {
        &self.position
    }

    pub(super) fn get(&self, number: u64) -> Option<&InFlightMessage> {
        if number == REDRIVEN {
            return self.redriven.as_ref();
        }
        self.messages.get(self.index(number)?)
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut InFlightMessage> {
        if number == REDRIVEN {
            return self.redriven.as_mut();
        }
        let index = self.index(number)?;
        self.messages.get_mut(index)
    }

    fn index(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.first)?).ok()
    }

    /// A message of the partition is finished. The position moves on when nothing unfinished is left before it.
    pub(super) fn finish(&mut self, number: u64) {
        let Some(message) = self.get_mut(number) else { return };
        if message.is_finished {
            return;
        }
        message.is_finished = true;
        self.finished_ahead += 1;
        while let Some(message) = self.messages.pop_front_if(|message| message.is_finished) {
            self.first += 1;
            self.finished_ahead -= 1;
            self.bytes -= message.size();
            self.position = message.buffered.after;
        }
    }

    /// Nothing is in flight, and nothing was sent up to here.
    pub(super) fn advance_idle(&mut self, position: Position) {
        self.position = position;
    }

    /// What is finished.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        let finished_ahead = if self.finished_ahead == 0 {
            Vec::new()
        } else {
            self.messages.iter().filter(|message| message.is_finished).map(InFlightMessage::id).collect()
        };
        Checkpoint { position: self.position.clone(), finished_ahead }
    }

    /// Takes the marks off. `true` if there were any.
    pub(super) fn take_marks_off(&mut self) -> bool {
        let mut any = false;
        for message in &mut self.messages {
            any |= std::mem::take(&mut message.is_marked);
        }
        any
    }

    /// Attempts of what is not finished.
    pub(super) fn attempts(&self) -> Vec<MessageAttempts> {
        self.messages
            .iter()
            .filter(|message| !message.is_finished)
            .filter(|message| message.is_marked || message.failed_attempts() > 0)
            .map(InFlightMessage::attempts)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use bson::rawdoc;

    use super::*;
    use crate::feed::stream_token::{ClusterTime, StreamToken};

    fn at(increment: u32) -> Position {
        Position::behind(StreamToken::after(ClusterTime { seconds: 9, increment }))
    }

    fn message(increment: u32) -> InFlightMessage {
        let document = rawdoc! { "_id": i64::from(increment) };
        let buffered = BufferedMessage { after: at(increment), document, possible_duplicate: false };
        InFlightMessage::new(buffered, LaneKey::Partition)
    }

    fn three() -> InFlight {
        let mut in_flight = InFlight::new(at(0));
        assert_eq!([1, 2, 3].map(|increment| in_flight.push(message(increment))), [0, 1, 2]);
        in_flight
    }

    #[test]
    fn the_position_never_passes_what_is_unfinished() {
        let mut in_flight = three();
        assert_eq!(in_flight.checkpoint(), at(0).into());
        in_flight.finish(1);
        in_flight.finish(1);
        let ahead = Checkpoint { position: at(0), finished_ahead: vec![Bson::Int64(2)] };
        assert_eq!(in_flight.checkpoint(), ahead);
        in_flight.finish(0);
        assert_eq!(in_flight.checkpoint(), at(2).into());
        assert_eq!((in_flight.len(), in_flight.get(2).map(InFlightMessage::id)), (1, Some(Bson::Int64(3))));
        in_flight.finish(2);
        in_flight.finish(0);
        assert_eq!(in_flight.checkpoint(), at(3).into());
        assert_eq!((in_flight.is_empty(), in_flight.bytes()), (true, 0));
        assert_eq!(in_flight.push(message(4)), 3);
    }

    #[test]
    fn attempts_are_those_of_the_unfinished() {
        let mut in_flight = three();
        assert!(in_flight.attempts().is_empty());
        in_flight.get_mut(1).expect("is there").forgotten = 2;
        in_flight.get_mut(2).expect("is there").is_marked = true;
        let ids = |in_flight: &InFlight| -> Vec<_> {
            in_flight
                .attempts()
                .iter()
                .map(|one| (one.message_id.clone(), one.count(), one.in_flight))
                .collect()
        };
        assert_eq!(ids(&in_flight), [(Bson::Int64(2), 2, false), (Bson::Int64(3), 0, true)]);
        in_flight.finish(1);
        assert_eq!(ids(&in_flight), [(Bson::Int64(3), 0, true)]);
    }
}
