//! Dead letters that are delivered again: taken one at a time, put into the lane of their key, and settled in their own
//! collection. The partition's position does not move.

use super::{Awaited, PartitionWorker};
use crate::consumer::in_flight::{InFlightMessage, REDRIVEN};
use crate::dead_letter::RedrivenLetter;
use crate::feed::partition_buffer::BufferedMessage;
use crate::observe::consumer_event::ConsumerEvent;
use crate::record::message_id_text::stored_id_text;
use crate::runtime::clock;

impl PartitionWorker {
    /// Takes the letter whose turn it is.
    pub(super) fn take_letter(&mut self) {
        let letter = self.parts.redrives.take();
        self.await_letter(async move { Awaited::Letter(letter.await) });
    }

    /// It goes behind the messages that are in flight already.
    pub(super) fn take_letter_in(&mut self, letter: Option<Box<RedrivenLetter>>) {
        let Some(letter) = letter else { return };
        let RedrivenLetter { letter, message } = *letter;
        let buffered = BufferedMessage {
            after: self.parts.watermark.position(),
            document: message,
            possible_duplicate: letter.redrive.as_ref().is_some_and(|mark| mark.interruptions > 0),
        };
        let lane = self.lane_of(&buffered);
        let mut message = InFlightMessage::new(buffered, lane, clock::now());
        message.letter = Some(Box::new(letter));
        self.lanes.push(&message.lane, REDRIVEN, message.size());
        self.in_flight.insert(REDRIVEN, message);
    }

    pub(super) fn redriven_handled(&mut self) {
        let Some(message) = self.in_flight.remove(REDRIVEN) else { return };
        self.lanes.finish(&message.lane, REDRIVEN);
        let Some(letter) = message.letter else { return };
        let key = &self.parts.key;
        self.parts.logger.info(|| format!("{key}: a redriven dead letter was handled"));
        let queue = self.parts.redrives.clone();
        self.await_letter(async move {
            queue.finished(*letter).await;
            Awaited::LetterSettled(None)
        });
    }

    /// Its lane waits until that is stored, as for any message that is given up.
    pub(super) fn redriven_failed(&mut self) {
        let Some(message) = self.in_flight.remove(REDRIVEN) else { return };
        self.lanes.finish(&message.lane, REDRIVEN);
        self.lanes.hold(&message.lane);
        let event = self.dead_lettered(&message);
        let InFlightMessage { letter, failed, lane, .. } = *message;
        let Some(letter) = letter else { return };
        let key = &self.parts.key;
        self.parts
            .logger
            .error(|| format!("{key}: gave a redriven message up again; it stays in dead_letters"));
        let queue = self.parts.redrives.clone();
        self.await_letter(async move {
            queue.failed_again(*letter, failed).await;
            Awaited::LetterSettled(Some((lane, event)))
        });
    }

    /// The partition ends, and the letter was not handled: it waits for the next owner, who begins its attempts anew.
    pub(super) fn give_letter_back(&mut self) {
        let letter = self.in_flight.remove(REDRIVEN).and_then(|message| message.letter);
        let Some(letter) = letter else { return };
        let queue = self.parts.redrives.clone();
        self.await_letter(async move {
            queue.give_back(*letter).await;
            Awaited::LetterSettled(None)
        });
    }

    fn await_letter(&mut self, letter: impl Future<Output = Awaited> + Send + 'static) {
        self.letters_awaited += 1;
        self.awaited.push(Box::pin(letter));
    }

    fn dead_lettered(&self, message: &InFlightMessage) -> ConsumerEvent {
        ConsumerEvent::DeadLettered {
            partition: self.parts.key.partition,
            message_id: stored_id_text(&message.buffered.document),
            attempts: message.failed_attempts(),
            error_name: message.failed.last().map(|last| last.error.name.clone()).unwrap_or_default(),
        }
    }
}
