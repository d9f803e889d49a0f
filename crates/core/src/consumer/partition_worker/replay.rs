//! The end of a replay: a consumer with `until` handles what comes before it, and then stands still.
//!
//! What comes behind is not taken in, so the position stays before it, for consumers of the group that have no `until`.

use super::PartitionWorker;
use crate::config::ReplayEnd;
use crate::consumer::position::{HistoryProgress, Position};
use crate::feed::Feed;
use crate::feed::partition_buffer::{BufferedMessage, PartitionBuffer};
use crate::observe::consumer_event::ConsumerEvent;

/// How far a replay is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReplayState {
    /// It is none: the partition is read for ever.
    Endless,
    /// What comes may be before the end.
    Reading,
    /// Nothing more is taken in; what was is being handled.
    AtEnd,
    /// All of it is handled, which was said.
    Completed,
}

impl ReplayState {
    pub(super) fn of(until: Option<&ReplayEnd>) -> Self {
        if until.is_some() { Self::Reading } else { Self::Endless }
    }

    pub(super) fn is_at_end(self) -> bool {
        matches!(self, Self::AtEnd | Self::Completed)
    }
}

/// Waits until the feed has given everything that comes before the end.
pub(super) async fn ends(feed: &Feed, buffer: &PartitionBuffer, until: Option<&ReplayEnd>) {
    let Some(until) = until else { return std::future::pending().await };
    buffer.wait_until_live().await;
    feed.frontier_reaches(|frontier| until.is_reached_at(frontier)).await;
}

impl PartitionWorker {
    /// From the first message on that is behind the end, nothing is taken in any more.
    pub(super) fn cut_at_end_of_replay(&mut self, messages: &mut Vec<BufferedMessage>) {
        let Some(until) = self.parts.until.as_ref().filter(|_| self.replay == ReplayState::Reading) else {
            return;
        };
        if let Some(first) = messages.iter().position(|message| is_behind(until, &message.after)) {
            messages.truncate(first);
            self.replay = ReplayState::AtEnd;
        }
    }

    /// Messages of 1.4.2 are stored before all others, whatever their age: those behind the end hide none before it.
    pub(super) fn is_passed_over(&self, message: &BufferedMessage) -> bool {
        let Some(until) = &self.parts.until else { return false };
        match &message.after {
            Position::History(history) => match &history.finished {
                HistoryProgress::Unstamped { after: Some(id) } => {
                    let second =
                        id.as_object_id().map(|id| id.timestamp().timestamp_millis().div_euclid(1000));
                    second
                        .and_then(|second| u32::try_from(second).ok())
                        .is_some_and(|second| until.excludes_second(second))
                }
                HistoryProgress::Unstamped { after: None } | HistoryProgress::Stamped { .. } => false,
            },
            Position::Stream(_) => false,
        }
    }

    /// The feed is past the end. Something of it may have come since.
    pub(super) fn end_replay_if_empty(&mut self) {
        if self.parts.buffer.is_live_and_empty() {
            self.replay = ReplayState::AtEnd;
        }
    }

    /// Says that all of it is handled, once.
    pub(super) fn complete_replay(&mut self) {
        if self.replay != ReplayState::AtEnd || self.end.is_some() || !self.in_flight.is_empty() {
            return;
        }
        self.replay = ReplayState::Completed;
        let partition = self.parts.key.partition;
        let offset = self.parts.watermark.position().stream_token().cloned();
        self.parts.logger.info(|| format!("{}: replayed up to its end", self.parts.key));
        let events = &self.parts.events;
        self.parts.set.completes(partition, |remaining| {
            events.emit(|| ConsumerEvent::Completed { partition, offset, remaining });
        });
    }
}

fn is_behind(until: &ReplayEnd, after: &Position) -> bool {
    match after {
        Position::Stream(stream) => until.excludes_event(&stream.after),
        Position::History(history) => match history.finished {
            HistoryProgress::Stamped { after } => until.excludes_stamp(after),
            HistoryProgress::Unstamped { .. } => false,
        },
    }
}
