//! What user code reports, and what becomes of the messages that it has handled.

use super::{Awaited, AwaitsMarksOff, PartitionWorker, WorkerEnd};
use crate::consumer::checkpoint::MessageAttempts;
use crate::consumer::in_flight::{InFlightMessage, REDRIVEN};
use crate::consumer::record_handler::{DeliveryId, DeliveryReport};
use crate::error::Result;
use crate::runtime::clock;
use tokio::sync::OwnedSemaphorePermit;

impl PartitionWorker {
    pub(super) fn apply_report(&mut self, id: DeliveryId, report: DeliveryReport) {
        if !self.running.get(&id).is_some_and(|delivery| delivery.expects(&report)) {
            return;
        }
        match report {
            DeliveryReport::Progress(handled) => {
                self.finish_up_to(id, handled);
                if let Some(delivery) = self.running.get_mut(&id) {
                    delivery.progressed(clock::now());
                }
            }
            DeliveryReport::Done => {
                self.finish_up_to(id, usize::MAX);
                self.end_delivery(id);
            }
            DeliveryReport::Stopped(handled) => {
                self.finish_up_to(id, handled);
                self.end_delivery(id);
            }
            DeliveryReport::Failed { handled, failure } => self.failed(id, handled, &failure),
            DeliveryReport::BatchFailed(failures) => self.batch_failed(id, failures),
            DeliveryReport::ErrorHandlerFinished => self.tell_next_failure(id),
            DeliveryReport::Gone => self.end = Some(WorkerEnd::HandlerGone),
        }
    }

    pub(super) fn apply_awaited(&mut self, awaited: Awaited) {
        match awaited {
            Awaited::Turn(id, turn) => {
                if let Some(delivery) = self.running.get_mut(&id) {
                    delivery.turn = Some(turn);
                    self.mark(id);
                }
            }
            Awaited::Marks(id, outcome) => self.marked(id, &outcome),
            Awaited::MarksTakenOff(waiting) => self.marks_taken_off(waiting),
            Awaited::Letter(letter) => {
                self.letters_awaited -= 1;
                self.take_letter_in(letter);
            }
            Awaited::LetterSettled(held) => {
                self.letters_awaited -= 1;
                if let Some((lane, event)) = held {
                    self.lanes.unhold(&lane);
                    self.parts.events.emit(|| event);
                }
            }
            Awaited::Buried(number, Ok(())) => self.buried(number),
            // Another member owns the partition, or nobody writes any more: that ends the worker, too.
            Awaited::Buried(_, Err(_)) => {}
        }
    }

    pub(super) fn finish_up_to(&mut self, id: DeliveryId, handled: usize) {
        let Some(delivery) = self.running.get_mut(&id) else { return };
        let handled = handled.min(delivery.messages.len());
        if handled > delivery.handled {
            let finished = delivery.messages[delivery.handled..handled].to_vec();
            delivery.handled = handled;
            self.finish(&finished);
        }
    }

    /// Messages are finished: they need not be delivered to this group again.
    pub(super) fn finish(&mut self, numbers: &[u64]) {
        if numbers.contains(&REDRIVEN) {
            self.redriven_handled();
        }
        let finished = numbers.iter().filter_map(|number| Some((*number, self.in_flight.remove(*number)?)));
        let finished: Vec<(u64, Box<InFlightMessage>)> = finished.collect();
        let Some((_, newest)) = finished.iter().max_by_key(|(number, _)| *number) else { return };
        self.parts.progress.processed(&newest.buffered.after);
        self.parts
            .watermark
            .finish(finished.iter().map(|(number, message)| (*number, &*message.buffered.document)));
        let (mut had_attempts, mut was_marked) = (false, false);
        for (number, message) in &finished {
            self.lanes.finish(&message.lane, *number);
            had_attempts |= message.failed_attempts() > 0;
            was_marked |= message.is_marked;
            self.count_for_caution();
        }
        if was_marked && !self.caution.holds() {
            self.hold_what_follows(&finished);
        } else if was_marked || had_attempts {
            self.store_attempts();
        }
    }

    /// With caution, what follows is marked itself, which takes the mark before off. Without, it would run while a
    /// message that was handled still stands there as the one that its owner did not survive.
    fn hold_what_follows(&mut self, finished: &[(u64, Box<InFlightMessage>)]) {
        let marked = finished.iter().filter(|(_, message)| message.is_marked);
        let lanes: Vec<_> = marked.map(|(_, message)| message.lane.clone()).collect();
        for lane in &lanes {
            self.lanes.hold(lane);
        }
        self.take_marks_off(AwaitsMarksOff::Lanes(lanes));
    }

    /// A message is in the dead letters; the watermark has moved over it already.
    fn buried(&mut self, number: u64) {
        let Some(message) = self.in_flight.remove(number) else { return };
        self.parts.progress.processed(&message.buffered.after);
        self.lanes.unhold(&message.lane);
        self.count_for_caution();
        self.store_attempts();
    }

    fn count_for_caution(&mut self) {
        if self.caution.finished_one() {
            self.parts.committer.forget_unclean_ends();
        }
    }

    /// The delivery has ended; what it left may be delivered again.
    pub(super) fn end_delivery(&mut self, id: DeliveryId) {
        if let Some(delivery) = self.running.remove(&id) {
            self.release_lanes(&delivery.lanes);
            self.give_turn_back(delivery.turn);
        }
    }

    /// The next suspect may be handled once it is stored that this one is not being handled any more. Otherwise, if the
    /// next one ends the process, this one would be taken for the cause, too.
    pub(super) fn give_turn_back(&mut self, turn: Option<OwnedSemaphorePermit>) {
        if let Some(turn) = turn {
            self.take_marks_off(AwaitsMarksOff::Turn(turn));
        }
    }

    fn take_marks_off(&mut self, waiting: AwaitsMarksOff) {
        let attempts = self.all_attempts();
        self.has_noted_attempts = !attempts.is_empty();
        let stored = self.parts.committer.record_attempts(attempts);
        self.awaited.push(Box::pin(async move { Awaited::MarksTakenOff(stored.await.map(|()| waiting)) }));
    }

    fn marks_taken_off(&mut self, waiting: Result<AwaitsMarksOff>) {
        match waiting {
            Ok(AwaitsMarksOff::Turn(turn)) => drop(turn),
            Ok(AwaitsMarksOff::Lanes(lanes)) => {
                for lane in &lanes {
                    self.lanes.unhold(lane);
                }
            }
            // Another member owns the partition, or nobody writes any more: that ends the worker, too.
            Err(_) => {}
        }
    }

    /// For the next owner; nobody waits for it. Does nothing as long as there is nothing to know.
    pub(super) fn store_attempts(&mut self) {
        let attempts = self.all_attempts();
        let is_known = attempts.is_empty() && !self.has_noted_attempts;
        if !is_known {
            self.has_noted_attempts = !attempts.is_empty();
            self.parts.committer.note_attempts(attempts);
        }
    }

    pub(super) fn all_attempts(&self) -> Vec<MessageAttempts> {
        let mut attempts = self.in_flight.attempts();
        attempts.extend(self.inherited.iter().cloned());
        attempts
    }
}
