//! What the partitions of a subscription have processed and committed, for users to look at.

use std::sync::{Arc, Mutex, PoisonError};

use super::position::Position;
use crate::feed::stream_token::StreamToken;

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
pub(super) struct SubscriptionProgress(Arc<Mutex<Option<StreamToken>>>);

impl SubscriptionProgress {
    pub(super) fn processed(&self, position: &Position) {
        let Some(token) = position.stream_token() else { return };
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.as_ref().is_none_or(|newest| token > newest) {
            *newest = Some(token.clone());
        }
    }

    pub(super) fn last_processed(&self) -> Option<StreamToken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
