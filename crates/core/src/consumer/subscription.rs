//! One consumer's subscription: what it works with, and how it is begun, paused and closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use super::commit_pacer::CommitPacer;
use super::consumer_events::ConsumerEvents;
use super::coordinator::{Coordinator, CoordinatorParts};
use super::event_loop_watch::watch_event_loop;
use super::offset_committer::OffsetCommitter;
use super::partition_opening::PartitionHome;
use super::partition_set::PartitionSet;
use super::partition_worker::Control;
use super::record_handler::RecordHandler;
use super::stall_watch::{StallWatchParts, StallWatches, watch_stalls};
use super::subscription_progress::{OffsetInfo, SubscriptionProgress, monitor_offsets};
use crate::config::{ConsumerConfig, HandlerConfig};
use crate::dead_letter::{RedriveNudge, RedriveWatch, WatchParts};
use crate::error::Result;
use crate::feed::Feed;
use crate::group::MembershipParts;
use crate::observe::log::Logger;
use crate::runtime::task_group::TaskGroup;
use crate::store::contract::Store;

/// For storing what is finished when the handlers were given all the time there was.
const LAST_WRITES: Duration = Duration::from_secs(2);

/// What a subscription works with.
pub(super) struct SubscriptionParts {
    pub(super) store: Arc<dyn Store>,
    pub(super) feed: Feed,
    pub(super) catch_up_turns: Arc<Semaphore>,
    pub(super) commit_pacer: CommitPacer,
    pub(super) redrive_nudge: RedriveNudge,
    pub(super) suspect_turn: Arc<Semaphore>,
    pub(super) config: Arc<ConsumerConfig>,
    pub(super) handler_config: HandlerConfig,
    pub(super) handler: Arc<dyn RecordHandler>,
    pub(super) membership: MembershipParts,
    /// Names the members that this subscription is, one after the other.
    pub(super) member_prefix: String,
    pub(super) process: Arc<str>,
    pub(super) progress: SubscriptionProgress,
    pub(super) events: ConsumerEvents,
    pub(super) paused: bool,
    pub(super) logger: Logger,
}

impl SubscriptionParts {
    /// How long a partition may take to be given back.
    pub(super) fn handover_timeout(&self) -> Duration {
        Duration::from_millis(self.config.handover_timeout_ms)
    }
}

/// A running subscription.
pub(super) struct Subscription {
    control: watch::Sender<Control>,
    set: PartitionSet,
    partitions: TaskGroup,
    commits: TaskGroup,
    /// The coordinator, which ends last, and what ends with it.
    coordination: TaskGroup,
    progress: SubscriptionProgress,
    is_given_up: AtomicBool,
    logger: Logger,
}

impl Subscription {
    /// Joins the group and starts reading what it has for this member. When this returns, every message sent from now on
    /// will be delivered, here or by another member, because the place where reading begins is stored.
    pub(super) async fn start(parts: SubscriptionParts) -> Result<Self> {
        let parts = Arc::new(parts);
        let initial = if parts.paused { Control::Pause } else { Control::Run };
        let (control, control_receiver) = watch::channel(initial);
        let (set, ended) = PartitionSet::new(initial, parts.progress.clone());
        let task_group = || TaskGroup::new(parts.logger.clone());
        let (partitions, commits, coordination) = (task_group(), task_group(), task_group());
        let home = PartitionHome {
            set: set.clone(),
            partitions: partitions.clone(),
            commits: commits.clone(),
            redrives: Arc::new(RedriveWatch::start(redrive_watch_parts(&parts), &commits)),
            stall_watches: StallWatches::default(),
        };
        let begin = CoordinatorParts {
            parts: Arc::clone(&parts),
            home: home.clone(),
            ended,
            control: control_receiver,
        };
        let coordinator = match Coordinator::start(begin).await {
            Ok(coordinator) => coordinator,
            Err(error) => {
                partitions.abort_all();
                commits.abort_all();
                return Err(error);
            }
        };
        start_watches(&parts, &home);
        let ending = commits.clone();
        coordination.spawn("coordinator", async move {
            coordinator.run().await;
            ending.abort_all();
        });
        parts.logger.info(|| format!("{} subscribed to {}", parts.config.group_id, parts.config.topic));
        let (progress, logger) = (parts.progress.clone(), parts.logger.clone());
        let is_given_up = AtomicBool::new(false);
        Ok(Self { control, set, partitions, commits, coordination, progress, is_given_up, logger })
    }

    pub(super) fn pause(&self) {
        self.set.change_control(Control::Run, Control::Pause);
    }

    pub(super) fn resume(&self) {
        self.set.change_control(Control::Pause, Control::Run);
    }

    /// Stores what is finished. `true` if there was something to store.
    pub(super) async fn commit(&self) -> Result<bool> {
        let committers = self.set.committers();
        let flushed = futures_util::future::join_all(committers.iter().map(OffsetCommitter::flush)).await;
        let mut any = false;
        for outcome in flushed {
            any |= outcome?;
        }
        Ok(any)
    }

    /// Begins to drain: no new deliveries; the message in each handler finishes.
    pub(super) fn begin_close(&self) {
        self.set.end_all(Control::Close);
        self.control.send_replace(Control::Close);
    }

    /// Waits until everything has drained and the member has left, at most `grace`; what has not is left to the next
    /// owner. May be called by several at the same time.
    pub(super) async fn closed(&self, grace: Duration) {
        if self.coordination.wait_until_idle(grace).await {
            return;
        }
        self.set.end_all(Control::Leave);
        self.control.send_replace(Control::Leave);
        if self.coordination.wait_until_idle(LAST_WRITES).await {
            return;
        }
        if !self.is_given_up.swap(true, Ordering::AcqRel) {
            let waited_ms = (grace + LAST_WRITES).as_millis();
            if self.partitions.is_idle() {
                self.logger.warn(|| {
                    format!("the server did not answer within {waited_ms} ms: the group finds out by itself")
                });
            } else {
                self.logger.error(|| {
                    format!(
                        "the server did not answer within {waited_ms} ms: partitions are not released, and what was \
                         finished last is delivered again"
                    )
                });
            }
            self.coordination.abort_all();
            self.partitions.abort_all();
        }
        self.commits.abort_all();
    }

    pub(super) fn is_active(&self) -> bool {
        self.set.is_active()
    }

    /// Whether every partition has drained and was given back, and the member has left.
    pub(super) fn has_ended(&self) -> bool {
        self.coordination.is_idle() && self.partitions.is_idle()
    }

    pub(super) fn offset_info(&self) -> OffsetInfo {
        self.progress.offset_info(&self.set.committers())
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

/// They end with the coordinator.
fn start_watches(parts: &SubscriptionParts, home: &PartitionHome) {
    let watch = StallWatchParts {
        store: Arc::clone(&parts.store),
        feed: parts.feed.clone(),
        events: parts.events.clone(),
        logger: parts.logger.clone(),
    };
    home.commits.spawn("stall watch", watch_stalls(watch, home.stall_watches.clone()));
    let (handler, events) = (Arc::downgrade(&parts.handler), parts.events.clone());
    home.commits.spawn("event loop watch", watch_event_loop(handler, events, parts.logger.clone()));
    if parts.config.enable_offset_monitoring {
        let monitor = monitor_offsets(parts.progress.clone(), home.set.clone(), parts.logger.clone());
        home.commits.spawn("offset monitor", monitor);
    }
}
