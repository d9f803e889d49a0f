//! Watches that every partition of a subscription gets what is sent to it, and does something about it if not.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::consumer_events::ConsumerEvents;
use super::source_sign::SourceSign;
use super::stall_policy::{Finding, Remedy, StallWatch};
use crate::feed::Feed;
use crate::observe::consumer_event::{ConsumerEvent, RecoveredFrom, StallReason};
use crate::observe::log::Logger;
use crate::runtime::clock;
use crate::store::contract::{OffsetKey, Store};

const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What the watch can do to a partition.
#[derive(Clone, Default)]
pub(super) struct PartitionControls {
    /// Its reader begins anew, behind what it has read.
    pub(super) read_anew: Arc<Notify>,
    /// It ends, so that another member can have it.
    pub(super) give_up: Arc<Notify>,
}

/// A partition that is watched.
#[derive(Clone)]
pub(super) struct WatchedPartition {
    pub(super) key: OffsetKey,
    pub(super) sign: SourceSign,
    pub(super) controls: PartitionControls,
}

/// The partitions that are watched. Cheap to clone; the clones are one.
#[derive(Clone, Default)]
pub(super) struct StallWatches(Arc<Mutex<Vec<(WatchedPartition, StallWatch)>>>);

impl StallWatches {
    pub(super) fn add(&self, partition: WatchedPartition) {
        self.lock().push((partition, StallWatch::default()));
    }

    pub(super) fn remove(&self, partition: u32) {
        self.lock().retain(|(watched, _)| watched.key.partition != partition);
    }

    /// What there is to say about each of them.
    fn look(&self) -> Vec<(WatchedPartition, Finding)> {
        let mut watched = self.lock();
        let looks = watched
            .iter_mut()
            .map(|(partition, watch)| (partition.clone(), watch.look(partition.sign.silence())));
        looks.collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(WatchedPartition, StallWatch)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the watch works with.
pub(super) struct StallWatchParts {
    pub(super) store: Arc<dyn Store>,
    pub(super) feed: Feed,
    pub(super) events: ConsumerEvents,
    pub(super) logger: Logger,
}

/// Watches until it is dropped.
pub(super) async fn watch_stalls(parts: StallWatchParts, watches: StallWatches) {
    loop {
        clock::sleep(LOOK_EVERY).await;
        let mut stalled = Vec::new();
        for (partition, finding) in watches.look() {
            match finding {
                Finding::Nothing => {}
                Finding::Recovered(silence) => parts.say_recovered(&partition, silence),
                Finding::Stalled { is_new, remedy } => {
                    if is_new {
                        parts.say_stalled(&partition);
                    }
                    stalled.push((partition, remedy));
                }
            }
        }
        parts.remedy(&stalled).await;
    }
}

impl StallWatchParts {
    /// The client and the feed are shared: they are renewed once, whoever stalls.
    async fn remedy(&self, stalled: &[(WatchedPartition, Remedy)]) {
        if stalled.is_empty() {
            return;
        }
        if stalled.iter().any(|(_, remedy)| *remedy != Remedy::RenewCursor) {
            self.logger.warn(|| "no answer over new streams either; connecting anew".to_owned());
            if let Err(error) = self.store.renew_client().await {
                self.logger.error(|| format!("no new client: {error:?}"));
            }
        }
        self.feed.renew();
        // Giving up what nobody can take over helps nobody: a deployment that does not answer has no other members.
        let answers = self.store.cluster_time().await.is_ok();
        for (partition, remedy) in stalled {
            match remedy {
                Remedy::Release if answers => partition.controls.give_up.notify_one(),
                _ => partition.controls.read_anew.notify_one(),
            }
        }
    }

    fn say_stalled(&self, partition: &WatchedPartition) {
        let since_ms = milliseconds(partition.sign.silence());
        self.logger.warn(|| {
            format!(
                "{}: nothing has come from the server for {since_ms} ms; opening its stream anew",
                partition.key
            )
        });
        let (partition, reason) = (Some(partition.key.partition), StallReason::Server);
        self.events.emit(|| ConsumerEvent::Stalled { partition, reason, since_ms });
    }

    fn say_recovered(&self, partition: &WatchedPartition, silence: Duration) {
        let duration_ms = milliseconds(silence);
        self.logger.info(|| format!("{}: delivery goes on after {duration_ms} ms of silence", partition.key));
        self.events.emit(|| ConsumerEvent::Recovered {
            partition: partition.key.partition,
            from: RecoveredFrom::Stall,
            duration_ms,
            scanned: 0,
            possible_duplicates: 0,
        });
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
