//! Dead letters that are delivered again: taken one at a time, put into the lane of their key, and settled in their own
//! collection. The partition's position does not move.

use super::{PartitionWorker, Written};
use crate::consumer::in_flight::{InFlightMessage, REDRIVEN};
use crate::dead_letter::RedrivenLetter;
use crate::feed::partition_buffer::BufferedMessage;

impl PartitionWorker {
    /// Takes the letter whose turn it is.
    pub(super) fn take_letter(&mut self) {
        let letter = self.parts.redrives.take();
        self.writes.push(Box::pin(async move { (Written::Letter(letter.await), Ok(())) }));
    }

    /// It goes behind the messages that are in flight already.
    pub(super) fn take_letter_in(&mut self, letter: Option<Box<RedrivenLetter>>) {
        let Some(letter) = letter else { return };
        let RedrivenLetter { letter, message } = *letter;
        let buffered = BufferedMessage {
            after: self.in_flight.position().clone(),
            document: message,
            possible_duplicate: letter.redrive.as_ref().is_some_and(|mark| mark.interruptions > 0),
        };
        let lane = self.lane_of(&buffered);
        let mut message = InFlightMessage::new(buffered, lane.clone());
        message.letter = Some(Box::new(letter));
        let size = message.size();
        self.in_flight.redrive(message);
        self.lanes.push(&lane, REDRIVEN, size);
        self.begin_batch();
    }

    pub(super) fn redriven_handled(&mut self) {
        let Some(message) = self.in_flight.take_redriven() else { return };
        self.lanes.finish(&message.lane, REDRIVEN);
        let Some(letter) = message.letter else { return };
        let key = &self.parts.key;
        self.parts.logger.info(|| format!("{key}: a redriven dead letter was handled"));
        let queue = self.parts.redrives.clone();
        self.writes.push(Box::pin(async move {
            queue.finished(*letter).await;
            (Written::Redriven, Ok(()))
        }));
    }

    /// Its lane waits until that is stored, as for any message that is given up.
    pub(super) fn redriven_failed(&mut self) {
        let Some(message) = self.in_flight.take_redriven() else { return };
        self.lanes.finish(&message.lane, REDRIVEN);
        let event = self.dead_lettered(&message);
        let InFlightMessage { letter, failed, lane, .. } = message;
        let Some(letter) = letter else { return };
        let key = &self.parts.key;
        self.parts
            .logger
            .error(|| format!("{key}: gave a redriven message up again; it stays in dead_letters"));
        let queue = self.parts.redrives.clone();
        self.writes.push(Box::pin(async move {
            queue.failed_again(*letter, failed).await;
            (Written::FailedAgain { lane, event }, Ok(()))
        }));
    }

    /// The partition ends, and the letter was not handled: it waits for the next owner, who begins its attempts anew.
    pub(super) fn give_letter_back(&mut self) {
        let letter = self.in_flight.take_redriven().and_then(|message| message.letter);
        let Some(letter) = letter else { return };
        let queue = self.parts.redrives.clone();
        self.writes.push(Box::pin(async move {
            queue.give_back(*letter).await;
            (Written::Redriven, Ok(()))
        }));
    }
}
