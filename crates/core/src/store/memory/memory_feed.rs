//! A change stream of the embedded store.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::event_log::HistoryLost;
use super::event_token::high_water_mark;
use super::memory_store::Session;
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::feed::stream_token::ClusterTime;
use crate::runtime::clock;
use crate::store::contract::{FeedBatch, FeedCursor, FeedRequest, FeedStart};

/// Reads the log of inserts, waiting at its end.
pub(super) struct MemoryFeed {
    session: Arc<Session>,
    wanted: HashSet<Arc<str>>,
    /// The earliest event that was not looked at yet.
    next: ClusterTime,
    /// Changes of groups up to this one have been told.
    groups_seen: u64,
    batch_size: usize,
    max_await: Duration,
}

impl MemoryFeed {
    pub(super) fn open(session: Arc<Session>, request: FeedRequest) -> Result<Self> {
        let database = session.database()?;
        let mut state = database.state();
        let next = match request.start {
            FeedStart::Now => state.tick(clock::unix_millis()),
            FeedStart::At(time) if state.log_reaches_back_to(time) => time,
            FeedStart::At(_) => return Err(history_lost(HistoryLost)),
        };
        let groups_seen = state.groups.revision();
        drop(state);
        Ok(Self {
            session,
            wanted: request.collections.into_iter().collect(),
            next,
            groups_seen,
            batch_size: request.batch_size as usize,
            max_await: request.max_await,
        })
    }

    /// The next events; `None` at the end of the log.
    fn read(&mut self) -> Result<Option<FeedBatch>> {
        let database = self.session.database()?;
        let mut state = database.state();
        let found = state.read_log(self.next, &self.wanted, self.batch_size).map_err(history_lost)?;
        if let Some(next) = found.next {
            self.next = next;
        } else {
            // Nothing later than this time exists yet, and everything to come is later.
            self.next = self.next.max(state.tick(clock::unix_millis()));
        }
        let changed_groups = state.groups.changed_since(self.groups_seen);
        self.groups_seen = state.groups.revision();
        if found.events.is_empty() && changed_groups.is_empty() {
            return Ok(None);
        }
        let last = found.events.last().map(|last| last.token.clone()).filter(|_| found.next.is_some());
        let frontier = last.unwrap_or_else(|| high_water_mark(self.next));
        Ok(Some(FeedBatch { events: found.events, frontier, changed_groups }))
    }

    async fn read_or_wait(&mut self) -> Result<FeedBatch> {
        let mut changes = self.session.database()?.subscribe();
        loop {
            changes.mark_unchanged();
            if let Some(batch) = self.read()? {
                return Ok(batch);
            }
            changes.changed().await.map_err(|_| Session::closed())?;
        }
    }
}

#[async_trait]
impl FeedCursor for MemoryFeed {
    async fn next_batch(&mut self) -> Result<FeedBatch> {
        // A reader that is always behind must not keep its thread from other tasks.
        tokio::task::consume_budget().await;
        if let Some(batch) = clock::timeout(self.max_await, self.read_or_wait()).await {
            return batch;
        }
        if let Some(batch) = self.read()? {
            return Ok(batch);
        }
        Ok(FeedBatch { events: Vec::new(), frontier: high_water_mark(self.next), changed_groups: Vec::new() })
    }

    async fn close(self: Box<Self>) {}
}

fn history_lost(_: HistoryLost) -> Error {
    let message = "the log of the embedded store no longer reaches back to where the stream was to begin";
    Error::new(ErrorCode::HistoryLost, message)
}
