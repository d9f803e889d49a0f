//! Setting the offsets of a group: back, so that messages are delivered again, or ahead, so that they are not.

use std::sync::Arc;

use crate::consumer::{PartitionRange, measure_lag_at};
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::observe::log::Logger;
use crate::store::contract::{OffsetKey, Store, Topic};

mod reset_request;

pub use reset_request::{ResetRequest, ResetTarget};

/// A member may claim a partition while it is being reset.
const TRIES: usize = 5;

/// What a reset changes in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionReset {
    /// Partition number.
    pub partition: u32,
    /// Stored messages that the group had before it.
    pub before: u64,
    /// Stored messages that it has after it.
    pub after: u64,
}

/// Sets the offsets, or tells what that would change.
pub async fn reset(
    store: &Arc<dyn Store>,
    request: &ResetRequest,
    logger: &Logger,
) -> Result<Vec<PartitionReset>> {
    let topic = store.load_topic(&request.topic).await?.ok_or_else(|| {
        Error::new(ErrorCode::TopicNotFound, format!("topic {} does not exist", request.topic))
            .on_topic(&request.topic)
    })?;
    let partitions = chosen(&topic, request)?;
    if !request.dry_run && !request.force {
        refuse_while_active(&**store, request).await?;
    }
    let now = store.cluster_time().await?;
    let mut resets = Vec::with_capacity(partitions.len());
    let mut failure = None;
    for partition in partitions {
        let key = OffsetKey { group_id: request.group_id.clone(), topic: topic.name.clone(), partition };
        match reset_partition(&**store, &topic, &key, request, now).await {
            Ok(reset) => resets.push(reset),
            Err(error) => {
                failure = Some(error.on_partition(partition));
                break;
            }
        }
    }
    // Also when it failed half-way: members look what is still theirs. They do so by themselves, too, but later.
    if !request.dry_run
        && !resets.is_empty()
        && let Err(error) = store.signal_group(&request.group_id).await
    {
        let group = &request.group_id;
        logger.warn(|| format!("group {group}: its members could not be told of the reset: {error:?}"));
    }
    failure.map_or(Ok(resets), Err)
}

fn chosen(topic: &Topic, request: &ResetRequest) -> Result<Vec<u32>> {
    let Some(partitions) = &request.partitions else { return Ok((0..topic.partitions).collect()) };
    match partitions.iter().find(|partition| **partition >= topic.partitions) {
        None => Ok(partitions.clone()),
        Some(missing) => Err(Error::new(
            ErrorCode::PartitionNotFound,
            format!("topic {} has {} partitions, and no partition {missing}", topic.name, topic.partitions),
        )
        .on_topic(&topic.name)
        .on_partition(*missing)),
    }
}

async fn refuse_while_active(store: &dyn Store, request: &ResetRequest) -> Result<()> {
    let members = store.load_members(&request.group_id).await?;
    let active = members.iter().filter(|member| {
        member.record.is_alive() && !member.is_overdue() && member.record.topic == request.topic
    });
    match active.count() {
        0 => Ok(()),
        count => Err(Error::new(
            ErrorCode::GroupActive,
            format!(
                "group {} has {count} running members on topic {}: stop them, or give force, which takes what they \
                 are handling from them",
                request.group_id, request.topic
            ),
        )
        .in_group(&request.group_id)
        .on_topic(&request.topic)),
    }
}

async fn reset_partition(
    store: &dyn Store,
    topic: &Topic,
    key: &OffsetKey,
    request: &ResetRequest,
    now: crate::feed::stream_token::ClusterTime,
) -> Result<PartitionReset> {
    let target = request.to.position(now);
    for tries in 0..TRIES {
        if tries > 0 && !request.force && !request.dry_run {
            // Whoever has claimed it since is running.
            refuse_while_active(store, request).await?;
        }
        let stored = store.load_offset(key).await?;
        let range = |position| PartitionRange { topic, partition: key.partition, position };
        let before =
            measure_lag_at(store, &range(stored.as_ref().and_then(|stored| stored.position.as_ref())))
                .await?;
        let after = measure_lag_at(store, &range(Some(&target))).await?;
        let epoch = stored.map(|stored| stored.epoch);
        if request.dry_run || store.reset_offset(key, epoch, &target).await? {
            return Ok(PartitionReset { partition: key.partition, before, after });
        }
    }
    let text = format!("{key} is being claimed by a member again and again; stop the group, then try again");
    Err(Error::new(ErrorCode::GroupActive, text).in_group(&key.group_id).on_topic(&key.topic))
}
