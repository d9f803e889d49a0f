//! Writes the offset of one partition: one write at a time, the newest position wins.
//!
//! Everything that touches the partition's offset document goes through this task, dead letters too, so that a
//! later position is never overtaken by an earlier one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::position::Position;
use crate::config::CommitSchedule;
use crate::dead_letter::DeadLetter;
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::observe::log::Logger;
use crate::runtime::backoff::Backoff;
use crate::runtime::clock::{self, Instant};
use crate::runtime::random;
use crate::runtime::task_group::TaskGroup;
use crate::store::contract::{Claim, CommitOutcome, Store};

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
    Advance { position: Position, number: u64 },
    Flush(oneshot::Sender<Result<bool>>),
    Bury { letter: Box<DeadLetter>, position: Position, done: oneshot::Sender<Result<()>> },
}

impl OffsetCommitter {
    pub(super) fn start(
        store: Arc<dyn Store>,
        claim: Claim,
        committed: Option<Position>,
        schedule: CommitSchedule,
        tasks: &TaskGroup,
        logger: Logger,
    ) -> Self {
        let (commands, receiver) = mpsc::unbounded_channel();
        let (state_sender, state) = watch::channel(CommitState { committed, covered: 0, fenced: false });
        let task = CommitterTask {
            store,
            claim,
            schedule,
            logger,
            commands: receiver,
            newest: None,
            newest_number: 0,
            due: None,
            flushes: Vec::new(),
            state: state_sender,
            backoff: Backoff::new(RETRY_AFTER.0, RETRY_AFTER.1),
        };
        tasks.spawn("offset committer", task.run());
        Self { commands, state, advances: Arc::default() }
    }

    /// The partition is finished up to here. Stored when the schedule says so.
    pub(super) fn advance(&self, position: Position) {
        let number = self.advances.fetch_add(1, Ordering::AcqRel) + 1;
        // A task that has ended was fenced, which its state says.
        let _ = self.commands.send(Command::Advance { position, number });
    }

    /// Stores the newest position now. `true` if there was something to store.
    pub(super) async fn flush(&self) -> Result<bool> {
        let (done, outcome) = oneshot::channel();
        let _ = self.commands.send(Command::Flush(done));
        outcome.await.unwrap_or_else(|_| Err(self.lost()))
    }

    /// Stores a dead letter and the position behind it, trying until it is done or the partition is lost.
    pub(super) async fn bury(&self, letter: DeadLetter, position: Position) -> Result<()> {
        let (done, outcome) = oneshot::channel();
        let _ = self.commands.send(Command::Bury { letter: Box::new(letter), position, done });
        outcome.await.unwrap_or_else(|_| Err(self.lost()))
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

    fn lost(&self) -> Error {
        if self.state.borrow().fenced { lease_lost() } else { Error::closed("the consumer") }
    }
}

fn lease_lost() -> Error {
    Error::new(ErrorCode::LeaseLost, "another member of the group has taken the partition over")
}

struct CommitterTask {
    store: Arc<dyn Store>,
    claim: Claim,
    schedule: CommitSchedule,
    logger: Logger,
    commands: mpsc::UnboundedReceiver<Command>,
    /// Newest position that is not stored.
    newest: Option<Position>,
    newest_number: u64,
    due: Option<Instant>,
    flushes: Vec<oneshot::Sender<Result<bool>>>,
    state: watch::Sender<CommitState>,
    backoff: Backoff,
}

impl CommitterTask {
    async fn run(mut self) {
        while self.next_command().await {
            while let Ok(command) = self.commands.try_recv() {
                self.apply(command).await;
            }
            self.commit_if_due().await;
            if self.state.borrow().fenced {
                break;
            }
        }
    }

    /// Waits for a command or for the time of the next commit. `false` when every handle is gone.
    async fn next_command(&mut self) -> bool {
        let command = match self.due {
            Some(due) => tokio::select! {
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
            Command::Advance { position, number } => {
                self.newest = Some(position);
                self.newest_number = number;
                self.due = self.due.or_else(|| match self.schedule {
                    CommitSchedule::AsSoonAsPossible => Some(clock::now()),
                    CommitSchedule::Interval(interval) => Some(clock::now() + interval),
                    CommitSchedule::Manual => None,
                });
            }
            Command::Flush(done) => {
                self.due = Some(clock::now());
                self.flushes.push(done);
            }
            Command::Bury { letter, position, done } => {
                let outcome = self.bury(&letter, &position).await;
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
        let Some(position) = self.newest.clone() else { return self.answer_flushes(&Ok(false)) };
        match self.store.commit_offset(&self.claim, &position.clone().into()).await {
            Ok(CommitOutcome::Committed) => {
                self.stored(position);
                self.answer_flushes(&Ok(true));
            }
            Ok(CommitOutcome::Fenced) => {
                self.fence();
                self.answer_flushes(&Err(lease_lost()));
            }
            Err(error) => self.commit_failed(&error),
        }
    }

    fn commit_failed(&mut self, error: &Error) {
        let delay = self.backoff.next_delay(random::next_u32());
        self.logger.warn(|| {
            format!("commit of {} failed, next try in {} ms: {error:?}", self.claim.key, delay.as_millis())
        });
        self.due = Some(clock::now() + delay);
        self.answer_flushes(&Err(error.clone()));
    }

    async fn bury(&mut self, letter: &DeadLetter, position: &Position) -> Result<()> {
        loop {
            match self.store.commit_dead_letter(&self.claim, &position.clone().into(), letter).await {
                Ok(CommitOutcome::Committed) => {
                    self.stored(position.clone());
                    return Ok(());
                }
                Ok(CommitOutcome::Fenced) => {
                    self.fence();
                    return Err(lease_lost());
                }
                Err(error) => {
                    let delay = self.backoff.next_delay(random::next_u32());
                    self.logger.error(|| {
                        format!(
                            "dead letter of {} not stored, next try in {} ms: {error:?}",
                            self.claim.key,
                            delay.as_millis()
                        )
                    });
                    clock::sleep(delay).await;
                }
            }
        }
    }

    fn stored(&mut self, position: Position) {
        self.backoff.reset();
        self.newest = None;
        let covered = self.newest_number;
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
