//! What has been read for one partition and not yet delivered, bounded in bytes.
//!
//! It has one taker, the partition's worker, and two givers that take turns: the shared feed, which never waits for
//! a slow partition and leaves a full buffer behind, and the partition's own reader, which waits for room.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bson::RawDocumentBuf;
use tokio::sync::Notify;

use super::copied_message::is_copy;
use super::stream_token::StreamToken;
use crate::consumer::position::Position;
use crate::runtime::clock;
use crate::store::contract::FeedEvent;

/// A message waiting for its delivery.
#[derive(Debug, Clone)]
pub struct BufferedMessage {
    /// The position once this message is finished.
    pub after: Position,
    /// The stored document, whole.
    pub document: RawDocumentBuf,
    /// It may have been handled before: it was read again to find what was not.
    pub possible_duplicate: bool,
}

/// Whether the shared feed gives to this buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FeedLink {
    /// It does not: the reader gives.
    Detached,
    /// It does, but what it gives is held back until the reader has given what comes before.
    Holding,
    /// It does, and nobody else.
    Live,
}

/// Bounded buffer of one partition.
pub struct PartitionBuffer {
    state: Mutex<BufferState>,
    capacity_bytes: usize,
    /// Something was put in, or the link changed.
    filled: Notify,
    /// The feed gives, and nobody else.
    went_live: Notify,
    /// Something was taken out.
    drained: Notify,
    detached: Notify,
}

struct BufferState {
    ready: VecDeque<BufferedMessage>,
    held: VecDeque<BufferedMessage>,
    /// Bytes of `ready`. What is held back has a bound of its own: it must not keep the reader from giving what
    /// comes before.
    bytes: usize,
    held_bytes: usize,
    link: FeedLink,
    last_token: Option<StreamToken>,
}

impl BufferState {
    fn forget_held(&mut self) {
        self.held.clear();
        self.held_bytes = 0;
    }
}

/// What became of an event that the feed offered.
#[derive(Debug, Clone, PartialEq)]
pub enum Offer {
    /// Taken.
    Taken,
    /// No room before somebody takes something out.
    Full(FeedEvent),
    /// Not taken, and never will be. The feed has to drop this member; its reader goes on from what was taken last.
    Refused,
}

impl PartitionBuffer {
    /// An empty buffer. One message fits whatever its size.
    pub fn new(capacity_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(BufferState {
                ready: VecDeque::new(),
                held: VecDeque::new(),
                bytes: 0,
                held_bytes: 0,
                link: FeedLink::Detached,
                last_token: None,
            }),
            capacity_bytes,
            filled: Notify::new(),
            went_live: Notify::new(),
            drained: Notify::new(),
            detached: Notify::new(),
        })
    }

    /// Lets the feed give. `hold_back`: the reader still has to give what comes before.
    pub fn attach(&self, hold_back: bool) {
        let mut state = self.lock();
        state.forget_held();
        state.link = if hold_back { FeedLink::Holding } else { FeedLink::Live };
        drop(state);
        if !hold_back {
            self.went_live.notify_one();
        }
    }

    /// Ends the link to the feed. What was held back is the reader's to read again.
    pub fn detach(&self) {
        let mut state = self.lock();
        state.link = FeedLink::Detached;
        state.forget_held();
        drop(state);
        self.detached.notify_one();
    }

    /// Gives what was held back, after the reader has given everything before it. `false` if the feed has left.
    pub fn release_held(&self) -> bool {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.link == FeedLink::Detached {
            return false;
        }
        state.link = FeedLink::Live;
        if let Some(last) = state.held.back() {
            state.last_token = last.after.stream_token().cloned();
        }
        state.ready.append(&mut state.held);
        state.bytes += state.held_bytes;
        state.held_bytes = 0;
        drop(guard);
        self.filled.notify_one();
        self.went_live.notify_one();
        true
    }

    /// Offers an event of the feed.
    pub fn offer(&self, event: FeedEvent) -> Offer {
        let mut state = self.lock();
        let taken_up = match state.link {
            FeedLink::Detached => return Offer::Refused,
            FeedLink::Holding => state.held_bytes,
            FeedLink::Live => state.bytes,
        };
        if taken_up >= self.capacity_bytes {
            // What is held back is given when the reader is through, which the feed must not wait for.
            return if state.link == FeedLink::Live { Offer::Full(event) } else { Offer::Refused };
        }
        let token = event.token.clone();
        let message = BufferedMessage {
            possible_duplicate: is_copy(&event.document, token.cluster_time()),
            after: Position::behind(event.token),
            document: event.document,
        };
        let size = size_of_message(&message);
        if state.link == FeedLink::Holding {
            state.held_bytes += size;
            state.held.push_back(message);
            return Offer::Taken;
        }
        state.bytes += size;
        state.last_token = Some(token);
        state.ready.push_back(message);
        drop(state);
        self.filled.notify_one();
        Offer::Taken
    }

    /// Gives a message of the reader, once there is room. `Err` returns it if there is none within `patience`.
    pub async fn push(&self, message: BufferedMessage, patience: Duration) -> Result<(), BufferedMessage> {
        let mut message = Some(message);
        let pushed = clock::timeout(patience, async {
            loop {
                if self.try_push(&mut message) {
                    return;
                }
                self.drained.notified().await;
            }
        });
        pushed.await;
        message.map_or(Ok(()), Err)
    }

    fn try_push(&self, message: &mut Option<BufferedMessage>) -> bool {
        let mut state = self.lock();
        if state.bytes >= self.capacity_bytes {
            return false;
        }
        if let Some(message) = message.take() {
            state.bytes += size_of_message(&message);
            if let Some(token) = message.after.stream_token() {
                state.last_token = Some(token.clone());
            }
            state.ready.push_back(message);
        }
        drop(state);
        self.filled.notify_one();
        true
    }

    /// Takes messages, at least one, waiting for it. Dropping the returned future loses nothing.
    pub async fn take(&self, most: usize, most_bytes: usize) -> Vec<BufferedMessage> {
        loop {
            let taken = self.try_take(most, most_bytes);
            if !taken.is_empty() {
                self.drained.notify_one();
                return taken;
            }
            self.filled.notified().await;
        }
    }

    fn try_take(&self, most: usize, most_bytes: usize) -> Vec<BufferedMessage> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let mut taken = Vec::new();
        let mut bytes = 0;
        while let Some(next) = state.ready.front() {
            let size = size_of_message(next);
            if taken.len() == most || (!taken.is_empty() && bytes + size > most_bytes) {
                break;
            }
            bytes += size;
            taken.extend(state.ready.pop_front());
        }
        state.bytes -= bytes;
        taken
    }

    /// Waits until the feed gives to it, and nobody else. One waiter at a time.
    pub async fn wait_until_live(&self) {
        while self.lock().link != FeedLink::Live {
            self.went_live.notified().await;
        }
    }

    /// Waits until the feed has left this buffer.
    pub async fn wait_until_detached(&self) {
        while self.lock().link != FeedLink::Detached {
            self.detached.notified().await;
        }
    }

    /// Waits until the feed may offer again.
    pub async fn wait_for_a_place(&self) {
        while self.lock().bytes >= self.capacity_bytes {
            self.drained.notified().await;
        }
    }

    /// Waits until at least half of the buffer is free.
    pub async fn wait_for_room(&self) {
        while self.lock().bytes > self.capacity_bytes / 2 {
            self.drained.notified().await;
        }
    }

    /// Place of the last message of the stream that was put in.
    pub fn last_token(&self) -> Option<StreamToken> {
        self.lock().last_token.clone()
    }

    /// Whether whoever takes from it has nothing to do.
    pub fn is_empty(&self) -> bool {
        self.lock().ready.is_empty()
    }

    /// Whether everything that the feed has given was taken out again.
    pub fn is_live_and_empty(&self) -> bool {
        let state = self.lock();
        state.link == FeedLink::Live && state.ready.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, BufferState> {
        // Nothing panics while it holds the lock; a poisoned one still has whole contents.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a message costs: its document and the bookkeeping around it.
fn size_of_message(message: &BufferedMessage) -> usize {
    message.document.as_bytes().len() + size_of::<BufferedMessage>()
}

#[cfg(test)]
pub(crate) mod states;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::stream_token::ClusterTime;
    use bson::rawdoc;

    fn event(increment: u32) -> FeedEvent {
        FeedEvent {
            collection: "t_p0".into(),
            token: StreamToken::after(ClusterTime { seconds: 1, increment }),
            document: rawdoc! { "n": i64::from(increment) },
        }
    }

    fn message(increment: u32) -> BufferedMessage {
        let event = event(increment);
        BufferedMessage {
            after: Position::behind(event.token),
            document: event.document,
            possible_duplicate: false,
        }
    }

    fn numbers(messages: &[BufferedMessage]) -> Vec<i64> {
        messages.iter().map(|message| message.document.get_i64("n").expect("n")).collect()
    }

    #[tokio::test]
    async fn held_events_come_after_the_readers() {
        let buffer = PartitionBuffer::new(1 << 20);
        buffer.attach(true);
        assert_eq!(buffer.offer(event(3)), Offer::Taken);
        buffer.push(message(1), Duration::ZERO).await.expect("room");
        buffer.push(message(2), Duration::ZERO).await.expect("room");
        assert!(buffer.release_held());
        assert_eq!(numbers(&buffer.take(10, usize::MAX).await), [1, 2, 3]);
        assert!(buffer.is_live_and_empty());
    }

    #[tokio::test]
    async fn a_full_buffer_refuses_the_feed_and_returns_the_readers_message() {
        let buffer = PartitionBuffer::new(1);
        buffer.attach(false);
        assert_eq!(buffer.offer(event(1)), Offer::Taken);
        assert_eq!(buffer.offer(event(2)), Offer::Full(event(2)));
        let refused = buffer.push(message(2), Duration::ZERO).await.expect_err("no room");
        assert_eq!(numbers(&[refused]), [2]);
        assert_eq!(buffer.last_token(), Some(event(1).token));
    }

    #[tokio::test]
    async fn a_copy_may_have_been_handled_where_it_was_first() {
        let buffer = PartitionBuffer::new(1 << 20);
        buffer.attach(false);
        let time = ClusterTime { seconds: 1000, increment: 1 };
        for (n, stamp) in [(0, time.minus_seconds(120)), (1, time.minus_seconds(121))] {
            let document = rawdoc! { "n": n, "_ts": bson::Timestamp::from(stamp) };
            let token = StreamToken::after(time);
            assert_eq!(buffer.offer(FeedEvent { collection: "t_p0".into(), token, document }), Offer::Taken);
        }
        let taken = buffer.take(10, usize::MAX).await;
        assert_eq!(taken.iter().map(|message| message.possible_duplicate).collect::<Vec<_>>(), [false, true]);
    }

    #[tokio::test]
    async fn detaching_forgets_what_was_held() {
        let buffer = PartitionBuffer::new(1 << 20);
        buffer.attach(true);
        assert_eq!(buffer.offer(event(9)), Offer::Taken);
        buffer.detach();
        buffer.wait_until_detached().await;
        assert!(!buffer.release_held());
        buffer.push(message(1), Duration::ZERO).await.expect("room");
        assert_eq!(numbers(&buffer.take(10, usize::MAX).await), [1]);
        let state = buffer.lock();
        assert_eq!((state.bytes, state.held_bytes), (0, 0));
    }

    #[tokio::test]
    async fn what_is_held_leaves_the_reader_its_room() {
        let buffer = PartitionBuffer::new(1);
        buffer.attach(true);
        assert_eq!(buffer.offer(event(2)), Offer::Taken);
        buffer.push(message(1), Duration::ZERO).await.expect("room of its own");
        assert_eq!(buffer.offer(event(3)), Offer::Refused);
    }

    #[tokio::test]
    async fn takes_within_both_limits_but_at_least_one() {
        let buffer = PartitionBuffer::new(1 << 20);
        for n in 1..=3 {
            buffer.push(message(n), Duration::ZERO).await.expect("room");
        }
        assert_eq!(numbers(&buffer.take(10, 1).await), [1]);
        assert_eq!(numbers(&buffer.take(1, usize::MAX).await), [2]);
    }
}
