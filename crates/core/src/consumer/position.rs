//! How far a group has got in one partition: everything up to here is finished. Pure.

use bson::oid::ObjectId;

use crate::feed::stream_token::{ClusterTime, StreamToken};

/// A message becomes visible at most this long after the server stamped it: a transaction lives 60 seconds, and the
/// server looks for those that are over once in 30. What was stamped earlier than this before now will not grow, and
/// an event shows no message that was stamped earlier than this before it.
pub const LONGEST_VISIBILITY_DELAY_SECONDS: u32 = 120;

/// The ids of messages of 1.4.2 were made by the producers' clocks, which may be wrong by minutes.
pub const LARGEST_CLOCK_ERROR_SECONDS: u32 = 600;

/// A committed or current position of a group in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// Reading what is stored.
    History(HistoryPosition),
    /// Reading the stream.
    Stream(StreamPosition),
}

/// A place in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamPosition {
    /// Every event up to and including this token is finished.
    pub after: StreamToken,
    /// Messages stamped up to here were read from the collection: the stream may show some of them again. `None` when
    /// it cannot any more.
    pub history_until: Option<ClusterTime>,
    /// Messages whose event is not later may have been handled before. `None` when the position is past that.
    pub doubtful_until: Option<ClusterTime>,
}

/// A place in the stored messages of a partition, read in the order of their server timestamp `_ts`.
///
/// Messages with `behind < _ts <= until` come from the collection. Then either the stream goes on behind `until`: both
/// halves are disjoint and complete because a message is visible at most one transaction lifetime after its `_ts`, and
/// `until` lies further back than that when it is chosen. Or, where the oplog does not reach back so far, the
/// collection is read as it was at `until`, and the stream goes on with what became visible later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryPosition {
    /// Everything stamped up to here is finished, or not the group's. The least time: from the first message on.
    pub behind: ClusterTime,
    /// What has been finished so far.
    pub finished: HistoryProgress,
    /// Last `_ts` that is read from the collection.
    pub until: ClusterTime,
    /// Whether the collection is read as it was at `until`.
    pub snapshot: bool,
    /// Messages stamped up to here may have been handled before.
    pub doubtful_until: Option<ClusterTime>,
}

/// How far reading of the stored messages has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryProgress {
    /// Messages of 1.4.2, which carry no `_ts`, come first, in the order of their ids. `None`: nothing yet.
    Unstamped {
        /// Id of the last finished message.
        after: Option<bson::Bson>,
    },
    /// Then those with `_ts`. What is stored up to and including `after` is finished.
    Stamped {
        /// `_ts` of the last finished message.
        after: ClusterTime,
    },
}

impl Position {
    /// The place behind this token, with nothing to be told apart.
    pub fn behind(after: StreamToken) -> Self {
        Self::Stream(StreamPosition::behind(after))
    }

    /// The position from which everything that is stored will be delivered, at this time of the deployment.
    pub fn beginning(now: ClusterTime) -> Self {
        Self::History(HistoryPosition::beginning(now))
    }

    /// The stream token, when the position is in the stream.
    pub fn stream_token(&self) -> Option<&StreamToken> {
        match self {
            Self::Stream(stream) => Some(&stream.after),
            Self::History(_) => None,
        }
    }

    /// Whether no deployment whose time is `now` can have given out this position.
    pub(super) fn is_later_than(&self, now: ClusterTime) -> bool {
        match self {
            Self::Stream(stream) => stream.after.cluster_time() > now,
            Self::History(history) => history.behind.max(history.until) > now,
        }
    }
}

impl StreamPosition {
    /// The place behind this token, with nothing to be told apart.
    pub fn behind(after: StreamToken) -> Self {
        Self { after, history_until: None, doubtful_until: None }
    }

    /// The place behind the stored messages up to `until`.
    pub(super) fn behind_history(until: ClusterTime) -> Self {
        Self { after: StreamToken::after(until), history_until: Some(until), doubtful_until: None }
    }

    /// The same reading, further on. What no later event needs is left out.
    #[must_use]
    pub fn at(&self, after: StreamToken) -> Self {
        let time = after.cluster_time();
        let history_until =
            self.history_until.filter(|until| time.minus_seconds(LONGEST_VISIBILITY_DELAY_SECONDS) < *until);
        let doubtful_until = self.doubtful_until.filter(|until| time < *until);
        Self { after, history_until, doubtful_until }
    }

    /// Whether every later event is a message that was not read before.
    pub fn is_plain(&self) -> bool {
        self.history_until.is_none() && self.doubtful_until.is_none()
    }
}

impl HistoryPosition {
    /// Nothing is finished yet.
    pub(super) fn beginning(now: ClusterTime) -> Self {
        Self {
            behind: ClusterTime::default(),
            finished: HistoryProgress::Unstamped { after: None },
            until: now.minus_seconds(LONGEST_VISIBILITY_DELAY_SECONDS),
            snapshot: false,
            doubtful_until: None,
        }
    }

    /// Up to here nothing can come that is not finished.
    pub(super) fn complete_until(&self) -> ClusterTime {
        match self.finished {
            HistoryProgress::Stamped { after } if !self.snapshot => after.max(self.behind),
            HistoryProgress::Stamped { .. } | HistoryProgress::Unstamped { .. } => self.behind,
        }
    }

    /// The least id that a message of 1.4.2 can have which is to be read; `None` if any.
    pub(super) fn oldest_id(&self) -> Option<ObjectId> {
        let since = self.behind.minus_seconds(LARGEST_CLOCK_ERROR_SECONDS).seconds;
        (self.behind > ClusterTime::default()).then(|| ObjectId::from_parts(since, [0; 5], [0; 3]))
    }

    /// Whether it is where a new group begins, before the first message.
    pub(super) fn is_beginning(&self) -> bool {
        self.is_untouched() && self.behind == ClusterTime::default()
    }

    /// Whether nothing has been read, so that reading may as well go further.
    pub(super) fn is_untouched(&self) -> bool {
        !self.snapshot && self.finished == HistoryProgress::Unstamped { after: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u32) -> ClusterTime {
        ClusterTime { seconds, increment: 7 }
    }

    #[test]
    fn bounds_are_left_out_when_no_later_event_needs_them() {
        let start = StreamPosition {
            after: StreamToken::after(at(1000)),
            history_until: Some(at(1000)),
            doubtful_until: Some(at(1050)),
        };
        let later = |seconds| {
            let stream = start.at(StreamToken::after(at(seconds)));
            (stream.history_until.is_some(), stream.doubtful_until.is_some(), stream.is_plain())
        };
        assert_eq!(later(1000), (true, true, false));
        assert_eq!(later(1050), (true, false, false));
        assert_eq!(later(1119), (true, false, false));
        assert_eq!(later(1120), (false, false, true));
    }

    #[test]
    fn a_snapshot_is_incomplete_until_it_is_read() {
        let ordinary = HistoryPosition {
            finished: HistoryProgress::Stamped { after: at(500) },
            behind: at(400),
            ..HistoryPosition::beginning(at(1000))
        };
        assert_eq!(ordinary.complete_until(), at(500));
        let snapshot = HistoryPosition { snapshot: true, ..ordinary.clone() };
        assert_eq!(snapshot.complete_until(), at(400));
        assert!(HistoryPosition::beginning(at(1000)).is_untouched() && !ordinary.is_untouched());
    }
}
