//! Messages whose attempt failed: the user is told, then they are tried again or given up.

use bson::DateTime;

use super::interrupted::is_bearable;
use super::{Awaited, PartitionWorker};
use crate::consumer::in_flight::REDRIVEN;
use crate::consumer::record_handler::{DeliveryId, FailedMessage, HandlerFailure, Reports};
use crate::consumer::retry_policy::AfterFailure;
use crate::consumer::running_delivery::Failure;
use crate::dead_letter::{DeadLetter, FailedAttempt};
use crate::observe::consumer_event::ConsumerEvent;
use crate::record::message_id_text::stored_id_text;
use crate::runtime::{clock, random};

impl PartitionWorker {
    /// A message failed. A batch fails whole: it is not known which of its messages was to blame.
    pub(super) fn failed(&mut self, id: DeliveryId, handled: usize, failure: &HandlerFailure) {
        self.finish_up_to(id, handled);
        let Some(delivery) = self.running.get(&id) else { return };
        if failure.is_transient && self.bears_interruption(delivery.messages.get(handled)) {
            return self.interrupted(id);
        }
        let end = if self.parts.batch.is_some() { delivery.messages.len() } else { handled + 1 };
        self.settle_failures(id, (handled..end).map(|index| (index, failure.clone())).collect());
    }

    fn bears_interruption(&self, number: Option<&u64>) -> bool {
        let message = number.and_then(|number| self.in_flight.get(*number));
        message.is_some_and(|message| is_bearable(message.interrupted))
    }

    pub(super) fn batch_failed(&mut self, id: DeliveryId, mut failures: Vec<(usize, HandlerFailure)>) {
        let Some(delivery) = self.running.get(&id) else { return };
        failures.sort_by_key(|(index, _)| *index);
        failures.dedup_by_key(|(index, _)| *index);
        failures.retain(|(index, _)| *index < delivery.messages.len());
        let has_failed = |index: &usize| failures.binary_search_by_key(index, |(failed, _)| *failed).is_ok();
        let finished = delivery.messages.iter().enumerate().filter(|(index, _)| !has_failed(index));
        let finished: Vec<_> = finished.map(|(_, number)| *number).collect();
        self.finish(&finished);
        self.settle_failures(id, failures);
    }

    /// Decides about the failed messages, then tells the user of each.
    fn settle_failures(&mut self, id: DeliveryId, failures: Vec<(usize, HandlerFailure)>) {
        let Some(delivery) = self.running.get(&id) else { return };
        // If all of several failed together, one may have failed the others: before any is given up it gets an
        // attempt of its own.
        let may_be_innocent = delivery.messages.len() > 1 && failures.len() == delivery.messages.len();
        let failures = failures
            .into_iter()
            .filter_map(|(index, failure)| Some((index, *delivery.messages.get(index)?, failure)));
        let failures: Vec<_> = failures.collect();
        let failures = failures
            .into_iter()
            .filter_map(|(index, number, failure)| self.decide(index, number, failure, may_be_innocent));
        let failures: Vec<_> = failures.collect();
        if let Some(delivery) = self.running.get_mut(&id) {
            delivery.failed(failures, clock::now());
        }
        self.tell_next_failure(id);
    }

    fn decide(
        &mut self,
        index: usize,
        number: u64,
        HandlerFailure { error, may_retry, .. }: HandlerFailure,
        may_be_innocent: bool,
    ) -> Option<Failure> {
        let message = self.in_flight.get_mut(number)?;
        message.is_marked = false;
        message.interrupted = 0;
        let error_name = error.name.clone();
        message.failed.push(FailedAttempt { error, at: DateTime::from_millis(clock::unix_millis()) });
        let attempt = message.failed_attempts();
        let (policy, random) = (&self.parts.retry_policy, random::next_u32());
        let retry_after = match policy.after_failure(attempt, may_retry, random) {
            AfterFailure::Retry(delay) => Some(delay),
            AfterFailure::GiveUp => may_be_innocent.then(|| policy.delay(attempt, random)),
        };
        let failure = Failure { index, number, attempt, retry_after };
        self.report_failure(&failure, error_name);
        Some(failure)
    }

    fn report_failure(&self, failure: &Failure, error_name: String) {
        let Failure { number, attempt, retry_after, .. } = *failure;
        let key = &self.parts.key;
        self.parts.logger.warn(|| format!("{key}: attempt {attempt} of a message failed with {error_name}"));
        let (Some(delay), Some(message)) = (retry_after, self.in_flight.get(number)) else { return };
        self.parts.events.emit(|| ConsumerEvent::Retried {
            partition: key.partition,
            message_id: stored_id_text(&message.buffered.document),
            attempt,
            error_name,
            delay_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
        });
    }

    /// Tells the user of the next failure; when all are told, does what was decided.
    pub(super) fn tell_next_failure(&mut self, id: DeliveryId) {
        let next = self.running.get_mut(&id).and_then(|delivery| delivery.next_to_tell(clock::now()));
        let Some((failure, is_last)) = next else { return self.do_what_was_decided(id) };
        let Failure { index, attempt, retry_after, .. } = failure;
        let failed = FailedMessage { id, index, attempt, will_retry: retry_after.is_some(), is_last };
        self.parts.handler.attempt_failed(failed, Reports::new(id, self.report_sender.clone()));
    }

    pub(super) fn do_what_was_decided(&mut self, id: DeliveryId) {
        let Some(mut delivery) = self.running.remove(&id) else { return };
        let turn = delivery.turn.take();
        let (failures, lanes) = delivery.into_failures();
        let now = clock::now();
        let mut is_retried = false;
        for failure in failures {
            if let Some(delay) = failure.retry_after
                && let Some(message) = self.in_flight.get(failure.number)
            {
                is_retried = true;
                self.lanes.rest(&message.lane, now + delay);
            } else {
                self.bury(failure.number);
            }
        }
        if is_retried {
            self.store_attempts();
        }
        self.release_lanes(&lanes);
        self.give_turn_back(turn);
    }

    /// Moves a message to the dead letters. It stays unfinished, and its lane is held, until that is stored.
    pub(super) fn bury(&mut self, number: u64) {
        if number == REDRIVEN {
            return self.redriven_failed();
        }
        let Some(message) = self.in_flight.get_mut(number) else { return };
        message.is_marked = false;
        let letter = DeadLetter {
            key: self.parts.key.clone(),
            message: message.buffered.document.clone(),
            token: message.token().cloned(),
            attempts: message.failed.clone(),
            forgotten: message.forgotten,
            at: DateTime::from_millis(clock::unix_millis()),
            retention_ms: self.parts.dead_letter_retention_ms,
        };
        self.lanes.finish(&message.lane, number);
        self.lanes.hold(&message.lane);
        let stored = self.parts.committer.bury(number, letter);
        self.awaited.push(Box::pin(async move { Awaited::Buried(number, stored.await) }));
    }
}
