//! The loop of one partition: take messages, have them handled, advance, commit.
//!
//! Nothing here decides alone: the lanes say which messages may be handled next, the retry policy what follows a
//! failure, the messages in flight how far the partition is finished, the committer when that is stored.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};

use super::caution::Caution;
use super::checkpoint::MessageAttempts;
use super::consumer_events::ConsumerEvents;
use super::in_flight::InFlight;
use super::key_lanes::{KeyLanes, LaneKey};
use super::offset_committer::OffsetCommitter;
use super::position::Position;
use super::record_handler::{DeliveryId, DeliveryReport, RecordHandler};
use super::retry_policy::RetryPolicy;
use super::running_delivery::{Overdue, RunningDelivery};
use super::subscription_progress::SubscriptionProgress;
use crate::config::{BatchConfig, CommitSchedule};
use crate::dead_letter::{RedriveQueue, RedrivenLetter};
use crate::error::Result;
use crate::feed::Feed;
use crate::feed::partition_buffer::{BufferedMessage, PartitionBuffer};
use crate::observe::consumer_event::ConsumerEvent;
use crate::observe::log::Logger;
use crate::runtime::clock::{self, Instant};
use crate::store::contract::OffsetKey;

mod deliver;
mod intake;
mod redrive;
mod settle;

/// Messages of one delivery at most: many enough that crossing into the user's language costs little, few enough
/// that a stop or a pause is heard soon.
const MOST_MESSAGES: usize = 256;
const MOST_BYTES: usize = 1 << 20;
/// An idle partition moves its offset on this often, so that it does not age out of the oplog.
const IDLE_ADVANCE: Duration = Duration::from_mins(1);

/// What a subscription wants its workers to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    Run,
    Pause,
    Close,
}

/// What a worker works with.
pub(super) struct WorkerParts {
    pub(super) key: OffsetKey,
    pub(super) buffer: Arc<PartitionBuffer>,
    pub(super) feed: Feed,
    pub(super) handler: Arc<dyn RecordHandler>,
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
    pub(super) control: watch::Receiver<Control>,
    pub(super) progress: SubscriptionProgress,
    pub(super) events: ConsumerEvents,
    pub(super) logger: Logger,
}

/// What is known of the partition from before.
pub(super) struct Inheritance {
    /// Where it begins.
    pub(super) position: Position,
    /// Ids of messages behind it that are finished.
    pub(super) finished_ahead: Vec<bson::Bson>,
    /// Attempts of messages behind it.
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
    running: HashMap<DeliveryId, RunningDelivery>,
    report_sender: mpsc::UnboundedSender<(DeliveryId, DeliveryReport)>,
    reports: mpsc::UnboundedReceiver<(DeliveryId, DeliveryReport)>,
    /// Writes that a delivery or a message waits for.
    writes: FuturesUnordered<BoxFuture<'static, (Written, Result<()>)>>,
    inherited: intake::Inherited,
    caution: Caution,
    /// When the oldest message that is ready for a batch came.
    batch_since: Option<Instant>,
    is_stopping: bool,
    end: Option<WorkerEnd>,
}

/// A write that somebody waited for.
enum Written {
    /// It is noted that an attempt of each message of this delivery begins.
    Marks(DeliveryId),
    /// A dead letter, with the lane that waits for it.
    DeadLetter { lane: LaneKey, event: ConsumerEvent },
    /// A dead letter was taken to be delivered again, if there is one whose turn it is.
    Letter(Option<Box<RedrivenLetter>>),
    /// The redriven letter is removed, or given back.
    Redriven,
    /// The redriven letter failed again, with the lane that waits for that to be stored.
    FailedAgain { lane: LaneKey, event: ConsumerEvent },
}

enum Wake {
    Control,
    Fenced,
    Report(DeliveryId, DeliveryReport),
    Written(Written, Result<()>),
    Messages(Vec<BufferedMessage>),
    LetterDue,
    Time,
    Idle,
}

impl PartitionWorker {
    pub(super) fn new(parts: WorkerParts, inheritance: Inheritance) -> Self {
        let (report_sender, reports) = mpsc::unbounded_channel();
        Self {
            in_flight: InFlight::new(inheritance.position.clone()),
            lanes: KeyLanes::default(),
            running: HashMap::new(),
            report_sender,
            reports,
            writes: FuturesUnordered::new(),
            caution: Caution::after(inheritance.unclean_ends),
            inherited: intake::Inherited::new(inheritance),
            batch_since: None,
            is_stopping: false,
            end: None,
            parts,
        }
    }

    pub(super) async fn run(mut self) -> WorkerEnd {
        loop {
            let control = *self.parts.control.borrow_and_update();
            if control == Control::Close {
                self.end.get_or_insert(WorkerEnd::Closed);
            }
            if self.end.is_some_and(|end| end != WorkerEnd::Fenced) && self.is_quiet() {
                self.give_letter_back();
            }
            if let Some(end) = self.end
                && (end == WorkerEnd::HandlerGone || self.is_quiet())
            {
                self.leave_attempts();
                return end;
            }
            if control == Control::Run && self.end.is_none() {
                self.is_stopping = false;
                self.start_deliveries();
            } else {
                self.stop_deliveries();
            }
            match self.wait().await {
                Wake::Control => {}
                Wake::Fenced => self.end = Some(WorkerEnd::Fenced),
                Wake::Report(id, report) => self.apply_report(id, report),
                Wake::Written(written, outcome) => self.apply_written(written, outcome.is_ok()),
                Wake::Messages(messages) => self.take_in(messages),
                Wake::LetterDue => self.take_letter(),
                Wake::Time => self.apply_time(clock::now()),
                Wake::Idle => self.advance_idle(),
            }
        }
    }

    async fn wait(&mut self) -> Wake {
        let runs = self.end.is_none() && !self.is_stopping;
        let takes = runs && self.has_room();
        let room = self.most_in_flight().saturating_sub(self.in_flight.len());
        let time = self.next_time();
        let is_idle = self.in_flight.is_empty();
        let parts = &mut self.parts;
        tokio::select! {
            biased;
            changed = parts.control.changed(), if self.end.is_none() => {
                if changed.is_err() {
                    self.end = Some(WorkerEnd::Closed);
                }
                Wake::Control
            }
            Some((id, report)) = self.reports.recv() => Wake::Report(id, report),
            () = parts.committer.fenced(), if self.end.is_none() => Wake::Fenced,
            Some((written, outcome)) = self.writes.next(), if !self.writes.is_empty() => {
                Wake::Written(written, outcome)
            }
            () = parts.redrives.due(), if runs => Wake::LetterDue,
            messages = parts.buffer.take(room, MOST_BYTES), if takes => Wake::Messages(messages),
            () = clock::sleep_until(time.unwrap_or_else(clock::now)), if time.is_some() => Wake::Time,
            () = clock::sleep(IDLE_ADVANCE), if is_idle => Wake::Idle,
        }
    }

    /// No user code runs, and no write is waited for.
    fn is_quiet(&self) -> bool {
        self.running.is_empty() && self.writes.is_empty()
    }

    /// The next moment at which something has to be done without being told.
    fn next_time(&self) -> Option<Instant> {
        let deadlines = self.running.values().filter_map(RunningDelivery::deadline);
        let lingering = self.batch_since.zip(self.parts.batch).and_then(|(since, batch)| {
            let is_waiting = !self.is_stopping && self.running.len() < self.parts.concurrency;
            is_waiting.then(|| since + Duration::from_millis(batch.linger_ms))
        });
        let resting = self.lanes.next_wake().filter(|_| !self.is_stopping);
        deadlines.chain(lingering).chain(resting).min()
    }

    fn apply_time(&mut self, now: Instant) {
        self.lanes.wake(now);
        for (id, delivery) in &mut self.running {
            match delivery.check_deadline(now) {
                Some(Overdue::TimedOut) => {
                    let key = &self.parts.key;
                    self.parts.logger.warn(|| format!("{key}: a handler did not finish in time"));
                    self.parts.handler.time_out(*id);
                }
                Some(Overdue::Abandoned) => self.parts.handler.abandon(*id),
                None => {}
            }
        }
    }

    /// Everything up to the feed's frontier is finished if nothing of it is left in the buffer.
    fn advance_idle(&mut self) {
        let frontier = self.parts.feed.frontier();
        if self.parts.commit_schedule == CommitSchedule::Manual || !self.parts.buffer.is_live_and_empty() {
            return;
        }
        // 1.4.2 resumes a stream over one collection, which works from a token that names no event.
        if let Some(after) = frontier.filter(crate::feed::stream_token::StreamToken::is_high_water_mark) {
            self.in_flight.advance_idle(Position::behind(after));
            self.inherited.forget();
            self.parts.committer.advance(self.checkpoint());
        }
    }
}
