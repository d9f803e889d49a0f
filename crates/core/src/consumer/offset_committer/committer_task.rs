//! The task that writes.

use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::attempt_notes::AttemptNotes;
use super::burials::Burials;
use super::retried_write::RetriedWrite;
use super::{Command, CommitState, CommitterParts, Flush, lease_lost};
use crate::config::CommitSchedule;
use crate::consumer::checkpoint::Checkpoint;
use crate::consumer::offset_loan::LoanRequest;
use crate::consumer::shared_watermark::Snapshot;
use crate::error::{Error, Result};
use crate::observe::consumer_event::ConsumerEvent;
use crate::runtime::clock;
use crate::store::contract::CommitOutcome;

/// Each commit holds the ids of all messages that are finished ahead. The more there are, the rarer they are stored:
/// a millisecond later for so many.
const AHEAD_PER_MS: usize = 16;

pub(super) struct CommitterTask {
    pub(super) parts: CommitterParts,
    commands: mpsc::UnboundedReceiver<Command>,
    state: watch::Sender<CommitState>,
    /// What is stored. After a write of unknown outcome, what may be.
    pub(super) committed: Checkpoint,
    /// Revision of the watermark that it was.
    pub(super) committed_revision: u64,
    commit: RetriedWrite,
    flushes: Vec<Flush>,
    pub(super) notes: AttemptNotes,
    pub(super) burials: Burials,
    loan: Option<LoanRequest>,
    /// Asking what became of a transaction.
    pub(super) lookup: RetriedWrite,
    /// Unclean ends are forgotten once this revision of the watermark is stored.
    forget_once_stored: Option<u64>,
    /// It is in doubt whether the partition is still this member's.
    proof: RetriedWrite,
}

impl CommitterTask {
    pub(super) fn new(
        parts: CommitterParts,
        commands: mpsc::UnboundedReceiver<Command>,
        state: watch::Sender<CommitState>,
    ) -> Self {
        Self {
            committed: parts.committed.clone(),
            committed_revision: 0,
            parts,
            commands,
            state,
            commit: RetriedWrite::new(),
            flushes: Vec::new(),
            notes: AttemptNotes::new(),
            burials: Burials::new(),
            loan: None,
            lookup: RetriedWrite::new(),
            forget_once_stored: None,
            proof: RetriedWrite::new(),
        }
    }

    pub(super) async fn run(mut self) {
        while self.next_wake().await {
            while let Ok(command) = self.commands.try_recv() {
                self.apply(command);
            }
            self.write_what_is_due().await;
            if let Some(loan) = self.loan.take().filter(|_| !self.is_fenced()) {
                self.lend(loan).await;
            }
            if self.is_fenced() {
                break;
            }
        }
    }

    /// Every handle is gone.
    pub(super) fn is_orphaned(&self) -> bool {
        self.commands.is_closed()
    }

    /// Waits until there is something to do. `false` when every handle is gone.
    async fn next_wake(&mut self) -> bool {
        // What may be buried would be taken back.
        let commits =
            [self.commit.due(), self.proof.due()].map(|due| due.filter(|_| !self.burials.is_in_doubt));
        let due = [commits[0], commits[1], self.notes.write.due(), self.burials.write.due()];
        let due = due.into_iter().flatten().min();
        tokio::select! {
            biased;
            command = self.commands.recv() => match command {
                Some(command) => self.apply(command),
                None => return false,
            },
            () = clock::sleep_until(due.unwrap_or_else(clock::now)), if due.is_some() => {}
            () = self.parts.watermark.moved() => self.schedule_commit(),
        }
        true
    }

    fn apply(&mut self, command: Command) {
        match command {
            Command::Flush(flush) => self.flushes.push(flush),
            Command::Attempts { attempts, stored } => self.notes.replace(attempts, stored),
            Command::ForgetUncleanEnds { once_stored } => self.forget_once_stored = Some(once_stored),
            Command::CommitAnew => self.proof.schedule(clock::now()),
            Command::Bury(burial) => self.burials.push(burial),
            // One delivery at a time: one that asks anew has given up what it asked for before.
            Command::Lend(loan) => self.loan = Some(loan),
        }
    }

    fn schedule_commit(&mut self) {
        if self.parts.watermark.revision() <= self.state.borrow().covered {
            return;
        }
        if self.commit.due().is_some() {
            return;
        }
        let now = clock::now();
        let due = match self.parts.schedule {
            CommitSchedule::AsSoonAsPossible => {
                let ahead = self.parts.watermark.finished_ahead() / AHEAD_PER_MS;
                let ahead = Duration::from_millis(u64::try_from(ahead).unwrap_or_default());
                self.parts.pacer.next_commit(now).max(now + ahead)
            }
            CommitSchedule::Interval(interval) => now + interval,
            CommitSchedule::Manual => return,
        };
        self.commit.schedule(due);
    }

    /// Letters before commits: a flush at the end takes along what can be taken.
    async fn write_what_is_due(&mut self) {
        let is_flushing = !self.flushes.is_empty();
        let attempts_stored = self.store_attempts(is_flushing).await;
        let letters_known = self.bury(is_flushing).await;
        // Of those that are stored now, the attempts need not be known any more.
        let attempts_stored = attempts_stored.and(self.store_attempts(is_flushing).await);
        if self.is_fenced() {
            return;
        }
        if is_flushing {
            self.flush(attempts_stored, letters_known).await;
        } else if !self.burials.is_in_doubt {
            self.commit_if_due().await;
        }
        self.forget_unclean_ends().await;
        self.commit_anew().await;
    }

    /// What is stored, or may be, is stored once more.
    async fn commit_anew(&mut self) {
        if !self.proof.is_due() || self.burials.is_in_doubt || self.is_fenced() {
            return;
        }
        match self.parts.offset.commit(&self.committed).await {
            Ok(CommitOutcome::Committed) => {
                self.proof.succeeded();
                self.committed(self.committed_revision);
            }
            Ok(CommitOutcome::Fenced) => self.fence(),
            Err(error) => {
                let delay = self.proof.failed();
                self.say_failed("ownership", delay, &error);
            }
        }
    }

    async fn flush(&mut self, attempts_stored: Result<()>, letters_known: Result<()>) {
        let flushes = std::mem::take(&mut self.flushes);
        let wants_everything = flushes.iter().any(|flush| flush.snapshot.is_none());
        let wanted = flushes.iter().filter_map(|flush| flush.snapshot.as_ref());
        let newest = wanted.max_by_key(|snapshot| snapshot.revision).filter(|_| !wants_everything);
        let snapshot = newest.cloned().unwrap_or_else(|| self.parts.watermark.snapshot());
        let outcome = match letters_known {
            Err(error) => Err(error),
            Ok(()) if snapshot.revision > self.state.borrow().covered => {
                self.commit(snapshot).await.map(|()| true)
            }
            Ok(()) => Ok(false),
        };
        let outcome = attempts_stored.and(outcome);
        for flush in flushes {
            // Whoever asked may have stopped waiting.
            let _ = flush.done.send(outcome.clone());
        }
    }

    async fn commit_if_due(&mut self) {
        if !self.commit.is_due() {
            return;
        }
        let snapshot = self.parts.watermark.snapshot();
        // A failure is tried again at its time.
        let _ = self.commit(snapshot).await;
    }

    async fn commit(&mut self, snapshot: Snapshot) -> Result<()> {
        if snapshot.revision >= self.committed_revision {
            let Snapshot { checkpoint, revision } = self.burials.complete(snapshot);
            self.committed = checkpoint;
            self.committed_revision = revision;
        }
        // Otherwise a later one may be stored already, whose answer got lost: it is stored again, not taken back.
        let revision = self.committed_revision;
        match self.parts.offset.commit(&self.committed).await {
            Ok(CommitOutcome::Committed) => {
                self.committed(revision);
                Ok(())
            }
            Ok(CommitOutcome::Fenced) => {
                self.fence();
                Err(lease_lost())
            }
            Err(error) => {
                let delay = self.commit.failed();
                if self.parts.schedule == CommitSchedule::Manual {
                    // Whoever asked is told. By then more may be finished, which nobody has asked to commit.
                    self.commit.cancel();
                } else {
                    self.say_failed("offset", delay, &error);
                }
                Err(error)
            }
        }
    }

    pub(super) fn committed(&mut self, revision: u64) {
        self.commit.succeeded();
        self.burials.forget_before(revision);
        let position = &self.committed.position;
        self.parts.events.emit(|| ConsumerEvent::Committed {
            partition: self.parts.key.partition,
            offset: position.stream_token().cloned(),
        });
        self.state.send_modify(|state| {
            state.committed = Some(position.clone());
            state.covered = revision;
        });
        self.schedule_commit();
    }

    /// A count that stays too high only makes the next owner more careful than needed.
    async fn forget_unclean_ends(&mut self) {
        let covered = self.state.borrow().covered;
        if self.is_fenced() || self.forget_once_stored.is_none_or(|revision| revision > covered) {
            return;
        }
        match self.parts.offset.forget_unclean_ends().await {
            Ok(CommitOutcome::Committed) => self.forget_once_stored = None,
            Ok(CommitOutcome::Fenced) => self.fence(),
            // It is tried again after the next write.
            Err(error) => {
                let key = &self.parts.key;
                self.parts.logger.warn(|| format!("progress of {key} not noted: {error:?}"));
            }
        }
    }

    pub(super) fn is_fenced(&self) -> bool {
        self.state.borrow().fenced
    }

    pub(super) fn fence(&mut self) {
        self.state.send_modify(|state| state.fenced = true);
    }

    pub(super) fn say_failed(&self, what: &str, delay: Duration, error: &Error) {
        let key = &self.parts.key;
        self.parts
            .logger
            .warn(|| format!("{what} of {key} not stored, next try in {} ms: {error:?}", delay.as_millis()));
    }
}
