//! A change stream that comes late, ends, or falls silent.

use std::time::Duration;

use async_trait::async_trait;
use csb_core::error::Result;
use csb_core::runtime::clock::{self, Instant};
use csb_core::store::contract::{FeedBatch, FeedCursor};

use super::faults::BatchFate;
use super::{Faults, connection_lost, timed_out};

pub(super) struct FaultyCursor {
    inner: Box<dyn FeedCursor>,
    faults: Faults,
    /// What becomes of the next batch, and from when: whoever waits may stop waiting and come again.
    next: Option<(BatchFate, Instant)>,
}

impl FaultyCursor {
    pub(super) fn new(inner: Box<dyn FeedCursor>, faults: Faults) -> Self {
        Self { inner, faults, next: None }
    }
}

#[async_trait]
impl FeedCursor for FaultyCursor {
    async fn next_batch(&mut self) -> Result<FeedBatch> {
        let faults = &self.faults;
        let (fate, since) = *self.next.get_or_insert_with(|| (faults.next_batch(), clock::now()));
        match fate {
            BatchFate::Hangs { until } => {
                clock::sleep_until(since + until).await;
                return Err(timed_out());
            }
            BatchFate::Ends { after } => {
                clock::sleep_until(since + after).await;
                return Err(connection_lost());
            }
            BatchFate::Comes { after } => clock::sleep_until(since + after).await,
        }
        let batch = self.inner.next_batch().await?;
        if self.faults.is_cut_off() {
            // Nothing comes after the batch that is lost here.
            self.next = Some((BatchFate::Ends { after: Duration::ZERO }, clock::now()));
            return Err(connection_lost());
        }
        self.next = None;
        Ok(batch)
    }

    async fn close(self: Box<Self>) {
        self.inner.close().await;
    }
}
