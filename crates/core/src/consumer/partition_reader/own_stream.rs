//! A change stream of the reader's own: from its position to where the feed takes over.

use std::sync::Arc;

use super::{PATIENCE, PartitionReader};
use crate::consumer::handed_over::{MessageMark, Verdict};
use crate::consumer::position::Position;
use crate::error::{Error, Result};
use crate::feed::copied_message::is_copy;
use crate::feed::partition_buffer::BufferedMessage;
use crate::feed::stream_token::{ClusterTime, StreamToken};
use crate::store::contract::{FeedCursor, FeedEvent, FeedRequest, FeedStart};

/// Where reading of the reader's own stream ends.
pub(super) enum Goal {
    /// At this place: the feed gives what follows.
    Place(StreamToken),
    /// At what was the present when reading began.
    Present(ClusterTime),
}

impl Goal {
    fn is_reached(&self, frontier: &StreamToken) -> bool {
        match self {
            Self::Place(place) => frontier >= place,
            Self::Present(present) => frontier.cluster_time() >= *present,
        }
    }

    fn excludes(&self, token: &StreamToken) -> bool {
        matches!(self, Self::Place(place) if token > place)
    }
}

/// How reading of the reader's own stream ended.
pub(super) enum CaughtUp {
    /// At the goal.
    Yes,
    /// The buffer stayed full.
    NoRoom,
}

impl PartitionReader {
    /// Reads a stream of its own up to the goal.
    pub(super) async fn read_own_stream(&mut self, goal: Goal) -> Result<CaughtUp> {
        let turns = Arc::clone(&self.parts.turns);
        self.parts.sign.waits_for_process();
        let _turn = turns.acquire().await.map_err(|_| Error::closed("the consumer"))?;
        self.parts.sign.advanced();
        let request = FeedRequest {
            collections: vec![Arc::clone(&self.parts.collection)],
            start: FeedStart::At(self.stream()?.after.cluster_time()),
            batch_size: self.parts.batch_size,
            max_await: self.parts.max_await,
        };
        let mut cursor = self.parts.store.open_feed(request).await?;
        let outcome = self.read_from(cursor.as_mut(), &goal).await;
        cursor.close().await;
        outcome
    }

    async fn read_from(&mut self, cursor: &mut dyn FeedCursor, goal: &Goal) -> Result<CaughtUp> {
        loop {
            let batch = cursor.next_batch().await?;
            // A frontier that stands still is no sign: a majority that is lost looks like that.
            if batch.frontier > self.stream()?.after {
                self.parts.sign.advanced();
            }
            for event in batch.events {
                if goal.excludes(&event.token) {
                    break;
                }
                if !self.push_event(event).await? {
                    return Ok(CaughtUp::NoRoom);
                }
            }
            if goal.is_reached(&batch.frontier) {
                self.advance_to(match goal {
                    Goal::Place(place) => place.clone(),
                    Goal::Present(_) => batch.frontier,
                });
                return Ok(CaughtUp::Yes);
            }
            self.advance_to(batch.frontier);
        }
    }

    /// `false` if the buffer stayed full.
    async fn push_event(&mut self, event: FeedEvent) -> Result<bool> {
        let stream = self.stream()?;
        if event.token <= stream.after {
            return Ok(true);
        }
        let mark = MessageMark::of(&event.document);
        let verdict = self.handed.in_stream(&mark, event.token.cluster_time(), stream);
        if verdict == Verdict::Known {
            return Ok(true);
        }
        let after = Position::Stream(stream.at(event.token.clone()));
        let possible_duplicate =
            verdict == Verdict::Doubtful || is_copy(&event.document, event.token.cluster_time());
        let message = BufferedMessage { after, document: event.document, possible_duplicate };
        self.parts.sign.waits_for_process();
        if self.parts.buffer.push(message, PATIENCE).await.is_err() {
            return Ok(false);
        }
        self.parts.sign.advanced();
        self.handed.note_streamed(&mark);
        self.advance_to(event.token);
        Ok(true)
    }
}
