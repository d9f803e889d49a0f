//! The letters of one partition that are to be delivered again, for the partition's worker: oldest message first, one
//! at a time, each at its turn.
//!
//! The worker waits for [`due`](RedriveQueue::due), takes, has the letter handled as any message, and settles it. Every
//! write is refused once another owner has taken the letter. A letter that is taken and not
//! settled is taken again by the next owner.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bson::{DateTime, RawDocumentBuf};
use tokio::sync::watch;

use super::handler_error::{FailedAttempt, HandlerError};
use super::redrive_schedule::RedriveSchedule;
use super::stored_letter::{RedriveFailure, StoredLetter};
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::observe::log::Logger;
use crate::runtime::backoff::Backoff;
use crate::runtime::{clock, random};
use crate::store::contract::{Claim, CommitOutcome, Store};

/// A letter could not be taken: somebody else has just changed it.
const CHANGED_AGAIN_AFTER: Duration = Duration::from_millis(200);
/// A letter is given up again when so many owners were gone while it was in their hands: it may be what ends them.
/// Processes end for other reasons too, so one or two prove nothing.
const MOST_INTERRUPTIONS: u32 = 3;

/// What a queue works with.
pub(crate) struct QueueParts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) claim: Claim,
    /// The partition's collection.
    pub(crate) collection: Arc<str>,
    /// How long a letter whose redrive failed is kept.
    pub(crate) retention_ms: Option<u64>,
    pub(crate) logger: Logger,
}

/// A letter that was taken, to be delivered now.
#[derive(Debug)]
pub(crate) struct RedrivenLetter {
    /// The letter without its message.
    pub(crate) letter: StoredLetter,
    /// The stored message, whole.
    pub(crate) message: RawDocumentBuf,
}

/// The letters of one partition. Cheap to clone; the clones are one queue.
#[derive(Clone)]
pub(crate) struct RedriveQueue(Arc<QueueState>);

struct QueueState {
    parts: QueueParts,
    signal: watch::Receiver<u64>,
    schedule: Mutex<RedriveSchedule>,
    backoff: Mutex<Backoff>,
}

/// What a look found.
enum Look {
    Letter(Box<RedrivenLetter>),
    Later(Duration),
    Nothing,
}

impl RedriveQueue {
    pub(super) fn new(parts: QueueParts, signal: watch::Receiver<u64>) -> Self {
        let schedule = Mutex::new(RedriveSchedule::after_signal(*signal.borrow()));
        let backoff = Mutex::new(Backoff::of_store_calls());
        Self(Arc::new(QueueState { parts, signal, schedule, backoff }))
    }

    /// Resolves when there may be a letter to take. Reads nothing, so dropping it costs and loses nothing. Not while a
    /// letter is taken; to be called anew after it is settled.
    pub(crate) async fn due(&self) {
        let mut signal = self.0.signal.clone();
        loop {
            let current = *signal.borrow_and_update();
            let (is_due, again_at) = {
                let schedule = self.schedule();
                (schedule.is_due(current, clock::now()), schedule.again_at())
            };
            if is_due {
                return;
            }
            tokio::select! {
                biased;
                // Otherwise the watch has ended, and nothing will be signalled any more.
                Ok(()) = signal.changed() => {}
                () = clock::sleep_until(again_at.unwrap_or_else(clock::now)), if again_at.is_some() => {}
                else => std::future::pending().await,
            }
        }
    }

    /// Takes the letter whose turn it is, if there is one. From this call on nothing is due until that is known.
    pub(crate) fn take(&self) -> impl Future<Output = Option<Box<RedrivenLetter>>> + Send + use<> {
        let signal = *self.0.signal.borrow();
        self.schedule().begin(signal);
        let queue = self.clone();
        async move {
            let looked = queue.look().await;
            let again_after = match looked {
                Ok(Look::Letter(letter)) => return Some(letter),
                Ok(Look::Later(wait)) => Some(wait),
                Ok(Look::Nothing) => None,
                Err(error) => Some(queue.failed("dead letters to redrive cannot be read", &error)),
            };
            queue.schedule().rest(again_after.map(|wait| clock::now() + wait));
            None
        }
    }

    async fn look(&self) -> Result<Look> {
        let QueueParts { store, claim, .. } = &self.0.parts;
        loop {
            let Some(pending) = store.next_redrive(&claim.key).await? else { return Ok(Look::Nothing) };
            if pending.mark.is_held_under_newer_epoch(claim) && !self.owns_partition().await? {
                return Ok(Look::Nothing);
            }
            let wait = self.schedule().wait(&pending, clock::now());
            if !wait.is_zero() {
                return Ok(Look::Later(wait));
            }
            let Some(letter) = store.take_redrive(claim, &pending).await? else {
                return Ok(Look::Later(CHANGED_AGAIN_AFTER));
            };
            match self.deliverable(letter).await? {
                Ok(letter) => {
                    self.schedule().took(&pending, clock::now());
                    self.backoff().reset();
                    return Ok(Look::Letter(Box::new(letter)));
                }
                Err((letter, error)) => self.give_up(&letter, error).await?,
            }
        }
    }

    /// Whether the claim still holds. Epochs begin anew when somebody deletes the offset, so a letter may be left in the
    /// hands of an owner whose epoch is newer than any to come for long.
    async fn owns_partition(&self) -> Result<bool> {
        let QueueParts { store, claim, .. } = &self.0.parts;
        let offset = store.load_offset(&claim.key).await?;
        Ok(offset
            .is_some_and(|offset| offset.owner.as_ref() == Some(&claim.owner) && offset.epoch == claim.epoch))
    }

    /// The letter with its message, or why it is not delivered.
    async fn deliverable(
        &self,
        mut letter: StoredLetter,
    ) -> Result<std::result::Result<RedrivenLetter, (StoredLetter, HandlerError)>> {
        let interruptions = letter.redrive.as_ref().map_or(0, |mark| mark.interruptions);
        if interruptions >= MOST_INTERRUPTIONS {
            return Ok(Err((letter, interrupted(interruptions))));
        }
        let message = match letter.message.take() {
            Some(message) => Some(message),
            None => self.0.parts.store.load_message(&self.0.parts.collection, &letter.id.message_id).await?,
        };
        Ok(match message {
            Some(message) => Ok(RedrivenLetter { letter, message }),
            None => Err((letter, expired())),
        })
    }

    async fn give_up(&self, letter: &StoredLetter, error: HandlerError) -> Result<()> {
        let QueueParts { store, claim, logger, .. } = &self.0.parts;
        logger.error(|| format!("{}: a dead letter was not redriven: {}", claim.key, error.message));
        let attempts = vec![FailedAttempt { error, at: now() }];
        store.fail_redrive(claim, letter, &self.failure(attempts)).await.map(drop)
    }

    /// The letter was handled: deletes it, trying until that is done or another owner has it.
    pub(crate) async fn finished(&self, letter: StoredLetter) {
        let QueueParts { store, claim, .. } = &self.0.parts;
        self.settle("a redriven dead letter cannot be removed", || store.finish_redrive(claim, &letter))
            .await;
    }

    /// The letter was given up again: stores the attempts, trying until that is done or another owner has it.
    pub(crate) async fn failed_again(&self, letter: StoredLetter, attempts: Vec<FailedAttempt>) {
        let QueueParts { store, claim, .. } = &self.0.parts;
        let failure = self.failure(attempts);
        self.settle("a failed redrive cannot be stored", || store.fail_redrive(claim, &letter, &failure))
            .await;
    }

    /// The letter was not delivered, because the partition is given up.
    pub(crate) async fn give_back(&self, letter: StoredLetter) {
        let QueueParts { store, claim, .. } = &self.0.parts;
        self.settle("a dead letter cannot be given back", || store.return_redrive(claim, &letter)).await;
    }

    async fn settle<F>(&self, problem: &str, write: impl Fn() -> F)
    where
        F: Future<Output = Result<CommitOutcome>>,
    {
        loop {
            match write().await {
                Ok(CommitOutcome::Committed) => break,
                Ok(CommitOutcome::Fenced) => {
                    let key = &self.0.parts.claim.key;
                    self.0.parts.logger.warn(|| {
                        format!("{key}: a dead letter was purged, or taken by another owner, while it was redriven")
                    });
                    break;
                }
                Err(error) if error.code() == ErrorCode::Closed => break,
                // Also what trying again does not mend by itself: somebody may give the privilege that is missing.
                Err(error) => clock::sleep(self.failed(problem, &error)).await,
            }
        }
        self.backoff().reset();
        self.schedule().settled();
    }

    /// Logs it. Returns how long to wait before the next try.
    fn failed(&self, problem: &str, error: &Error) -> Duration {
        let delay = self.backoff().next_delay(random::next_u32());
        self.0.parts.logger.warn(|| {
            let key = &self.0.parts.claim.key;
            format!("{key}: {problem}, next try in {} ms: {error:?}", delay.as_millis())
        });
        delay
    }

    fn failure(&self, attempts: Vec<FailedAttempt>) -> RedriveFailure {
        RedriveFailure { attempts, at: now(), retention_ms: self.0.parts.retention_ms }
    }

    fn schedule(&self) -> MutexGuard<'_, RedriveSchedule> {
        self.0.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn backoff(&self) -> MutexGuard<'_, Backoff> {
        self.0.backoff.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now() -> DateTime {
    DateTime::from_millis(clock::unix_millis())
}

fn interrupted(times: u32) -> HandlerError {
    HandlerError {
        name: ErrorCode::HandlerInterrupted.as_str().to_owned(),
        message: format!(
            "{times} times the process ended, or lost the partition, while the handler was running"
        ),
        stack: None,
    }
}

fn expired() -> HandlerError {
    HandlerError {
        name: ErrorCode::MessagesExpired.as_str().to_owned(),
        message: "the message is too large to be kept in its dead letter, and is no longer in its partition"
            .to_owned(),
        stack: None,
    }
}

#[cfg(test)]
mod tests;
