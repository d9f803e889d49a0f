//! Writes the offset document of one partition: one write at a time, the newest state wins.
//!
//! Everything that touches the document goes through one task, dead letters too, so that a later state is never
//! overtaken by an earlier one. A write that fails is tried again, and holds no other kind of write up meanwhile.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::checkpoint::{Checkpoint, MessageAttempts};
use super::commit_pacer::CommitPacer;
use super::consumer_events::ConsumerEvents;
use super::held_offset::HeldOffset;
use super::offset_loan::LoanRequest;
use super::position::Position;
use super::shared_watermark::{SharedWatermark, Snapshot};
use crate::config::CommitSchedule;
use crate::dead_letter::DeadLetter;
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::observe::log::Logger;
use crate::runtime::task_group::TaskGroup;
use crate::store::contract::OffsetKey;

use burials::Burial;
use committer_task::CommitterTask;

mod attempt_notes;
mod burials;
mod committer_task;
mod loans;
mod retried_write;

/// What has been committed, and whether this member may still commit.
#[derive(Debug, Clone, Default)]
pub(super) struct CommitState {
    /// Newest position that is stored.
    pub(super) committed: Option<Position>,
    /// Revision of the watermark that is stored.
    covered: u64,
    /// Another member owns the partition now; nothing more will be written.
    pub(super) fenced: bool,
}

/// Handle of the committer. It ends when the last one is dropped.
#[derive(Clone)]
pub(super) struct OffsetCommitter {
    commands: mpsc::UnboundedSender<Command>,
    state: watch::Receiver<CommitState>,
    watermark: Arc<SharedWatermark>,
}

enum Command {
    Flush(Flush),
    Attempts { attempts: Vec<MessageAttempts>, stored: Option<oneshot::Sender<Result<()>>> },
    ForgetUncleanEnds { once_stored: u64 },
    CommitAnew,
    Bury(Burial),
    Lend(LoanRequest),
}

/// Somebody waits until this is stored; `None`: everything.
struct Flush {
    snapshot: Option<Snapshot>,
    done: oneshot::Sender<Result<bool>>,
}

/// What a committer works with.
pub(super) struct CommitterParts {
    pub(super) key: OffsetKey,
    pub(super) offset: HeldOffset,
    /// What is to be stored.
    pub(super) watermark: Arc<SharedWatermark>,
    /// What is stored already.
    pub(super) committed: Checkpoint,
    pub(super) schedule: CommitSchedule,
    /// Of all partitions of the process.
    pub(super) pacer: CommitPacer,
    pub(super) events: ConsumerEvents,
    pub(super) logger: Logger,
}

impl OffsetCommitter {
    pub(super) fn start(parts: CommitterParts, tasks: &TaskGroup) -> Self {
        let (commands, receiver) = mpsc::unbounded_channel();
        let committed = Some(parts.committed.position.clone());
        let (state_sender, state) = watch::channel(CommitState { committed, covered: 0, fenced: false });
        let watermark = Arc::clone(&parts.watermark);
        tasks.spawn("offset committer", CommitterTask::new(parts, receiver, state_sender).run());
        Self { commands, state, watermark }
    }

    /// Stores the attempts of all unfinished messages in place of those before, sooner or later.
    pub(super) fn note_attempts(&self, attempts: Vec<MessageAttempts>) {
        // A task that has ended was fenced, which its state says.
        let _ = self.commands.send(Command::Attempts { attempts, stored: None });
    }

    /// The same; resolves when they, or newer ones, are stored.
    pub(super) fn record_attempts(
        &self,
        attempts: Vec<MessageAttempts>,
    ) -> impl Future<Output = Result<()>> + Send + use<> {
        let (done, stored) = oneshot::channel();
        let _ = self.commands.send(Command::Attempts { attempts, stored: Some(done) });
        let state = self.state.clone();
        async move { stored.await.unwrap_or_else(|_| Err(lost(&state))) }
    }

    /// The member is past whatever ended the owners before it. Noted as soon as what is finished now is stored: an
    /// owner that ends before would have to find it again.
    pub(super) fn forget_unclean_ends(&self) {
        let once_stored = self.watermark.revision();
        let _ = self.commands.send(Command::ForgetUncleanEnds { once_stored });
    }

    /// Stores what is stored once more: if somebody else has the partition, that comes out.
    pub(super) fn commit_anew(&self) {
        let _ = self.commands.send(Command::CommitAnew);
    }

    /// Stores what is finished now, not more: who commits by hand knows what he has done with by then. `true` if that
    /// is more than was stored.
    pub(super) async fn flush(&self) -> Result<bool> {
        self.flush_up_to(Some(self.watermark.snapshot())).await
    }

    /// Stores everything at the end: attempts, dead letters if they can be stored, and what is finished then.
    pub(super) async fn flush_everything(&self) -> Result<bool> {
        self.flush_up_to(None).await
    }

    async fn flush_up_to(&self, snapshot: Option<Snapshot>) -> Result<bool> {
        let (done, outcome) = oneshot::channel();
        let _ = self.commands.send(Command::Flush(Flush { snapshot, done }));
        outcome.await.unwrap_or_else(|_| Err(lost(&self.state)))
    }

    /// Stores a dead letter together with the fact that its message is finished, and nothing else: what is committed
    /// by hand is not committed by a letter. Tries until it is done or the partition is lost.
    pub(super) fn bury(
        &self,
        number: u64,
        letter: DeadLetter,
    ) -> impl Future<Output = Result<()>> + Send + use<> {
        let (done, outcome) = oneshot::channel();
        let _ = self.commands.send(Command::Bury(Burial { number, letter: Box::new(letter), done }));
        let state = self.state.clone();
        async move { outcome.await.unwrap_or_else(|_| Err(lost(&state))) }
    }

    /// Lends the offset document, once what is being written is through. A request that cannot be answered is dropped.
    pub(super) fn lend(&self, request: LoanRequest) {
        let _ = self.commands.send(Command::Lend(request));
    }

    /// What has been committed.
    pub(super) fn state(&self) -> CommitState {
        self.state.borrow().clone()
    }

    /// Whether something is finished that is not stored.
    pub(super) fn has_uncommitted(&self) -> bool {
        self.watermark.revision() > self.state.borrow().covered
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
    Error::new(
        ErrorCode::LeaseLost,
        "another member of the group has taken the partition over, or its offset was set anew",
    )
}
