//! One consumer's partitions while it is subscribed: claims them, starts them, ends them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use tokio::sync::{Semaphore, watch};

use super::checkpoint::Checkpoint;
use super::consumer_events::ConsumerEvents;
use super::event_loop_watch::watch_event_loop;
use super::offset_committer::OffsetCommitter;
use super::partition_run::{PartitionLaunch, lease_lost};
use super::partition_starts::choose_starts;
use super::partition_worker::{Control, Inheritance};
use super::position::Position;
use super::record_handler::RecordHandler;
use super::source_sign::SourceSign;
use super::stall_watch::{PartitionControls, StallWatchParts, WatchedPartition, watch_stalls};
use super::subscription_progress::{OffsetInfo, SubscriptionProgress, monitor_offsets};
use crate::config::{ConsumerConfig, HandlerConfig};
use crate::dead_letter::{RedriveNudge, RedriveWatch, WatchParts};
use crate::error::Result;
use crate::error_code::ErrorCode;
use crate::feed::partition_buffer::PartitionBuffer;
use crate::feed::{Feed, JoinRequest, Joined};
use crate::observe::consumer_event::ConsumerEvent;
use crate::observe::log::Logger;
use crate::partition::partition_id::collection_name;
use crate::runtime::task_group::TaskGroup;
use crate::store::contract::{Claim, CommitOutcome, OffsetKey, Store, StoredOffset, Topic};

/// Offset documents that are claimed at the same time.
const CONCURRENT_CLAIMS: usize = 4;
/// For storing what is finished when the handlers were given all the time there was.
const LAST_WRITES: Duration = Duration::from_secs(2);

/// What a subscription works with.
pub(super) struct SubscriptionParts {
    pub(super) store: Arc<dyn Store>,
    pub(super) feed: Feed,
    pub(super) catch_up_turns: Arc<Semaphore>,
    pub(super) redrive_nudge: RedriveNudge,
    pub(super) suspect_turn: Arc<Semaphore>,
    pub(super) config: Arc<ConsumerConfig>,
    pub(super) handler_config: HandlerConfig,
    pub(super) handler: Arc<dyn RecordHandler>,
    pub(super) owner: String,
    pub(super) progress: SubscriptionProgress,
    pub(super) events: ConsumerEvents,
    pub(super) paused: bool,
    pub(super) logger: Logger,
}

/// A running subscription.
pub(super) struct Subscription {
    control: watch::Sender<Control>,
    /// One task per partition; each ends by itself.
    partitions: TaskGroup,
    /// The committers live as long as somebody may ask them, which is longer.
    commits: TaskGroup,
    committers: Vec<OffsetCommitter>,
    /// Partitions that have not ended.
    live: Arc<AtomicUsize>,
    progress: SubscriptionProgress,
    is_given_up: AtomicBool,
    logger: Logger,
}

/// A partition that this member owns, and where it begins.
pub(super) struct OwnedPartition {
    pub(super) claim: Claim,
    pub(super) collection: Arc<str>,
    pub(super) start: Position,
    /// Whether `start` is what is stored.
    pub(super) is_stored: bool,
    /// The offset document as it was found.
    pub(super) found: StoredOffset,
}

impl OwnedPartition {
    /// What is stored once the start is.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        Checkpoint { position: self.start.clone(), finished_ahead: self.found.finished_ahead.clone() }
    }

    pub(super) fn inheritance(&self) -> Inheritance {
        Inheritance { attempts: self.found.attempts.clone(), unclean_ends: self.found.unclean_ends }
    }
}

impl Subscription {
    /// Claims the partitions and starts reading them. When this returns, every message sent from now on will be
    /// delivered, because the place where reading begins is stored.
    pub(super) async fn start(parts: SubscriptionParts, topic: &Topic, partitions: &[u32]) -> Result<Self> {
        let owned = claim_partitions(&parts, topic, partitions).await?;
        match Self::start_owned(&parts, &owned).await {
            Ok(subscription) => Ok(subscription),
            Err(error) => {
                for partition in &owned {
                    // Without an owner or with one that is gone: the next member claims it either way. What ended
                    // the owners before is still to come.
                    let unclean_ends = partition.found.unclean_ends;
                    let _ = parts.store.release_offset(&partition.claim, unclean_ends).await;
                }
                Err(error)
            }
        }
    }

    async fn start_owned(parts: &SubscriptionParts, owned: &[OwnedPartition]) -> Result<Self> {
        store_start_positions(parts, owned).await?;
        let capacity = usize::try_from(parts.config.max_buffered_bytes).unwrap_or(usize::MAX);
        let buffers: Vec<_> = owned.iter().map(|_| PartitionBuffer::new(capacity)).collect();
        let joined = join_feed(parts, owned, &buffers).await?;

        let initial = if parts.paused { Control::Pause } else { Control::Run };
        let (control, control_receiver) = watch::channel(initial);
        let partitions = TaskGroup::new(parts.logger.clone());
        let commits = TaskGroup::new(parts.logger.clone());
        let live = Arc::new(AtomicUsize::new(owned.len()));
        let mut committers = Vec::with_capacity(owned.len());
        let mut watched = Vec::with_capacity(owned.len());
        let redrives = RedriveWatch::start(redrive_watch_parts(parts), &commits);
        for ((partition, buffer), joined) in owned.iter().zip(buffers).zip(joined) {
            let watch = WatchedPartition {
                key: partition.claim.key.clone(),
                sign: SourceSign::new(parts.feed.sign()),
                controls: PartitionControls::default(),
            };
            let launch = PartitionLaunch {
                parts,
                partition,
                buffer,
                joined,
                sign: watch.sign.clone(),
                controls: watch.controls.clone(),
                redrives: &redrives,
                control: control_receiver.clone(),
                live: Arc::clone(&live),
                partitions: &partitions,
                commits: &commits,
            };
            committers.push(launch.start());
            watched.push(watch);
        }
        start_watches(parts, watched, &partitions, &commits);
        if parts.config.enable_offset_monitoring {
            let monitor = monitor_offsets(parts.progress.clone(), committers.clone(), parts.logger.clone());
            commits.spawn("offset monitor", while_any_runs(partitions.clone(), monitor));
        }
        parts.events.emit(|| ConsumerEvent::Assigned {
            partitions: owned.iter().map(|partition| partition.claim.key.partition).collect(),
        });
        parts.logger.info(|| format!("subscribed to {} partitions of {}", owned.len(), parts.config.topic));
        let (progress, logger) = (parts.progress.clone(), parts.logger.clone());
        Ok(Self {
            control,
            partitions,
            commits,
            committers,
            live,
            progress,
            is_given_up: AtomicBool::new(false),
            logger,
        })
    }

    pub(super) fn pause(&self) {
        self.set_control(Control::Run, Control::Pause);
    }

    pub(super) fn resume(&self) {
        self.set_control(Control::Pause, Control::Run);
    }

    fn set_control(&self, from: Control, to: Control) {
        self.control.send_if_modified(|control| {
            let changes = *control == from;
            if changes {
                *control = to;
            }
            changes
        });
    }

    /// Stores what is finished. `true` if there was something to store.
    pub(super) async fn commit(&self) -> Result<bool> {
        let flushed: Vec<_> =
            futures_util::future::join_all(self.committers.iter().map(OffsetCommitter::flush)).await;
        let mut any = false;
        for outcome in flushed {
            any |= outcome?;
        }
        Ok(any)
    }

    /// Begins to drain: no new deliveries; the message in each handler finishes.
    pub(super) fn begin_close(&self) {
        self.control.send_replace(Control::Close);
    }

    /// Waits until everything has drained, at most `grace`; what has not is left to the next owner. May be called by
    /// several at the same time.
    pub(super) async fn closed(&self, grace: Duration) {
        if !self.partitions.wait_until_idle(grace).await {
            self.control.send_replace(Control::Leave);
            if !self.partitions.wait_until_idle(LAST_WRITES).await
                && !self.is_given_up.swap(true, Ordering::AcqRel)
            {
                self.logger.error(|| {
                    format!(
                        "the server did not answer within {} ms: partitions are not released, and what was \
                         finished last is delivered again",
                        (grace + LAST_WRITES).as_millis()
                    )
                });
                self.partitions.abort_all();
            }
        }
        self.commits.abort_all();
    }

    pub(super) fn is_active(&self) -> bool {
        !matches!(*self.control.borrow(), Control::Close | Control::Leave)
            && self.live.load(Ordering::Acquire) > 0
    }

    /// Whether every partition has drained and was given back.
    pub(super) fn has_ended(&self) -> bool {
        self.partitions.is_idle()
    }

    pub(super) fn offset_info(&self) -> OffsetInfo {
        self.progress.offset_info(&self.committers)
    }
}

fn redrive_watch_parts(parts: &SubscriptionParts) -> WatchParts {
    WatchParts {
        store: Arc::clone(&parts.store),
        group_id: parts.config.group_id.clone(),
        topic: parts.config.topic.clone(),
        nudge: parts.redrive_nudge.clone(),
        logger: parts.logger.clone(),
    }
}

async fn claim_partitions(
    parts: &SubscriptionParts,
    topic: &Topic,
    partitions: &[u32],
) -> Result<Vec<OwnedPartition>> {
    let claims: Vec<_> =
        partitions.iter().map(|partition| claim_partition(parts, *partition).boxed()).collect();
    let claims: Vec<_> = stream::iter(claims).buffered(CONCURRENT_CLAIMS).try_collect().await?;
    let starts = choose_starts(parts, &claims).await?;
    Ok(claims
        .into_iter()
        .zip(starts)
        .map(|((claim, found), start)| {
            let collection = collection_name(&topic.collection, claim.key.partition).into();
            let is_stored = found.position.as_ref() == Some(&start);
            OwnedPartition { claim, collection, start, is_stored, found }
        })
        .collect())
}

async fn claim_partition(parts: &SubscriptionParts, partition: u32) -> Result<(Claim, StoredOffset)> {
    let config = &parts.config;
    let key = OffsetKey { group_id: config.group_id.clone(), topic: config.topic.clone(), partition };
    let claimed = parts.store.claim_offset(&key, &parts.owner).await;
    let stored = claimed
        .map_err(|error| error.on_topic(&config.topic).on_partition(partition).in_group(&config.group_id))?;
    let (owner, epoch, revision) = (parts.owner.clone(), stored.epoch, stored.revision);
    Ok((Claim { key, owner, epoch, revision }, stored))
}

/// A group that has read nothing yet must begin at the same place again when it crashes before its first commit.
async fn store_start_positions(parts: &SubscriptionParts, owned: &[OwnedPartition]) -> Result<()> {
    let unstored = owned.iter().filter(|partition| !partition.is_stored);
    let commits: Vec<_> = unstored.map(|partition| store_start_position(parts, partition).boxed()).collect();
    stream::iter(commits).buffer_unordered(CONCURRENT_CLAIMS).try_collect().await
}

async fn store_start_position(parts: &SubscriptionParts, partition: &OwnedPartition) -> Result<()> {
    match parts.store.commit_offset(&partition.claim, &partition.checkpoint()).await? {
        CommitOutcome::Committed => Ok(()),
        CommitOutcome::Fenced => Err(lease_lost(&partition.claim.key)),
    }
}

/// All at once, so that the stream is opened once. Partitions that first have to read on their own join later; all of
/// them have to if the position of one is lost, because it is not known which.
async fn join_feed(
    parts: &SubscriptionParts,
    owned: &[OwnedPartition],
    buffers: &[Arc<PartitionBuffer>],
) -> Result<Vec<Option<Joined>>> {
    let after = |partition: &OwnedPartition| match &partition.start {
        Position::Stream(stream) if stream.is_plain() => Some(stream.after.clone()),
        Position::Stream(_) | Position::History(_) => None,
    };
    let requests: Vec<_> = owned
        .iter()
        .zip(buffers)
        .filter_map(|(partition, buffer)| {
            let (collection, buffer) = (Arc::clone(&partition.collection), Arc::clone(buffer));
            after(partition).map(|after| JoinRequest { collection, after, buffer })
        })
        .collect();
    if requests.is_empty() {
        return Ok(owned.iter().map(|_| None).collect());
    }
    let mut joined = match parts.feed.join(requests).await {
        Ok(joined) => joined.into_iter(),
        Err(error) if error.code() == ErrorCode::HistoryLost => {
            return Ok(owned.iter().map(|_| None).collect());
        }
        Err(error) => return Err(error),
    };
    Ok(owned.iter().map(|partition| after(partition).and_then(|_| joined.next())).collect())
}

/// They end with the partitions, whoever waits for that.
fn start_watches(
    parts: &SubscriptionParts,
    watched: Vec<WatchedPartition>,
    partitions: &TaskGroup,
    tasks: &TaskGroup,
) {
    let watch = StallWatchParts {
        store: Arc::clone(&parts.store),
        feed: parts.feed.clone(),
        events: parts.events.clone(),
        logger: parts.logger.clone(),
    };
    tasks.spawn("stall watch", while_any_runs(partitions.clone(), watch_stalls(watch, watched)));
    let (handler, events) = (Arc::downgrade(&parts.handler), parts.events.clone());
    let watch = watch_event_loop(handler, events, parts.logger.clone());
    tasks.spawn("event loop watch", while_any_runs(partitions.clone(), watch));
}

async fn while_any_runs(partitions: TaskGroup, watch: impl Future<Output = ()>) {
    tokio::select! {
        biased;
        () = partitions.idle() => {}
        () = watch => {}
    }
}
