//! Brings one partition's messages into its buffer, from wherever it stands to the present.
//!
//! It reads the stored history (`fromBeginning`), then a change stream of its own until it is close to the present,
//! then joins the shared feed. When the feed leaves because the buffer is full, it starts over from the last message
//! in the buffer.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bson::{Bson, RawBson, RawBsonRef, RawDocumentBuf};
use tokio::sync::{Notify, Semaphore};

use super::position::{HistoryPosition, HistoryProgress, Position};
use super::source_sign::SourceSign;
use crate::error::{Error, Result};
use crate::feed::partition_buffer::{BufferedMessage, PartitionBuffer};
use crate::feed::stream_token::{ClusterTime, StreamToken};
use crate::feed::{Feed, JoinRequest, Joined};
use crate::observe::log::Logger;
use crate::record::record_layout;
use crate::runtime::backoff::Backoff;
use crate::runtime::{clock, random};
use crate::store::contract::{FeedCursor, FeedEvent, FeedRequest, FeedStart, HistoryRange, Store};

/// A full buffer holds the reader's stream and its turn for this long before both are given back.
const PATIENCE: Duration = Duration::from_secs(2);
const RETRY_AFTER: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// What a reader works with.
pub(super) struct ReaderParts {
    pub(super) store: Arc<dyn Store>,
    pub(super) feed: Feed,
    pub(super) collection: Arc<str>,
    pub(super) buffer: Arc<PartitionBuffer>,
    /// How many readers of the process may have a stream of their own at a time.
    pub(super) turns: Arc<Semaphore>,
    pub(super) batch_size: u32,
    pub(super) max_await: Duration,
    /// Where it says what it waits for.
    pub(super) sign: SourceSign,
    /// Asks it to begin anew, behind what it has read.
    pub(super) read_anew: Arc<Notify>,
    pub(super) logger: Logger,
}

/// Reads one partition.
pub(super) struct PartitionReader {
    parts: ReaderParts,
    position: Position,
    boundary: HistoryBoundary,
}

/// Tells which events of the stream were read from the history already, behind the place where both meet.
#[derive(Default)]
struct HistoryBoundary {
    until: Option<ClusterTime>,
    /// Messages of 1.4.2 carry no `_ts`; the ones that were read are remembered by id.
    unstamped: HashSet<Vec<u8>>,
}

/// Where reading of the reader's own stream ends.
enum Goal {
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
enum CaughtUp {
    /// At the goal.
    Yes,
    /// The buffer stayed full.
    NoRoom,
}

impl PartitionReader {
    pub(super) fn new(parts: ReaderParts, position: Position) -> Self {
        Self { parts, position, boundary: HistoryBoundary::default() }
    }

    /// Reads until it is dropped. Returns only with an error that trying again does not heal.
    pub(super) async fn run(mut self, joined: Option<Joined>) -> Error {
        let mut joined = joined;
        let mut backoff = Backoff::new(RETRY_AFTER.0, RETRY_AFTER.1);
        loop {
            let read_anew = Arc::clone(&self.parts.read_anew);
            let outcome = tokio::select! {
                biased;
                outcome = self.step(joined.take()) => outcome,
                () = read_anew.notified() => {
                    self.advance_to_buffered();
                    continue;
                }
            };
            match outcome {
                Ok(()) => backoff.reset(),
                Err(error) if error.is_retryable() => {
                    let delay = backoff.next_delay(random::next_u32());
                    self.parts.logger.warn(|| {
                        format!(
                            "reading {} failed, next try in {} ms: {error:?}",
                            self.parts.collection,
                            delay.as_millis()
                        )
                    });
                    clock::sleep(delay).await;
                }
                Err(error) => return error,
            }
        }
    }

    async fn step(&mut self, joined: Option<Joined>) -> Result<()> {
        match (&self.position, joined) {
            (Position::History(history), _) => {
                let history = history.clone();
                self.read_history(history).await
            }
            (Position::Stream { .. }, Some(joined)) => self.follow(joined).await,
            (Position::Stream { .. }, None) => {
                self.parts.sign.waits_for_process();
                self.parts.buffer.wait_for_room().await;
                self.parts.sign.advanced();
                let present = self.parts.store.cluster_time().await?;
                match self.read_own_stream(Goal::Present(present)).await? {
                    CaughtUp::NoRoom => Ok(()),
                    CaughtUp::Yes => {
                        let joined = self.join().await?;
                        self.follow(joined).await
                    }
                }
            }
        }
    }

    async fn join(&self) -> Result<Joined> {
        let request = JoinRequest {
            collection: Arc::clone(&self.parts.collection),
            after: self.after()?,
            buffer: Arc::clone(&self.parts.buffer),
        };
        let mut joined = self.parts.feed.join(vec![request]).await?;
        joined.pop().ok_or_else(|| Error::internal("the feed did not answer a join"))
    }

    /// Reads what lies between its own position and the feed's, lets the feed take over, and waits until it leaves.
    async fn follow(&mut self, joined: Joined) -> Result<()> {
        let membership = Membership { feed: &self.parts.feed.clone(), joined: &joined };
        while self.after()? < joined.from {
            if matches!(self.read_own_stream(Goal::Place(joined.from.clone())).await?, CaughtUp::NoRoom) {
                self.parts.sign.waits_for_process();
                self.parts.buffer.wait_for_room().await;
            }
        }
        if self.parts.buffer.release_held() {
            self.parts.sign.follows_feed();
            self.parts.buffer.wait_until_detached().await;
        }
        drop(membership);
        self.parts.sign.advanced();
        self.advance_to_buffered();
        Ok(())
    }

    /// What is in the buffer is read, whoever put it there.
    fn advance_to_buffered(&mut self) {
        if let Some(last) = self.parts.buffer.last_token() {
            self.advance_to(last);
        }
    }

    /// Reads a stream of its own up to the goal.
    async fn read_own_stream(&mut self, goal: Goal) -> Result<CaughtUp> {
        let turns = Arc::clone(&self.parts.turns);
        self.parts.sign.waits_for_process();
        let _turn = turns.acquire().await.map_err(|_| Error::closed("the consumer"))?;
        self.parts.sign.advanced();
        let request = FeedRequest {
            collections: vec![Arc::clone(&self.parts.collection)],
            start: FeedStart::At(self.after()?.cluster_time()),
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
            if self.position.stream_token().is_none_or(|after| batch.frontier > *after) {
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
        if event.token <= self.after()? || self.boundary.has_read(&event.document) {
            return Ok(true);
        }
        let after = Position::Stream { after: event.token.clone() };
        let message = BufferedMessage { after, document: event.document, possible_duplicate: false };
        self.parts.sign.waits_for_process();
        if self.parts.buffer.push(message, PATIENCE).await.is_err() {
            return Ok(false);
        }
        self.parts.sign.advanced();
        self.advance_to(event.token);
        Ok(true)
    }

    async fn read_history(&mut self, history: HistoryPosition) -> Result<()> {
        let HistoryPosition { finished, until } = history;
        let range = match &finished {
            HistoryProgress::Unstamped { after } => HistoryRange::Unstamped { after: after.clone() },
            HistoryProgress::Stamped { after } => HistoryRange::Stamped { after: *after, until },
        };
        let limit = self.parts.batch_size;
        let page = self.parts.store.read_history(&self.parts.collection, range, limit).await?;
        self.parts.sign.advanced();
        if page.is_empty() {
            self.position = match finished {
                HistoryProgress::Unstamped { .. } => {
                    let nothing_yet = HistoryProgress::Stamped { after: ClusterTime::default() };
                    Position::History(HistoryPosition { finished: nothing_yet, until })
                }
                HistoryProgress::Stamped { .. } => {
                    self.boundary.until = Some(until);
                    Position::Stream { after: StreamToken::after(until) }
                }
            };
            return Ok(());
        }
        for document in page {
            let finished = self.boundary.note_history(&document, until)?;
            let after = Position::History(HistoryPosition { finished, until });
            let mut message = BufferedMessage { after: after.clone(), document, possible_duplicate: false };
            self.parts.sign.waits_for_process();
            while let Err(returned) = self.parts.buffer.push(message, PATIENCE).await {
                message = returned;
            }
            self.parts.sign.advanced();
            self.position = after;
        }
        Ok(())
    }

    fn after(&self) -> Result<StreamToken> {
        let token = self.position.stream_token().cloned();
        token.ok_or_else(|| Error::internal("a reader of the stream stands in the history"))
    }

    fn advance_to(&mut self, token: StreamToken) {
        if self.position.stream_token().is_none_or(|after| token > *after) {
            self.position = Position::Stream { after: token };
        }
    }
}

impl HistoryBoundary {
    /// How far the history is finished with this message.
    fn note_history(&mut self, document: &RawDocumentBuf, until: ClusterTime) -> Result<HistoryProgress> {
        let stored = record_layout::decode(document)?;
        if let Some(stamp) = stored.ts {
            return Ok(HistoryProgress::Stamped { after: stamp.into() });
        }
        let id = Bson::try_from(stored.id)
            .map_err(|error| Error::internal("the id of a stored message cannot be read").caused_by(error))?;
        if may_be_streamed_again(stored.id, until) {
            self.unstamped.insert(id_bytes(document));
        }
        Ok(HistoryProgress::Unstamped { after: Some(id) })
    }

    fn has_read(&self, document: &RawDocumentBuf) -> bool {
        let Some(until) = self.until else { return false };
        match document.get_timestamp("_ts") {
            Ok(stamp) => ClusterTime::from(stamp) <= until,
            Err(_) => self.unstamped.contains(&id_bytes(document)),
        }
    }
}

/// Whether a message without `_ts` may lie behind the boundary too. Its id was made by the producer's clock, which
/// may be wrong by minutes; ids of another kind tell nothing.
fn may_be_streamed_again(id: RawBsonRef<'_>, until: ClusterTime) -> bool {
    const LARGEST_CLOCK_ERROR_SECONDS: u32 = 600;
    let RawBsonRef::ObjectId(id) = id else { return true };
    let made_at = id.timestamp().timestamp_millis() / 1000;
    made_at >= i64::from(until.minus_seconds(LARGEST_CLOCK_ERROR_SECONDS).seconds)
}

fn id_bytes(document: &RawDocumentBuf) -> Vec<u8> {
    match document.get("_id") {
        Ok(Some(id)) => bson::rawdoc! { "_id": RawBson::from(id) }.into_bytes(),
        _ => Vec::new(),
    }
}

/// Leaves the feed when the reader stops following it, whatever the reason.
struct Membership<'a> {
    feed: &'a Feed,
    joined: &'a Joined,
}

impl Drop for Membership<'_> {
    fn drop(&mut self) {
        self.feed.leave(self.joined.id);
    }
}
