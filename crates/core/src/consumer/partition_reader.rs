//! Brings one partition's messages into its buffer, from wherever it stands to the present.
//!
//! It reads the stored messages (`fromBeginning`, or because the stream cannot be read from the position any more), then
//! a change stream of its own until it is close to the present, then joins the shared feed. When the feed leaves because
//! the buffer is full, it starts over from the last message in the buffer.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use self::own_stream::{CaughtUp, Goal};
use self::recovery::Recovery;
use super::consumer_events::ConsumerEvents;
use super::handed_over::HandedOver;
use super::position::{Position, StreamPosition};
use super::source_sign::SourceSign;
use crate::config::OnExpired;
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::feed::partition_buffer::PartitionBuffer;
use crate::feed::stream_token::StreamToken;
use crate::feed::{Feed, JoinRequest, Joined};
use crate::observe::log::Logger;
use crate::runtime::backoff::Backoff;
use crate::runtime::{clock, random};
use crate::store::contract::{OffsetKey, Store};

mod own_stream;
mod recovery;
mod retention_check;
mod stored_messages;

/// A full buffer holds the reader's stream and its turn for this long before both are given back.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a reader works with.
pub(super) struct ReaderParts {
    pub(super) store: Arc<dyn Store>,
    pub(super) feed: Feed,
    pub(super) key: OffsetKey,
    pub(super) collection: Arc<str>,
    pub(super) buffer: Arc<PartitionBuffer>,
    /// How many readers of the process may have a stream of their own at a time.
    pub(super) turns: Arc<Semaphore>,
    pub(super) batch_size: u32,
    pub(super) max_await: Duration,
    /// What to do when messages were deleted before they were read.
    pub(super) on_expired: OnExpired,
    /// Where it says what it waits for.
    pub(super) sign: SourceSign,
    /// Asks it to begin anew, behind what it has read.
    pub(super) read_anew: Arc<Notify>,
    pub(super) events: ConsumerEvents,
    pub(super) logger: Logger,
}

/// Reads one partition.
pub(super) struct PartitionReader {
    parts: ReaderParts,
    position: Position,
    handed: HandedOver,
    /// The stored messages are read because the position was lost.
    recovery: Option<Recovery>,
    /// It has to be seen whether what the position promises is still there.
    is_unchecked: bool,
    backoff: Backoff,
}

impl PartitionReader {
    pub(super) fn new(parts: ReaderParts, position: Position) -> Self {
        let recovery = match &position {
            Position::History(history) if history.doubtful_until.is_some() => Some(Recovery::begin()),
            _ => None,
        };
        Self {
            handed: HandedOver::before(&position),
            recovery,
            is_unchecked: matches!(&position, Position::History(history) if !history.is_beginning()),
            backoff: Backoff::of_store_calls(),
            parts,
            position,
        }
    }

    /// Reads until it is dropped. Returns only with an error that trying again does not heal.
    pub(super) async fn run(mut self, joined: Option<Joined>) -> Error {
        let mut joined = joined;
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
            let outcome = match outcome {
                Err(error) if error.code() == ErrorCode::HistoryLost => self.recover(&error).await,
                outcome => outcome,
            };
            match outcome {
                Ok(()) => {}
                Err(error) if error.is_retryable() => {
                    let delay = self.backoff.next_delay(random::next_u32());
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
        if self.is_unchecked {
            self.check_retention().await?;
            self.is_unchecked = false;
        }
        match (&self.position, joined) {
            (Position::History(history), _) => {
                let history = history.clone();
                self.read_stored(history).await
            }
            (Position::Stream(_), Some(joined)) => self.follow(joined).await,
            (Position::Stream(_), None) => {
                self.parts.sign.waits_for_process();
                self.parts.buffer.wait_for_room().await;
                self.parts.sign.advanced();
                let present = self.parts.store.cluster_time().await?;
                match self.read_own_stream(Goal::Present(present)).await? {
                    CaughtUp::Yes if self.stream()?.is_plain() => {
                        let joined = self.join().await?;
                        self.follow(joined).await
                    }
                    // Or it has to tell messages apart still, which the feed does not do.
                    CaughtUp::Yes | CaughtUp::NoRoom => Ok(()),
                }
            }
        }
    }

    async fn join(&self) -> Result<Joined> {
        let request = JoinRequest {
            collection: Arc::clone(&self.parts.collection),
            after: self.stream()?.after.clone(),
            buffer: Arc::clone(&self.parts.buffer),
        };
        match self.parts.feed.join(vec![request]).await {
            Ok(mut joined) => joined.pop().ok_or_else(|| Error::internal("the feed did not answer a join")),
            // Somebody's position is lost, which need not be this one: its own stream will tell.
            Err(error) if error.code() == ErrorCode::HistoryLost => {
                Err(Error::new(ErrorCode::Unavailable, "the feed could not be opened").caused_by(error))
            }
            Err(error) => Err(error),
        }
    }

    /// Reads what lies between its own position and the feed's, lets the feed take over, and waits until it leaves.
    async fn follow(&mut self, joined: Joined) -> Result<()> {
        while self.stream()?.after < joined.from {
            if matches!(self.read_own_stream(Goal::Place(joined.from.clone())).await?, CaughtUp::NoRoom) {
                self.parts.sign.waits_for_process();
                self.parts.buffer.wait_for_room().await;
            }
        }
        if self.parts.buffer.release_held() {
            self.parts.sign.follows_feed();
            self.backoff.reset();
            self.recovered();
            self.parts.buffer.wait_until_detached().await;
        }
        drop(joined);
        self.parts.sign.advanced();
        self.advance_to_buffered();
        Ok(())
    }

    /// What is in the buffer is read, whoever put it there. What the feed put there was not noted one by one.
    fn advance_to_buffered(&mut self) {
        let Position::Stream(_) = &self.position else { return };
        if let Some(last) = self.parts.buffer.last_token() {
            self.advance_to(last);
        }
        self.handed = HandedOver::before(&self.position);
    }

    fn stream(&self) -> Result<&StreamPosition> {
        match &self.position {
            Position::Stream(stream) => Ok(stream),
            Position::History(_) => Err(Error::internal("a reader of the stream stands in the history")),
        }
    }

    /// Further in the stream; never back.
    fn advance_to(&mut self, token: StreamToken) {
        if let Position::Stream(stream) = &mut self.position
            && token > stream.after
        {
            *stream = stream.at(token);
            self.handed.complete_up_to_event(stream.after.cluster_time());
        }
    }
}
