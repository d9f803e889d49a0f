//! The loop of one partition: take messages, have them handled, and let the committer store how far it is.
//!
//! Nothing here decides alone: the lanes say which messages may be handled next, the retry policy what follows a
//! failure, the watermark how far the partition is finished, the committer when that is stored.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use super::caution::Caution;
use super::checkpoint::MessageAttempts;
use super::consumer_events::ConsumerEvents;
use super::in_flight::InFlight;
use super::key_lanes::{KeyLanes, LaneKey};
use super::offset_committer::OffsetCommitter;
use super::partition_set::PartitionSet;
use super::position::Position;
use super::record_handler::{DeliveryId, FromHandler, RecordHandler};
use super::retry_policy::RetryPolicy;
use super::running_delivery::RunningDelivery;
use super::shared_watermark::SharedWatermark;
use super::subscription_progress::SubscriptionProgress;
use crate::config::{BatchConfig, CommitSchedule, ReplayEnd};
use crate::dead_letter::{RedriveQueue, RedrivenLetter};
use crate::error::Result;
use crate::feed::Feed;
use crate::feed::partition_buffer::{BufferedMessage, PartitionBuffer};
use crate::group::{Lease, LeaseStatus};
use crate::observe::consumer_event::ConsumerEvent;
use crate::observe::log::Logger;
use crate::runtime::clock;
use crate::store::contract::OffsetKey;

mod deliver;
mod ending;
mod failures;
mod hand_over;
mod inherited_attempts;
mod intake;
mod interrupted;
mod lending;
mod redrive;
mod replay;
mod settle;
mod timing;

use inherited_attempts::InheritedAttempts;
use replay::ReplayState;

/// Bytes of one delivery at most.
const MOST_BYTES: usize = 1 << 20;
/// An idle partition moves its offset on this often, so that it does not age out of the oplog.
const IDLE_ADVANCE: Duration = Duration::from_mins(1);

/// What a subscription wants its workers to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    Run,
    Pause,
    /// End when what is being handled is finished.
    Close,
    /// End now; what is being handled is left to the next owner.
    Leave,
}

/// What a worker works with.
pub(super) struct WorkerParts {
    pub(super) key: OffsetKey,
    pub(super) buffer: Arc<PartitionBuffer>,
    pub(super) feed: Feed,
    pub(super) handler: Arc<dyn RecordHandler>,
    /// Moved by the worker, stored by the committer.
    pub(super) watermark: Arc<SharedWatermark>,
    pub(super) committer: OffsetCommitter,
    pub(super) commit_schedule: CommitSchedule,
    pub(super) retry_policy: RetryPolicy,
    pub(super) handler_timeout: Duration,
    /// Deliveries at the same time.
    pub(super) concurrency: usize,
    /// Present if the handler takes batches.
    pub(super) batch: Option<BatchConfig>,
    pub(super) redrives: RedriveQueue,
    /// How long dead letters are kept; `None`: for ever.
    pub(super) dead_letter_retention_ms: Option<u64>,
    /// Where a replay ends.
    pub(super) until: Option<ReplayEnd>,
    /// Where the end of a replay is told.
    pub(super) set: PartitionSet,
    /// One message of the process at a time has it: one that is suspected of ending its owners.
    pub(super) suspect_turn: Arc<Semaphore>,
    pub(super) control: watch::Receiver<Control>,
    /// Nothing is handed out while it is not held.
    pub(super) lease: Lease,
    /// Nothing is handed out before.
    pub(super) may_begin: watch::Receiver<bool>,
    pub(super) progress: SubscriptionProgress,
    pub(super) events: ConsumerEvents,
    pub(super) logger: Logger,
}

/// What is known of the partition's messages from before, besides those that are finished.
pub(super) struct Inheritance {
    /// Attempts of messages behind the position.
    pub(super) attempts: Vec<MessageAttempts>,
    /// How many owners in a row did not release the partition.
    pub(super) unclean_ends: u32,
}

/// Why a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WorkerEnd {
    /// It was told to.
    Closed,
    /// Another member owns the partition.
    Fenced,
    /// The embedder takes no more deliveries.
    HandlerGone,
}

pub(super) struct PartitionWorker {
    parts: WorkerParts,
    in_flight: InFlight,
    lanes: KeyLanes,
    /// By id, so that what is done to all of them is done in the order in which they began.
    running: BTreeMap<DeliveryId, RunningDelivery>,
    report_sender: mpsc::UnboundedSender<(DeliveryId, FromHandler)>,
    reports: mpsc::UnboundedReceiver<(DeliveryId, FromHandler)>,
    awaited: FuturesUnordered<BoxFuture<'static, Awaited>>,
    inherited: InheritedAttempts,
    /// Number of the first message of a recovery that is under way.
    read_again_from: Option<u64>,
    caution: Caution,
    /// Some attempts are stored, which have to be taken back when they are no longer true.
    has_noted_attempts: bool,
    /// Reads and writes of letters that the end waits for.
    letters_awaited: usize,
    replay: ReplayState,
    is_stopping: bool,
    end: Option<WorkerEnd>,
}

/// Something that a message waited for.
enum Awaited {
    /// The message of this delivery is the only one under suspicion that may be handled now.
    Turn(DeliveryId, OwnedSemaphorePermit),
    /// It is noted that an attempt of each message of this delivery begins, or it cannot be.
    Marks(DeliveryId, Result<()>),
    /// It is stored that marked messages are not being handled any more.
    MarksTakenOff(Result<AwaitsMarksOff>),
    /// This message is in the dead letters, or the partition is lost.
    Buried(u64, Result<()>),
    /// A dead letter was taken to be delivered again, if there is one whose turn it is.
    Letter(Option<Box<RedrivenLetter>>),
    /// The redriven letter is removed, given back, or stored again: then with its lane.
    LetterSettled(Option<(LaneKey, ConsumerEvent)>),
}

/// What waits until marks are taken off.
enum AwaitsMarksOff {
    /// The turn of the next suspect.
    Turn(OwnedSemaphorePermit),
    /// What follows in these lanes, which are held once each.
    Lanes(Vec<LaneKey>),
}

enum Wake {
    Control,
    Lease,
    MayBegin,
    Fenced,
    FromHandler(DeliveryId, FromHandler),
    Awaited(Awaited),
    Messages(Vec<BufferedMessage>),
    LetterDue,
    Time,
    EndOfReplay,
    Idle,
}

impl PartitionWorker {
    pub(super) fn new(parts: WorkerParts, inheritance: Inheritance) -> Self {
        let (report_sender, reports) = mpsc::unbounded_channel();
        let now = bson::DateTime::from_millis(clock::unix_millis());
        Self {
            in_flight: InFlight::default(),
            lanes: KeyLanes::default(),
            running: BTreeMap::new(),
            report_sender,
            reports,
            awaited: FuturesUnordered::new(),
            caution: Caution::after(inheritance.unclean_ends),
            has_noted_attempts: !inheritance.attempts.is_empty(),
            inherited: InheritedAttempts::new(inheritance, now),
            read_again_from: None,
            letters_awaited: 0,
            replay: ReplayState::of(parts.until.as_ref()),
            is_stopping: false,
            end: None,
            parts,
        }
    }

    /// Works until it is told to end, or has to. May be dropped and called again.
    pub(super) async fn run(&mut self) -> WorkerEnd {
        loop {
            let control = self.control();
            if matches!(control, Control::Close | Control::Leave) {
                self.end.get_or_insert(WorkerEnd::Closed);
            }
            let lease = self.parts.lease.status();
            if lease == LeaseStatus::Lost {
                self.fence();
            }
            if self.end.is_some_and(|end| end != WorkerEnd::Fenced) && self.is_quiet() {
                self.give_letter_back();
            }
            let is_leaving = control == Control::Leave || self.end == Some(WorkerEnd::HandlerGone);
            if let Some(end) = self.end
                && (is_leaving || self.is_quiet())
            {
                self.leave(end);
                return end;
            }
            let may_deliver = lease == LeaseStatus::Held && *self.parts.may_begin.borrow();
            if control == Control::Run && self.end.is_none() && may_deliver {
                self.is_stopping = false;
                self.start_deliveries();
            } else {
                self.stop_deliveries();
            }
            if self.end.is_some() && self.is_quiet() {
                continue;
            }
            self.complete_replay();
            match self.wait(lease).await {
                Wake::Control | Wake::Lease | Wake::MayBegin => {}
                Wake::Fenced => self.fence(),
                Wake::FromHandler(id, FromHandler::Report(report)) => self.apply_report(id, report),
                Wake::FromHandler(id, FromHandler::OffsetWanted { finished, lent }) => {
                    self.lend_offset(id, &finished, lent);
                }
                Wake::Awaited(awaited) => self.apply_awaited(awaited),
                Wake::Messages(messages) => self.take_in(messages),
                Wake::LetterDue => self.take_letter(),
                Wake::Time => self.apply_time(clock::now()),
                Wake::EndOfReplay => self.end_replay_if_empty(),
                Wake::Idle => self.advance_idle(),
            }
        }
    }

    /// Ends as if it had been told to.
    pub(super) async fn drain(&mut self) -> WorkerEnd {
        self.end.get_or_insert(WorkerEnd::Closed);
        self.run().await
    }

    fn control(&mut self) -> Control {
        // Nobody says anything any more.
        let is_orphaned = self.parts.control.has_changed().is_err();
        let control = *self.parts.control.borrow_and_update();
        if is_orphaned && control != Control::Leave { Control::Close } else { control }
    }

    /// Another member has the partition, or may have it.
    fn fence(&mut self) {
        if self.end == Some(WorkerEnd::Fenced) {
            return;
        }
        self.end = Some(WorkerEnd::Fenced);
        for id in self.running.keys() {
            self.parts.handler.lease_lost(*id);
        }
    }

    async fn wait(&mut self, lease: LeaseStatus) -> Wake {
        let runs = self.end.is_none() && !self.is_stopping;
        let room = if runs { self.room() } else { 0 };
        let time = self.next_time();
        let is_idle = self.in_flight.is_empty();
        let end_of_replay =
            self.parts.until.clone().filter(|_| runs && is_idle && self.replay == ReplayState::Reading);
        let may_advance = is_idle && !self.replay.is_at_end();
        let waits_to_begin = !*self.parts.may_begin.borrow();
        let is_orphaned = self.parts.control.has_changed().is_err();
        let parts = &mut self.parts;
        tokio::select! {
            biased;
            _ = parts.control.changed(), if !is_orphaned => Wake::Control,
            () = parts.lease.changed_from(lease), if lease != LeaseStatus::Lost => Wake::Lease,
            // Whoever was to say so has gone with the subscription.
            Ok(_) = parts.may_begin.wait_for(|may_begin| *may_begin), if waits_to_begin => Wake::MayBegin,
            Some((id, said)) = self.reports.recv() => Wake::FromHandler(id, said),
            () = parts.committer.fenced(), if self.end != Some(WorkerEnd::Fenced) => Wake::Fenced,
            Some(awaited) = self.awaited.next(), if !self.awaited.is_empty() => Wake::Awaited(awaited),
            () = parts.redrives.due(), if runs => Wake::LetterDue,
            messages = parts.buffer.take(room, MOST_BYTES), if room > 0 => Wake::Messages(messages),
            () = clock::sleep_until(time.unwrap_or_else(clock::now)), if time.is_some() => Wake::Time,
            () = replay::ends(&parts.feed, &parts.buffer, end_of_replay.as_ref()) => Wake::EndOfReplay,
            () = clock::sleep(IDLE_ADVANCE), if may_advance => Wake::Idle,
        }
    }

    /// No user code runs, and no letter is under way.
    fn is_quiet(&self) -> bool {
        self.running.is_empty() && self.letters_awaited == 0
    }

    /// Everything up to the feed's frontier is finished if nothing of it is left in the buffer.
    fn advance_idle(&mut self) {
        let frontier = self.parts.feed.frontier();
        if self.parts.commit_schedule == CommitSchedule::Manual || !self.parts.buffer.is_live_and_empty() {
            return;
        }
        // 1.4.2 resumes a stream over one collection, which works from a token that names no event.
        if let Some(after) = frontier.filter(crate::feed::stream_token::StreamToken::is_high_water_mark) {
            self.parts.watermark.advance_idle(Position::behind(after));
        }
    }
}
