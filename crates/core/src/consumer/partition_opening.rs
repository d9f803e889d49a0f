//! How partitions that the member has claimed begin: where, and all of them at once, so that the stream is opened once.

use std::sync::Arc;

use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use tokio::sync::watch;

use super::checkpoint::Checkpoint;
use super::partition_launch::PartitionLaunch;
use super::partition_run::lease_lost;
use super::partition_set::PartitionSet;
use super::partition_starts::choose_starts;
use super::partition_worker::Inheritance;
use super::position::Position;
use super::source_sign::SourceSign;
use super::stall_watch::{PartitionControls, StallWatches, WatchedPartition};
use super::subscription::SubscriptionParts;
use crate::dead_letter::RedriveWatch;
use crate::error::Result;
use crate::error_code::ErrorCode;
use crate::feed::partition_buffer::PartitionBuffer;
use crate::feed::{JoinRequest, Joined};
use crate::group::Lease;
use crate::observe::consumer_event::ConsumerEvent;
use crate::partition::partition_id::collection_name;
use crate::runtime::clock;
use crate::runtime::task_group::TaskGroup;
use crate::store::contract::{Claim, CommitOutcome, StoredOffset, Topic};

/// Offset documents that are read or written at the same time.
pub(super) const CONCURRENT_OFFSETS: usize = 4;

/// A partition that this member owns, and where it begins.
pub(super) struct OwnedPartition {
    pub(super) claim: Claim,
    pub(super) collection: Arc<str>,
    pub(super) start: Position,
    /// Whether `start` is what is stored.
    is_stored: bool,
    /// The offset document as it was found.
    found: StoredOffset,
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

/// What the partitions of a subscription share.
#[derive(Clone)]
pub(super) struct PartitionHome {
    pub(super) set: PartitionSet,
    /// One task per partition; each ends by itself.
    pub(super) partitions: TaskGroup,
    /// The committers live as long as somebody may ask them, which is longer.
    pub(super) commits: TaskGroup,
    pub(super) redrives: Arc<RedriveWatch>,
    pub(super) stall_watches: StallWatches,
}

/// Starts reading claimed partitions. When this returns, every message sent from now on will be delivered, because the
/// place where reading begins is stored. If it fails the claims are given back.
pub(super) async fn open_partitions(
    parts: &SubscriptionParts,
    home: &PartitionHome,
    lease: &Lease,
    topic: &Topic,
    claims: Vec<(Claim, StoredOffset)>,
) -> Result<()> {
    let given_back: Vec<_> =
        claims.iter().map(|(claim, found)| (claim.clone(), found.unclean_ends)).collect();
    let opened = open(parts, home, lease, topic, claims).await;
    if opened.is_err() {
        for (claim, unclean_ends) in given_back {
            give_back(parts, &claim, unclean_ends).await;
        }
    }
    opened
}

/// A claim that nothing came of. What ended the owners before is still to come.
pub(super) async fn give_back(parts: &SubscriptionParts, claim: &Claim, unclean_ends: u32) {
    if let Err(error) = parts.store.release_offset(claim, unclean_ends).await {
        // Whoever is assigned it next waits as for a member that does not hand over.
        parts.logger.warn(|| format!("{}: claimed in vain, and not released: {error:?}", claim.key));
    }
}

async fn open(
    parts: &SubscriptionParts,
    home: &PartitionHome,
    lease: &Lease,
    topic: &Topic,
    claims: Vec<(Claim, StoredOffset)>,
) -> Result<()> {
    let starts = choose_starts(parts, &claims).await?;
    let owned: Vec<_> =
        claims.into_iter().zip(starts).map(|(claim, start)| owned(topic, claim, start)).collect();
    store_start_positions(parts, &owned).await?;
    let capacity = usize::try_from(parts.config.max_buffered_bytes).unwrap_or(usize::MAX);
    let buffers: Vec<_> = owned.iter().map(|_| PartitionBuffer::new(capacity)).collect();
    let joined = join_feed(parts, &owned, &buffers).await?;
    let numbers: Vec<_> = owned.iter().map(|partition| partition.claim.key.partition).collect();
    let may_begin = ask_to_begin(parts, home, numbers.clone());
    home.set.opens(&numbers);
    parts.events.emit(|| ConsumerEvent::Assigned { partitions: numbers.clone() });
    for ((partition, buffer), joined) in owned.iter().zip(buffers).zip(joined) {
        let watch = WatchedPartition {
            key: partition.claim.key.clone(),
            sign: SourceSign::new(parts.feed.sign()),
            controls: PartitionControls::default(),
        };
        home.stall_watches.add(watch.clone());
        home.set.add(partition.claim.key.partition, |control| {
            let launch = PartitionLaunch {
                parts,
                home,
                partition,
                buffer,
                joined,
                sign: watch.sign,
                controls: watch.controls,
                lease: lease.clone(),
                may_begin: may_begin.clone(),
                control,
            };
            launch.start()
        });
    }
    parts
        .logger
        .info(|| format!("{} of {}: reading partitions {numbers:?}", parts.config.group_id, topic.name));
    Ok(())
}

fn owned(topic: &Topic, (claim, found): (Claim, StoredOffset), start: Position) -> OwnedPartition {
    let collection = collection_name(&topic.collection, claim.key.partition).into();
    let is_stored = found.position.as_ref() == Some(&start);
    OwnedPartition { claim, collection, start, is_stored, found }
}

/// Whether the user has had his say. Nothing is handed out before, but not for longer than a handover may take.
fn ask_to_begin(
    parts: &SubscriptionParts,
    home: &PartitionHome,
    partitions: Vec<u32>,
) -> watch::Receiver<bool> {
    let (begin, may_begin) = watch::channel(!parts.handler_config.awaits_assigned);
    if parts.handler_config.awaits_assigned {
        let (handler, limit, logger) =
            (Arc::clone(&parts.handler), parts.handover_timeout(), parts.logger.clone());
        home.commits.spawn("assigned hook", async move {
            if clock::timeout(limit, handler.assigned(&partitions)).await.is_none() {
                logger.warn(|| {
                    format!("onAssigned for partitions {partitions:?} did not end in time; going on")
                });
            }
            begin.send_replace(true);
        });
    }
    may_begin
}

/// A group that has read nothing yet must begin at the same place again when it crashes before its first commit.
async fn store_start_positions(parts: &SubscriptionParts, owned: &[OwnedPartition]) -> Result<()> {
    let unstored = owned.iter().filter(|partition| !partition.is_stored);
    let commits: Vec<_> = unstored.map(|partition| store_start_position(parts, partition).boxed()).collect();
    stream::iter(commits).buffer_unordered(CONCURRENT_OFFSETS).try_collect().await
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
