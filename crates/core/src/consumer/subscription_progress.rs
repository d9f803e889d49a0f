//! What the partitions of a subscription have processed and committed, for users to look at.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::offset_committer::OffsetCommitter;
use super::partition_set::PartitionSet;
use super::position::Position;
use crate::feed::stream_token::StreamToken;
use crate::observe::log::Logger;
use crate::runtime::clock;

/// How often the state of the offsets is logged for a consumer that asks for it.
const MONITOR_EVERY: Duration = Duration::from_mins(1);

/// How far a consumer is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OffsetInfo {
    /// Newest place that a handler has finished, over all partitions.
    pub last_processed: Option<StreamToken>,
    /// Newest place that is committed, over all partitions.
    pub last_committed: Option<StreamToken>,
    /// Whether a partition has finished more than it has committed.
    pub has_uncommitted: bool,
}

/// Shared by the partitions of one consumer. Outlives a subscription, so that it can be read afterwards.
#[derive(Clone, Default)]
pub(super) struct SubscriptionProgress(Arc<Mutex<Newest>>);

#[derive(Default)]
struct Newest {
    processed: Option<StreamToken>,
    /// By partitions that have ended.
    committed: Option<StreamToken>,
}

impl SubscriptionProgress {
    pub(super) fn processed(&self, position: &Position) {
        raise(&mut self.lock().processed, position.stream_token());
    }

    /// The partition is over; what it has committed stays committed.
    pub(super) fn ended(&self, committer: &OffsetCommitter) {
        let state = committer.state();
        raise(&mut self.lock().committed, state.committed.as_ref().and_then(Position::stream_token));
    }

    pub(super) fn offset_info(&self, committers: &[OffsetCommitter]) -> OffsetInfo {
        let states: Vec<_> = committers.iter().map(OffsetCommitter::state).collect();
        let newest = self.lock();
        let mut last_committed = newest.committed.clone();
        for state in &states {
            raise(&mut last_committed, state.committed.as_ref().and_then(Position::stream_token));
        }
        OffsetInfo {
            last_processed: newest.processed.clone(),
            last_committed,
            has_uncommitted: committers.iter().any(OffsetCommitter::has_uncommitted),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Newest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn raise(newest: &mut Option<StreamToken>, token: Option<&StreamToken>) {
    if let Some(token) = token
        && newest.as_ref().is_none_or(|newest| token > newest)
    {
        *newest = Some(token.clone());
    }
}

/// Logs the state of the offsets until it is dropped.
pub(super) async fn monitor_offsets(
    progress: SubscriptionProgress,
    partitions: PartitionSet,
    logger: Logger,
) {
    loop {
        clock::sleep(MONITOR_EVERY).await;
        let info = progress.offset_info(&partitions.committers());
        logger.info(|| {
            let text =
                |token: &Option<StreamToken>| token.as_ref().map_or("none", StreamToken::as_str).to_owned();
            let (processed, committed) = (text(&info.last_processed), text(&info.last_committed));
            format!(
                "offsets: processed {processed}, committed {committed}, uncommitted {}",
                info.has_uncommitted
            )
        });
    }
}
