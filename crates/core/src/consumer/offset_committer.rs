//! Writes the offset of one partition: one write at a time, the newest position wins.
//!
//! Everything that touches the partition's offset document goes through this task, dead letters too, so that a
//! later position is never overtaken by an earlier one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::checkpoint::{Checkpoint, MessageAttempts};
use super::consumer_events::ConsumerEvents;
use super::held_offset::HeldOffset;
use super::position::Position;
use crate::config::CommitSchedule;
use crate::dead_letter::DeadLetter;
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::observe::consumer_event::ConsumerEvent;
use crate::observe::log::Logger;
use crate::runtime::backoff::Backoff;
use crate::runtime::clock::{self, Instant};
use crate::runtime::random;
use crate::runtime::task_group::TaskGroup;
use crate::store::contract::{CommitOutcome, OffsetKey};

const RETRY_AFTER: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// What has been committed, and whether this member may still commit.
#[derive(Debug, Clone, Default)]
pub(super) struct CommitState {
    /// Newest position that is stored.
    pub(super) committed: Option<Position>,
    /// How many advances it covers.
    covered: u64,
    /// Another member owns the partition now; nothing more will be written.
    pub(super) fenced: bool,
}

/// Handle of the committer. It ends when the last one is dropped.
#[derive(Clone)]
pub(super) struct OffsetCommitter {
    commands: mpsc::UnboundedSender<Command>,
    state: watch::Receiver<CommitState>,
    advances: Arc<AtomicU64>,
}

enum Command {
    Advance { checkpoint: Checkpoint, number: u64 },
    Flush(oneshot::Sender<Result<bool>>),
    Settle(oneshot::Sender<Result<()>>),
    Attempts { attempts: Vec<MessageAttempts>, done: oneshot::Sender<Result<()>> },
    ForgetUncleanEnds,
    Bury { letter: Box<DeadLetter>, checkpoint: Checkpoint, done: oneshot::Sender<Result<()>> },
}

/// What a committer works with.
pub(super) struct CommitterParts {
    pub(super) key: OffsetKey,
    pub(super) offset: HeldOffset,
    /// What is stored already.
    pub(super) committed: Option<Position>,
    pub(super) schedule: CommitSchedule,
    pub(super) events: ConsumerEvents,
    pub(super) logger: Logger,
}

impl OffsetCommitter {
    pub(super) fn start(parts: CommitterParts, tasks: &TaskGroup) -> Self {
        let (commands, receiver) = mpsc::unbounded_channel();
        let committed = parts.committed.clone();
        let (state_sender, state) = watch::channel(CommitState { committed, covered: 0, fenced: false });
        let task = CommitterTask {
            parts,
            commands: receiver,
            newest: None,
            newest_number: 0,
            due: None,
            flushes: Vec::new(),
            settles: Vec::new(),
            attempts: None,
            attempts_due: None,
            attempts_stored: Vec::new(),
            state: state_sender,
            backoff: Backoff::new(RETRY_AFTER.0, RETRY_AFTER.1),
        };
        tasks.spawn("offset committer", task.run());
        Self { commands, state, advances: Arc::default() }
    }

    /// The partition is finished up to here. Stored when the schedule says so.
    pub(super) fn advance(&self, checkpoint: Checkpoint) {
        let number = self.advances.fetch_add(1, Ordering::AcqRel) + 1;
        // A task that has ended was fenced, which its state says.
        let _ = self.commands.send(Command::Advance { checkpoint, number });
    }

    /// Stores the attempts of all unfinished messages in place of those before. The returned future resolves when
    /// they, or newer ones, are stored; it need not be awaited.
    pub(super) fn record_attempts(
        &self,
        attempts: Vec<MessageAttempts>,
    ) -> impl Future<Output = Result<()>> + Send + use<> {
        let (done, stored) = oneshot::channel();
        let _ = self.commands.send(Command::Attempts { attempts, done });
        let state = self.state.clone();
        async move { stored.await.unwrap_or_else(|_| Err(lost(&state))) }
    }

    /// The member is past whatever ended the owners before it.
    pub(super) fn forget_unclean_ends(&self) {
        let _ = self.commands.send(Command::ForgetUncleanEnds);
    }

    /// Stores the newest position now. `true` if there was something to store.
    pub(super) async fn flush(&self) -> Result<bool> {
        let (done, outcome) = oneshot::channel();
        let _ = self.commands.send(Command::Flush(done));
        outcome.await.unwrap_or_else(|_| Err(lost(&self.state)))
    }

    /// Stores everything that is to be stored, trying until it is done or the partition is lost.
    pub(super) async fn settle(&self) -> Result<()> {
        let (done, outcome) = oneshot::channel();
        let _ = self.commands.send(Command::Settle(done));
        outcome.await.unwrap_or_else(|_| Err(lost(&self.state)))
    }

    /// Stores a dead letter and a checkpoint that has its message finished, trying until it is done or the partition
    /// is lost. Later checkpoints are stored after it.
    pub(super) fn bury(
        &self,
        letter: DeadLetter,
        checkpoint: Checkpoint,
    ) -> impl Future<Output = Result<()>> + Send + use<> {
        let (done, outcome) = oneshot::channel();
        let _ = self.commands.send(Command::Bury { letter: Box::new(letter), checkpoint, done });
        let state = self.state.clone();
        async move { outcome.await.unwrap_or_else(|_| Err(lost(&state))) }
    }

    /// What has been committed.
    pub(super) fn state(&self) -> CommitState {
        self.state.borrow().clone()
    }

    /// Whether something is finished that is not stored.
    pub(super) fn has_uncommitted(&self) -> bool {
        self.advances.load(Ordering::Acquire) > self.state.borrow().covered
    }

    /// Resolves when another member owns the partition.
    pub(super) async fn fenced(&self) {
        let mut state = self.state.clone();
        if state.wait_for(|state| state.fenced).await.is_err() && !self.state.borrow().fenced {
            std::future::pending::<()>().await;
        }
    }
}

fn lost(state: &watch::Receiver<CommitState>) -> Error {
    if state.borrow().fenced { lease_lost() } else { Error::closed("the consumer") }
}

fn lease_lost() -> Error {
    Error::new(ErrorCode::LeaseLost, "another member of the group has taken the partition over")
}

struct CommitterTask {
    parts: CommitterParts,
    commands: mpsc::UnboundedReceiver<Command>,
    /// Newest checkpoint that is not stored.
    newest: Option<Checkpoint>,
    newest_number: u64,
    due: Option<Instant>,
    flushes: Vec<oneshot::Sender<Result<bool>>>,
    /// Who waits until nothing is left to be stored.
    settles: Vec<oneshot::Sender<Result<()>>>,
    /// Attempts that are not stored, and who waits until they are.
    attempts: Option<Vec<MessageAttempts>>,
    attempts_due: Option<Instant>,
    attempts_stored: Vec<oneshot::Sender<Result<()>>>,
    state: watch::Sender<CommitState>,
    backoff: Backoff,
}

impl CommitterTask {
    async fn run(mut self) {
        while self.next_command().await {
            while let Ok(command) = self.commands.try_recv() {
                self.apply(command).await;
            }
            self.store_attempts().await;
            self.commit_if_due().await;
            if self.state.borrow().fenced {
                break;
            }
            if self.newest.is_none() && self.attempts.is_none() {
                // Whoever asked may have stopped waiting.
                self.settles.drain(..).for_each(|settled| _ = settled.send(Ok(())));
            }
        }
    }

    /// Waits for a command or for the time of the next commit. `false` when every handle is gone.
    async fn next_command(&mut self) -> bool {
        let due = self.due.into_iter().chain(self.attempts_due).min();
        let command = match due {
            Some(due) => tokio::select! {
                biased;
                command = self.commands.recv() => command,
                () = clock::sleep_until(due) => return true,
            },
            None => self.commands.recv().await,
        };
        match command {
            Some(command) => {
                self.apply(command).await;
                true
            }
            None => false,
        }
    }

    async fn apply(&mut self, command: Command) {
        match command {
            Command::Advance { checkpoint, number } => {
                self.newest = Some(checkpoint);
                self.newest_number = number;
                self.due = self.due.or_else(|| match self.parts.schedule {
                    CommitSchedule::AsSoonAsPossible => Some(clock::now()),
                    CommitSchedule::Interval(interval) => Some(clock::now() + interval),
                    CommitSchedule::Manual => None,
                });
            }
            Command::Flush(done) => {
                self.due = Some(clock::now());
                self.flushes.push(done);
            }
            Command::Settle(done) => {
                self.due = Some(clock::now());
                self.settles.push(done);
            }
            Command::Attempts { attempts, done } => {
                self.attempts = Some(attempts);
                self.attempts_stored.push(done);
                self.attempts_due = self.attempts_due.or_else(|| Some(clock::now()));
            }
            Command::ForgetUncleanEnds => self.forget_unclean_ends().await,
            Command::Bury { letter, checkpoint, done } => {
                let outcome = self.bury(&letter, &checkpoint).await;
                // Whoever waited has gone; the letter is stored all the same.
                let _ = done.send(outcome);
            }
        }
    }

    async fn commit_if_due(&mut self) {
        if self.due.is_none_or(|due| due > clock::now()) {
            return;
        }
        self.due = None;
        let Some(checkpoint) = self.newest.clone() else { return self.answer_flushes(&Ok(false)) };
        match self.parts.offset.commit(&checkpoint).await {
            Ok(CommitOutcome::Committed) => {
                self.stored(checkpoint.position);
                self.answer_flushes(&Ok(true));
            }
            Ok(CommitOutcome::Fenced) => {
                self.fence();
                self.answer_flushes(&Err(lease_lost()));
            }
            Err(error) => self.commit_failed(&error),
        }
    }

    async fn store_attempts(&mut self) {
        if self.attempts_due.is_none_or(|due| due > clock::now()) {
            return;
        }
        self.attempts_due = None;
        let Some(attempts) = self.attempts.take() else { return };
        let outcome = match self.parts.offset.record_attempts(&attempts).await {
            Ok(CommitOutcome::Committed) => Ok(()),
            Ok(CommitOutcome::Fenced) => {
                self.fence();
                Err(lease_lost())
            }
            Err(error) => {
                self.attempts = Some(attempts);
                self.attempts_due = Some(clock::now() + self.delay_after("attempts", &error));
                return;
            }
        };
        self.backoff.reset();
        for stored in self.attempts_stored.drain(..) {
            // Most do not wait.
            let _ = stored.send(outcome.clone());
        }
    }

    /// A count that stays too high only makes the next owner more careful than needed.
    async fn forget_unclean_ends(&mut self) {
        match self.parts.offset.forget_unclean_ends().await {
            Ok(CommitOutcome::Committed) => {}
            Ok(CommitOutcome::Fenced) => self.fence(),
            Err(error) => {
                let key = &self.parts.key;
                self.parts.logger.warn(|| format!("progress of {key} not noted: {error:?}"));
            }
        }
    }

    fn delay_after(&mut self, what: &str, error: &Error) -> Duration {
        let delay = self.backoff.next_delay(random::next_u32());
        let key = &self.parts.key;
        self.parts
            .logger
            .warn(|| format!("{what} of {key} not stored, next try in {} ms: {error:?}", delay.as_millis()));
        delay
    }

    fn commit_failed(&mut self, error: &Error) {
        self.due = Some(clock::now() + self.delay_after("offset", error));
        self.answer_flushes(&Err(error.clone()));
    }

    async fn bury(&mut self, letter: &DeadLetter, checkpoint: &Checkpoint) -> Result<()> {
        loop {
            match self.parts.offset.bury(letter, checkpoint).await {
                Ok(CommitOutcome::Committed) => {
                    self.stored(checkpoint.position.clone());
                    return Ok(());
                }
                Ok(CommitOutcome::Fenced) => {
                    self.fence();
                    return Err(lease_lost());
                }
                Err(error) => {
                    let delay = self.delay_after("dead letter", &error);
                    clock::sleep(delay).await;
                }
            }
        }
    }

    fn stored(&mut self, position: Position) {
        self.backoff.reset();
        self.newest = None;
        let covered = self.newest_number;
        self.parts.events.emit(|| ConsumerEvent::Committed {
            partition: self.parts.key.partition,
            offset: position.stream_token().cloned(),
        });
        self.state.send_modify(|state| {
            state.committed = Some(position);
            state.covered = covered;
        });
    }

    fn fence(&mut self) {
        self.state.send_modify(|state| state.fenced = true);
    }

    fn answer_flushes(&mut self, outcome: &Result<bool>) {
        for flush in self.flushes.drain(..) {
            // Whoever asked may have stopped waiting.
            let _ = flush.send(outcome.clone());
        }
    }
}
