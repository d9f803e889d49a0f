//! The unfinished messages that a worker has taken from the buffer, by their numbers. Pure.

use std::collections::VecDeque;

use bson::RawDocument;

use super::caution;
use super::checkpoint::MessageAttempts;
use super::key_lanes::LaneKey;
use super::watermark::message_id;
use crate::dead_letter::{FailedAttempt, StoredLetter};
use crate::feed::partition_buffer::BufferedMessage;
use crate::feed::stream_token::StreamToken;
use crate::runtime::clock::Instant;

/// Messages whose attempts are stored at most, the oldest ones. Of a large batch that failed whole, those behind are
/// tried as often again when their owner crashes; the offset document stays small.
const MOST_NOTED: usize = 256;

/// Number of the letter that is redriven. It stands beside the messages of the partition, which it does not move.
pub(super) const REDRIVEN: u64 = u64::MAX;

/// A message that was taken.
pub(super) struct InFlightMessage {
    /// The message.
    pub(super) buffered: BufferedMessage,
    /// Its lane.
    pub(super) lane: LaneKey,
    /// When it was taken.
    pub(super) since: Instant,
    /// Failed attempts, oldest first.
    pub(super) failed: Vec<FailedAttempt>,
    /// Failed attempts of earlier processes whose errors were not stored.
    pub(super) forgotten: u32,
    /// How often in a row the server ended its transaction.
    pub(super) interrupted: u32,
    /// It is noted in the offset document that an attempt was begun.
    pub(super) is_marked: bool,
    /// The dead letter that it comes from, if it is redriven.
    pub(super) letter: Option<Box<StoredLetter>>,
}

impl InFlightMessage {
    pub(super) fn new(buffered: BufferedMessage, lane: LaneKey, since: Instant) -> Self {
        Self {
            buffered,
            lane,
            since,
            failed: Vec::new(),
            forgotten: 0,
            interrupted: 0,
            is_marked: false,
            letter: None,
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

    /// Attempts during which its owner ended.
    pub(super) fn interruptions(&self) -> usize {
        caution::interruptions(&self.failed)
    }

    /// Bytes of the stored document.
    pub(super) fn size(&self) -> usize {
        self.buffered.document.as_bytes().len()
    }

    /// `None` if there are none, if nobody could tell whose they are, or if its letter knows them.
    fn attempts(&self) -> Option<MessageAttempts> {
        if !self.is_marked && self.failed_attempts() == 0 || self.letter.is_some() {
            return None;
        }
        Some(MessageAttempts {
            message_id: message_id(&self.buffered.document)?,
            failed: self.failed.clone(),
            forgotten: self.forgotten,
            in_flight: self.is_marked,
        })
    }
}

/// The unfinished messages.
#[derive(Default)]
pub(super) struct InFlight {
    /// Number of the first one.
    first: u64,
    /// From the first one on; finished ones leave a gap.
    messages: VecDeque<Option<Box<InFlightMessage>>>,
    redriven: Option<Box<InFlightMessage>>,
    count: usize,
    bytes: usize,
}

impl InFlight {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of their stored documents.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a message: the redriven one, or one behind all of the partition that were added before.
    pub(super) fn insert(&mut self, number: u64, message: InFlightMessage) {
        self.count += 1;
        self.bytes += message.size();
        let message = Some(Box::new(message));
        if number == REDRIVEN {
            self.redriven = message;
            return;
        }
        if self.messages.is_empty() {
            self.first = number;
        }
        while self.first + (self.messages.len() as u64) < number {
            self.messages.push_back(None);
        }
        self.messages.push_back(message);
    }

    pub(super) fn get(&self, number: u64) -> Option<&InFlightMessage> {
        if number == REDRIVEN {
            return self.redriven.as_deref();
        }
        self.messages.get(self.index(number)?)?.as_deref()
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut InFlightMessage> {
        if number == REDRIVEN {
            return self.redriven.as_deref_mut();
        }
        let index = self.index(number)?;
        self.messages.get_mut(index)?.as_deref_mut()
    }

    fn index(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.first)?).ok()
    }

    /// Whether this very message is among those before this number.
    pub(super) fn holds_before(&self, number: u64, document: &RawDocument) -> bool {
        let Ok(Some(id)) = document.get("_id") else { return false };
        let is_same =
            |message: &InFlightMessage| message.buffered.document.get("_id").ok().flatten() == Some(id);
        let before = self.index(number).unwrap_or_default();
        self.messages.iter().take(before).flatten().any(|message| is_same(message))
    }

    /// A message is finished.
    pub(super) fn remove(&mut self, number: u64) -> Option<Box<InFlightMessage>> {
        let message = if number == REDRIVEN {
            self.redriven.take()?
        } else {
            let index = self.index(number)?;
            self.messages.get_mut(index)?.take()?
        };
        while self.messages.pop_front_if(|message| message.is_none()).is_some() {
            self.first += 1;
        }
        self.count -= 1;
        self.bytes -= message.size();
        Some(message)
    }

    /// Takes the marks off: nothing is being handled.
    pub(super) fn take_marks_off(&mut self) {
        for message in self.messages.iter_mut().flatten() {
            message.is_marked = false;
        }
    }

    /// What is to be stored of their attempts: the marks, and failures as far as there is room.
    pub(super) fn attempts(&self) -> Vec<MessageAttempts> {
        let attempts = self.messages.iter().flatten().filter_map(|message| message.attempts());
        let (marked, failed): (Vec<_>, Vec<_>) = attempts.partition(|one| one.in_flight);
        marked.into_iter().chain(failed.into_iter().take(MOST_NOTED)).collect()
    }
}

#[cfg(test)]
mod tests {
    use bson::{Bson, DateTime, rawdoc};

    use super::*;
    use crate::consumer::position::Position;
    use crate::feed::stream_token::ClusterTime;
    use crate::runtime::clock;

    fn message(n: u32) -> InFlightMessage {
        let after = StreamToken::after(ClusterTime { seconds: 9, increment: n });
        let buffered = BufferedMessage {
            after: Position::behind(after),
            document: rawdoc! { "_id": i64::from(n) },
            possible_duplicate: false,
        };
        InFlightMessage::new(buffered, LaneKey::Partition, clock::now())
    }

    fn in_flight(messages: u32) -> InFlight {
        let mut in_flight = InFlight::default();
        for n in 0..messages {
            in_flight.insert(u64::from(n), message(n));
        }
        in_flight
    }

    #[test]
    fn knows_what_it_holds() {
        let mut in_flight = in_flight(2);
        let size = message(0).size();
        assert_eq!((in_flight.len(), in_flight.bytes()), (2, 2 * size));
        assert!(in_flight.remove(0).is_some() && in_flight.remove(0).is_none());
        assert_eq!((in_flight.len(), in_flight.bytes()), (1, size));
        assert!(in_flight.remove(1).is_some() && in_flight.is_empty());
    }

    #[test]
    fn knows_a_message_that_is_read_once_more() {
        let mut in_flight = in_flight(2);
        let known = rawdoc! { "_id": 1_i64 };
        assert!(in_flight.holds_before(2, &known) && !in_flight.holds_before(1, &known));
        assert!(!in_flight.holds_before(2, &rawdoc! { "_id": 1_i32 }), "ids of another type are other ids");
        assert!(!in_flight.holds_before(2, &rawdoc! {}));
        in_flight.remove(0);
        assert!(in_flight.holds_before(2, &known));
        in_flight.remove(1);
        assert!(!in_flight.holds_before(2, &known));
    }

    #[test]
    fn finished_ones_leave_gaps() {
        let mut in_flight = in_flight(2);
        in_flight.insert(5, message(5));
        in_flight.insert(REDRIVEN, message(9));
        assert!(in_flight.get(3).is_none() && in_flight.get(5).is_some() && in_flight.get(6).is_none());
        assert!(in_flight.remove(1).is_some() && in_flight.get(1).is_none());
        assert!(in_flight.remove(0).is_some() && in_flight.get(5).is_some());
        assert!(in_flight.get(0).is_none() && in_flight.get(REDRIVEN).is_some());
        assert!(in_flight.remove(5).is_some() && in_flight.remove(REDRIVEN).is_some());
        assert!(in_flight.is_empty() && in_flight.bytes() == 0);
        in_flight.insert(12, message(12));
        assert!(in_flight.get(12).is_some() && in_flight.get(11).is_none());
    }

    #[test]
    fn attempts_are_those_of_the_unfinished() {
        let mut in_flight = in_flight(3);
        assert!(in_flight.attempts().is_empty());
        in_flight.get_mut(1).expect("is there").forgotten = 2;
        in_flight.get_mut(2).expect("is there").is_marked = true;
        let ids = |in_flight: &InFlight| -> Vec<_> {
            let mut attempts = in_flight.attempts();
            attempts.sort_by_key(|one| one.in_flight);
            attempts.iter().map(|one| (one.message_id.clone(), one.count(), one.in_flight)).collect()
        };
        assert_eq!(ids(&in_flight), [(Bson::Int64(1), 2, false), (Bson::Int64(2), 0, true)]);
        in_flight.remove(1);
        assert_eq!(ids(&in_flight), [(Bson::Int64(2), 0, true)]);
        in_flight.take_marks_off();
        assert!(in_flight.attempts().is_empty());
    }

    #[test]
    fn of_many_failures_the_oldest_are_stored_and_every_mark() {
        let mut in_flight = in_flight(1000);
        for message in in_flight.messages.iter_mut().flatten() {
            message.failed.push(caution::interruption(DateTime::from_millis(1)));
        }
        in_flight.get_mut(999).expect("is there").is_marked = true;
        let attempts = in_flight.attempts();
        assert_eq!(attempts.len(), MOST_NOTED + 1);
        assert!(attempts[0].in_flight);
        assert_eq!(attempts[1].message_id, Bson::Int64(0));
    }
}
