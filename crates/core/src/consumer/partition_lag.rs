//! How far a group is behind in a partition, from what it has committed.

use std::sync::Arc;

use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};

use super::position::{HistoryProgress, Position};
use crate::error::Result;
use crate::feed::stream_token::ClusterTime;
use crate::partition::partition_id::collection_name;
use crate::record::record_layout;
use crate::store::contract::{HistoryRange, OffsetKey, Store, Topic};

/// Messages are counted up to this number: counting costs the server time in proportion.
const MOST_COUNTED: u64 = 1_000_000;
/// Partitions that are asked about at the same time.
const CONCURRENT_PARTITIONS: usize = 4;
const LATEST: ClusterTime = ClusterTime { seconds: u32::MAX, increment: u32::MAX };

/// How far a group is behind in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionLag {
    /// Partition number.
    pub partition: u32,
    /// Stored messages that the group has not committed, counted up to 1000000. Exact but for messages whose inserts
    /// overlapped with the newest committed one, within milliseconds.
    pub messages: u64,
    /// Age of the oldest of them in seconds, by the server's clock; 0 without any.
    pub seconds: u64,
}

/// What to look at.
pub(super) struct LagQuery<'a> {
    pub(super) group_id: &'a str,
    pub(super) topic: &'a Topic,
    pub(super) partitions: &'a [u32],
    /// Whether a group without an offset would begin with the oldest message.
    pub(super) from_beginning: bool,
}

/// The lag in each of the partitions, in their order.
pub(super) async fn measure(store: &Arc<dyn Store>, query: &LagQuery<'_>) -> Result<Vec<PartitionLag>> {
    let now = store.cluster_time().await?;
    let measured: Vec<_> = query
        .partitions
        .iter()
        .map(|partition| measure_partition(&**store, query, *partition, now).boxed())
        .collect();
    stream::iter(measured).buffered(CONCURRENT_PARTITIONS).try_collect().await
}

async fn measure_partition(
    store: &dyn Store,
    query: &LagQuery<'_>,
    partition: u32,
    now: ClusterTime,
) -> Result<PartitionLag> {
    let key = OffsetKey { group_id: query.group_id.to_owned(), topic: query.topic.name.clone(), partition };
    let position = store.load_offset(&key).await?.and_then(|stored| stored.position);
    let collection = collection_name(&query.topic.collection, partition);
    let (mut messages, mut oldest) = (0, None);
    for range in unfinished(position.as_ref(), query.from_beginning) {
        messages += store.count_history(&collection, range.clone(), MOST_COUNTED - messages).await?;
        if oldest.is_none()
            && let Some(first) = store.read_history(&collection, range, None, 1).await?.first()
        {
            oldest = Some(sent_at(&record_layout::decode(first)?));
        }
        if messages >= MOST_COUNTED {
            break;
        }
    }
    let seconds = oldest.map_or(0, |sent_at| i64::from(now.seconds).saturating_sub(sent_at));
    Ok(PartitionLag { partition, messages, seconds: u64::try_from(seconds).unwrap_or_default() })
}

/// A partition, and a place in it.
pub(crate) struct PartitionRange<'a> {
    pub(crate) topic: &'a Topic,
    pub(crate) partition: u32,
    /// `None`: a group without an offset.
    pub(crate) position: Option<&'a Position>,
}

/// How many stored messages are behind a place, counted up to 1000000.
pub(crate) async fn measure_lag_at(store: &dyn Store, range: &PartitionRange<'_>) -> Result<u64> {
    let collection = collection_name(&range.topic.collection, range.partition);
    let mut messages = 0;
    for part in unfinished(range.position, false) {
        messages += store.count_history(&collection, part, MOST_COUNTED - messages).await?;
    }
    Ok(messages)
}

/// Seconds since 1970: by the server's clock, of messages of 1.4.2 by their producer's.
fn sent_at(message: &record_layout::StoredMessage<'_>) -> i64 {
    message.ts.map_or_else(|| message.timestamp.timestamp_millis() / 1000, |stamp| i64::from(stamp.time))
}

/// The stored messages behind a position. Pure.
fn unfinished(position: Option<&Position>, from_beginning: bool) -> Vec<HistoryRange> {
    let stamped = |after| HistoryRange::Stamped { after, until: LATEST };
    match position {
        None if from_beginning => {
            vec![HistoryRange::Unstamped { after: None, since: None }, stamped(ClusterTime::default())]
        }
        None => Vec::new(),
        Some(Position::Stream(stream)) => vec![stamped(stream.after.cluster_time())],
        Some(Position::History(history)) => match &history.finished {
            HistoryProgress::Unstamped { after } => {
                let since = history.oldest_id();
                vec![HistoryRange::Unstamped { after: after.clone(), since }, stamped(history.behind)]
            }
            HistoryProgress::Stamped { after } => vec![stamped(*after)],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::position::HistoryPosition;
    use crate::feed::stream_token::StreamToken;

    const TIME: ClusterTime = ClusterTime { seconds: 7, increment: 3 };

    fn lower_bounds(position: Option<&Position>, from_beginning: bool) -> Vec<String> {
        let bound = |range: &HistoryRange| match range {
            HistoryRange::Unstamped { after, .. } => format!("unstamped {after:?}"),
            HistoryRange::Stamped { after, .. } => format!("stamped {}.{}", after.seconds, after.increment),
        };
        unfinished(position, from_beginning).iter().map(bound).collect()
    }

    #[test]
    fn what_is_behind_the_position_is_unfinished() {
        let stream = Position::behind(StreamToken::after(TIME));
        assert_eq!(lower_bounds(Some(&stream), true), ["stamped 7.3"]);
        let history =
            |finished| Position::History(HistoryPosition { finished, ..HistoryPosition::beginning(TIME) });
        let stamped = history(HistoryProgress::Stamped { after: TIME });
        assert_eq!(lower_bounds(Some(&stamped), false), ["stamped 7.3"]);
        let unstamped = history(HistoryProgress::Unstamped { after: None });
        assert_eq!(lower_bounds(Some(&unstamped), false), ["unstamped None", "stamped 0.0"]);
    }

    #[test]
    fn a_group_without_an_offset_has_what_it_would_begin_with() {
        assert_eq!(lower_bounds(None, true), ["unstamped None", "stamped 0.0"]);
        assert!(lower_bounds(None, false).is_empty());
    }
}
