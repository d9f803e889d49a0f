//! What user code reports: messages are finished, tried again or given up.

use std::time::Duration;

use bson::DateTime;

use super::{PartitionWorker, WorkerEnd, Written};
use crate::consumer::checkpoint::MessageAttempts;
use crate::consumer::in_flight::{InFlightMessage, REDRIVEN};
use crate::consumer::record_handler::{DeliveryId, DeliveryReport, FailedMessage, HandlerFailure, Reports};
use crate::consumer::retry_policy::AfterFailure;
use crate::consumer::running_delivery::Failure;
use crate::dead_letter::{DeadLetter, FailedAttempt};
use crate::observe::consumer_event::ConsumerEvent;
use crate::record::message_id_text::message_id_text;
use crate::runtime::{clock, random};

impl PartitionWorker {
    /// Ends the deliveries after the messages that are being handled.
    pub(super) fn stop_deliveries(&mut self) {
        if self.is_stopping {
            return;
        }
        self.is_stopping = true;
        for (id, delivery) in &self.running {
            if !delivery.is_preparing() {
                self.parts.handler.stop(*id);
            }
        }
    }

    pub(super) fn apply_report(&mut self, id: DeliveryId, report: DeliveryReport) {
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
            DeliveryReport::Failed { handled, failure } => {
                self.finish_up_to(id, handled);
                self.tell_failures(id, vec![(handled, failure)]);
            }
            DeliveryReport::BatchFailed(failures) => self.batch_failed(id, failures),
            DeliveryReport::ErrorHandlerFinished => self.failure_told(id),
            DeliveryReport::Gone => self.end = Some(WorkerEnd::HandlerGone),
        }
    }

    pub(super) fn apply_written(&mut self, written: Written, is_stored: bool) {
        match written {
            Written::Marks(id) => self.prepared(id, is_stored),
            Written::Letter(letter) => self.take_letter_in(letter),
            Written::Redriven => {}
            Written::FailedAgain { lane, event } => {
                self.lanes.release(&lane);
                self.parts.events.emit(|| event);
            }
            Written::DeadLetter { lane, event } => {
                self.lanes.unhold(&lane);
                if is_stored {
                    self.parts
                        .logger
                        .error(|| format!("{}: gave a message up; it is in dead_letters", self.parts.key));
                    self.parts.progress.processed(&self.in_flight.checkpoint().position);
                    self.parts.events.emit(|| event);
                }
            }
        }
    }

    fn finish_up_to(&mut self, id: DeliveryId, handled: usize) {
        let Some(delivery) = self.running.get_mut(&id) else { return };
        let handled = handled.min(delivery.messages.len());
        if handled > delivery.handled {
            let finished = delivery.messages[delivery.handled..handled].to_vec();
            delivery.handled = handled;
            self.finish(&finished);
        }
    }

    /// The failed ones are in ascending order.
    fn batch_failed(&mut self, id: DeliveryId, mut failures: Vec<(usize, HandlerFailure)>) {
        let Some(delivery) = self.running.get(&id) else { return };
        failures.sort_by_key(|(index, _)| *index);
        failures.dedup_by_key(|(index, _)| *index);
        failures.retain(|(index, _)| *index < delivery.messages.len());
        let failed: Vec<_> = failures.iter().map(|(index, _)| *index).collect();
        let finished: Vec<_> = delivery
            .messages
            .iter()
            .enumerate()
            .filter(|(index, _)| failed.binary_search(index).is_err())
            .map(|(_, number)| *number)
            .collect();
        self.finish(&finished);
        self.tell_failures(id, failures);
    }

    /// Messages are finished: they need not be delivered to this group again.
    fn finish(&mut self, numbers: &[u64]) {
        let mut had_attempts = false;
        for number in numbers {
            if *number == REDRIVEN {
                self.redriven_handled();
                continue;
            }
            let Some(message) = self.in_flight.get(*number) else { continue };
            had_attempts |= message.failed_attempts() > 0 || message.is_marked;
            self.parts.progress.processed(&message.buffered.after);
            let lane = message.lane.clone();
            self.lanes.finish(&lane, *number);
            self.in_flight.finish(*number);
            if self.caution.finished_one() {
                self.parts.committer.forget_unclean_ends();
            }
        }
        if *numbers == [REDRIVEN] {
            return;
        }
        self.parts.committer.advance(self.checkpoint());
        // With caution the next mark replaces this one, unless nothing comes.
        if had_attempts && (!self.caution.holds() || self.lanes.ready_messages() == 0) {
            self.store_attempts();
        }
    }

    /// The delivery has ended; what it left may be delivered again.
    fn end_delivery(&mut self, id: DeliveryId) {
        if let Some(delivery) = self.running.remove(&id) {
            self.release_lanes(&delivery.lanes);
        }
    }

    fn tell_failures(&mut self, id: DeliveryId, failures: Vec<(usize, HandlerFailure)>) {
        let Some(delivery) = self.running.get_mut(&id) else { return };
        let at = DateTime::from_millis(clock::unix_millis());
        let failures = failures.into_iter().map(|(index, failure)| Failure {
            index,
            attempt: FailedAttempt { error: failure.error, at },
            may_retry: failure.may_retry,
        });
        let failures = failures.collect();
        delivery.failed(failures);
        self.tell_next_failure(id);
    }

    /// Decides about the next failure and tells the user; when all are told, does what was decided.
    fn tell_next_failure(&mut self, id: DeliveryId) {
        let Some(delivery) = self.running.get_mut(&id) else { return };
        if delivery.untold.is_empty() {
            return self.apply_decisions(id);
        }
        let Failure { index, attempt, may_retry } = delivery.untold.remove(0);
        let is_last = delivery.untold.is_empty();
        let Some(number) = delivery.messages.get(index).copied() else { return self.apply_decisions(id) };
        let Some(message) = self.in_flight.get_mut(number) else { return self.apply_decisions(id) };
        message.is_marked = false;
        let error_name = attempt.error.name.clone();
        message.failed.push(attempt);
        let attempts = message.failed_attempts();
        let decision = self.parts.retry_policy.after_failure(attempts, may_retry, random::next_u32());
        let retry_after = match decision {
            AfterFailure::Retry(delay) => Some(delay),
            AfterFailure::GiveUp => None,
        };
        delivery.told.push((number, retry_after));
        self.report_failure(number, attempts, error_name, retry_after);
        let failed =
            FailedMessage { id, index, attempt: attempts, will_retry: retry_after.is_some(), is_last };
        self.parts.handler.attempt_failed(failed, Reports::new(id, self.report_sender.clone()));
    }

    fn report_failure(&self, number: u64, attempt: u32, error_name: String, retry_after: Option<Duration>) {
        let key = &self.parts.key;
        self.parts.logger.warn(|| format!("{key}: attempt {attempt} of a message failed with {error_name}"));
        let (Some(delay), Some(message)) = (retry_after, self.in_flight.get(number)) else { return };
        self.parts.events.emit(|| ConsumerEvent::Retried {
            partition: key.partition,
            message_id: message_id_text(&message.id()),
            attempt,
            error_name,
            delay_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
        });
    }

    fn failure_told(&mut self, id: DeliveryId) {
        self.tell_next_failure(id);
    }

    fn apply_decisions(&mut self, id: DeliveryId) {
        let Some(delivery) = self.running.remove(&id) else { return };
        let now = clock::now();
        let mut is_retried = false;
        for (number, retry_after) in delivery.told {
            let Some(message) = self.in_flight.get(number) else { continue };
            let lane = message.lane.clone();
            if let Some(delay) = retry_after {
                is_retried = true;
                self.lanes.rest(&lane, now + delay);
            } else {
                self.bury(number);
            }
        }
        if is_retried {
            self.store_attempts();
        }
        self.release_lanes(&delivery.lanes);
    }

    /// Moves a message to the dead letters. Later checkpoints are stored after it, so that the partition does not move
    /// past a letter that is not stored.
    pub(super) fn bury(&mut self, number: u64) {
        if number == REDRIVEN {
            return self.redriven_failed();
        }
        let Some(message) = self.in_flight.get(number) else { return };
        let lane = message.lane.clone();
        let letter = DeadLetter {
            key: self.parts.key.clone(),
            message: message.buffered.document.clone(),
            token: message.token().cloned(),
            attempts: message.failed.clone(),
            forgotten: message.forgotten,
            at: DateTime::from_millis(clock::unix_millis()),
            retention_ms: self.parts.dead_letter_retention_ms,
        };
        let event = self.dead_lettered(message);
        self.lanes.finish(&lane, number);
        self.lanes.hold(&lane);
        self.in_flight.finish(number);
        if self.caution.finished_one() {
            self.parts.committer.forget_unclean_ends();
        }
        let stored = self.parts.committer.bury(letter, self.checkpoint());
        let written = Written::DeadLetter { lane, event };
        self.writes.push(Box::pin(async move { (written, stored.await) }));
        self.store_attempts();
    }

    pub(super) fn dead_lettered(&self, message: &InFlightMessage) -> ConsumerEvent {
        ConsumerEvent::DeadLettered {
            partition: self.parts.key.partition,
            message_id: message_id_text(&message.id()),
            attempts: message.failed_attempts(),
            error_name: message.failed.last().map(|last| last.error.name.clone()).unwrap_or_default(),
        }
    }

    /// Nobody waits for it: it is for the next owner.
    fn store_attempts(&self) {
        drop(self.parts.committer.record_attempts(self.all_attempts()));
    }

    pub(super) fn all_attempts(&self) -> Vec<MessageAttempts> {
        let mut attempts = self.in_flight.attempts();
        attempts.extend(self.inherited.attempts());
        attempts
    }

    /// What is known of unfinished messages is for the next owner. Marks are taken off: nothing is running.
    pub(super) fn leave_attempts(&mut self) {
        let had_marks = self.in_flight.take_marks_off();
        if self.end != Some(WorkerEnd::Fenced) && (had_marks || self.caution.holds()) {
            self.store_attempts();
        }
    }
}
