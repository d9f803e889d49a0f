//! How far a group has got in one partition: everything up to here is finished.

use crate::feed::stream_token::{ClusterTime, StreamToken};

/// A committed or current position of a group in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// Reading what was stored before the group began.
    History(HistoryPosition),
    /// Reading the stream; every event up to and including this token is finished.
    Stream {
        /// Last finished place.
        after: StreamToken,
    },
}

/// A place in the stored messages of a partition, read in the order of their server timestamp `_ts`.
///
/// Messages with `_ts <= until` come from the collection, the rest from the stream that starts behind `until`.
/// Both halves are disjoint and complete because a message is visible at most one transaction lifetime after its
/// `_ts`, and `until` lies further back than that when it is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryPosition {
    /// What has been finished so far.
    pub finished: HistoryProgress,
    /// Last `_ts` that is read from the collection.
    pub until: ClusterTime,
}

/// How far reading of the stored messages has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryProgress {
    /// Messages of 1.4.2, which carry no `_ts`, come first, in the order of their ids. `None`: nothing yet.
    Unstamped {
        /// Id of the last finished message.
        after: Option<bson::Bson>,
    },
    /// Then those with `_ts`. Everything up to and including `after` is finished.
    Stamped {
        /// `_ts` of the last finished message.
        after: ClusterTime,
    },
}

impl Position {
    /// The position from which everything that is stored will be delivered.
    pub fn beginning(until: ClusterTime) -> Self {
        Self::History(HistoryPosition { finished: HistoryProgress::Unstamped { after: None }, until })
    }

    /// The stream token, when the position is in the stream.
    pub fn stream_token(&self) -> Option<&StreamToken> {
        match self {
            Self::Stream { after } => Some(after),
            Self::History(_) => None,
        }
    }
}
