//! Which messages have been handed over for delivery, as far as it matters for reading some of them again. Pure.

use std::collections::{BTreeSet, HashSet};

use bson::{RawBson, RawBsonRef, RawDocument};

use super::position::{
    HistoryPosition, HistoryProgress, LARGEST_CLOCK_ERROR_SECONDS, LONGEST_VISIBILITY_DELAY_SECONDS,
    Position, StreamPosition,
};
use crate::feed::copied_message::made_at;
use crate::feed::stream_token::ClusterTime;

/// What tells a message from all others of its partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum MessageMark {
    /// The server's stamp, which is unique.
    Stamped(ClusterTime),
    /// A message of 1.4.2 has none: the bytes of its id, and when it was made.
    Unstamped { id: Vec<u8>, made_at: Option<i64> },
}

impl MessageMark {
    /// Of a stored message.
    pub(super) fn of(document: &RawDocument) -> Self {
        if let Ok(stamp) = document.get_timestamp("_ts") {
            return Self::Stamped(stamp.into());
        }
        let id = document.get("_id").ok().flatten().unwrap_or(RawBsonRef::Undefined);
        let id = bson::rawdoc! { "_id": RawBson::from(id) }.into_bytes();
        Self::Unstamped { id, made_at: made_at(document) }
    }
}

/// What is known about a message that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was never handed over.
    New,
    /// It may have been, by this process or one before.
    Doubtful,
    /// It was.
    Known,
}

/// What has been handed over.
#[derive(Debug)]
pub(super) struct HandedOver {
    /// Of earlier stamps nothing is known.
    since: ClusterTime,
    /// Every later stamp that has been handed over, by whichever process, as far as no pass is complete up to it.
    stamps: BTreeSet<ClusterTime>,
    /// Earlier stamps that this process has handed over, likewise.
    read_again: BTreeSet<ClusterTime>,
    /// Ids of messages of 1.4.2 that were read from the collection and may be read again.
    unstamped: HashSet<Vec<u8>>,
    /// Whether those are all.
    has_all_unstamped: bool,
}

impl HandedOver {
    /// What a process knows that begins at a position.
    pub(super) fn before(position: &Position) -> Self {
        let since = match position {
            Position::Stream(stream) => {
                stream.after.cluster_time().max(stream.doubtful_until.unwrap_or_default())
            }
            Position::History(history) => {
                let read = match history.finished {
                    HistoryProgress::Stamped { after } => after,
                    HistoryProgress::Unstamped { .. } => ClusterTime::default(),
                };
                history.behind.max(read).max(history.doubtful_until.unwrap_or_default())
            }
        };
        let has_all_unstamped = matches!(position, Position::History(history) if history.is_untouched());
        let (stamps, read_again) = (BTreeSet::new(), BTreeSet::new());
        Self { since, stamps, read_again, unstamped: HashSet::new(), has_all_unstamped }
    }

    /// About a message that was read from the collection.
    pub(super) fn in_history(&self, mark: &MessageMark, history: &HistoryPosition) -> Verdict {
        match mark {
            MessageMark::Stamped(stamp) if self.stamps.contains(stamp) || self.read_again.contains(stamp) => {
                Verdict::Known
            }
            MessageMark::Stamped(stamp) if *stamp <= self.since => Verdict::Doubtful,
            MessageMark::Unstamped { id, .. } if self.unstamped.contains(id) => Verdict::Known,
            MessageMark::Unstamped { .. } if is_read_again(history) => Verdict::Doubtful,
            MessageMark::Stamped(_) | MessageMark::Unstamped { .. } => Verdict::New,
        }
    }

    /// About a message that the stream has shown at this time, behind the position.
    pub(super) fn in_stream(&self, mark: &MessageMark, time: ClusterTime, from: &StreamPosition) -> Verdict {
        let is_doubtful = from.doubtful_until.is_some_and(|until| time <= until);
        match mark {
            MessageMark::Stamped(stamp) if from.history_until.is_some_and(|until| *stamp <= until) => {
                Verdict::Known
            }
            MessageMark::Unstamped { id, .. } if self.unstamped.contains(id) => Verdict::Known,
            MessageMark::Unstamped { .. } if from.history_until.is_some() && !self.has_all_unstamped => {
                Verdict::Doubtful
            }
            MessageMark::Stamped(_) | MessageMark::Unstamped { .. } if is_doubtful => Verdict::Doubtful,
            MessageMark::Stamped(_) | MessageMark::Unstamped { .. } => Verdict::New,
        }
    }

    /// A message of the collection was handed over, or is known to have been.
    pub(super) fn note_history(&mut self, mark: MessageMark, history: &HistoryPosition) {
        match mark {
            MessageMark::Stamped(stamp) if history.snapshot && stamp <= self.since => {
                self.read_again.insert(stamp);
            }
            MessageMark::Stamped(stamp) if history.snapshot => self.note_stamp(stamp),
            // In their order, and nothing can come in between any more.
            MessageMark::Stamped(stamp) => self.complete_up_to(stamp),
            MessageMark::Unstamped { id, made_at } => {
                let oldest = history.until.minus_seconds(LARGEST_CLOCK_ERROR_SECONDS).seconds;
                if made_at.is_none_or(|made_at| made_at >= i64::from(oldest)) {
                    self.unstamped.insert(id);
                }
            }
        }
    }

    /// A message of the stream was handed over.
    pub(super) fn note_streamed(&mut self, mark: &MessageMark) {
        if let MessageMark::Stamped(stamp) = mark {
            self.note_stamp(*stamp);
        }
    }

    fn note_stamp(&mut self, stamp: ClusterTime) {
        if stamp > self.since {
            self.stamps.insert(stamp);
        }
    }

    /// What is stamped up to here will not be read again.
    pub(super) fn complete_up_to(&mut self, stamp: ClusterTime) {
        while self.read_again.first().is_some_and(|first| *first <= stamp) {
            self.read_again.pop_first();
        }
        self.since = self.since.max(stamp);
        while self.stamps.first().is_some_and(|first| *first <= self.since) {
            self.stamps.pop_first();
        }
    }

    /// The stream has been read up to an event of this time, which shows nothing that was stamped long before it.
    pub(super) fn complete_up_to_event(&mut self, time: ClusterTime) {
        self.complete_up_to(time.minus_seconds(LONGEST_VISIBILITY_DELAY_SECONDS));
    }

    /// The latest stamp that may have been handed over.
    pub(super) fn latest(&self) -> ClusterTime {
        self.stamps.last().copied().unwrap_or(self.since)
    }

    /// What the next process has to doubt when it goes on behind this stamp.
    pub(super) fn doubtful_behind(&self, stamp: ClusterTime) -> Option<ClusterTime> {
        Some(self.latest()).filter(|latest| *latest > stamp)
    }
}

/// Whether the messages of 1.4.2 are read because of a lost position: their ids do not say what was finished.
fn is_read_again(history: &HistoryPosition) -> bool {
    history.behind > ClusterTime::default() || history.doubtful_until.is_some()
}

#[cfg(test)]
mod tests {
    use bson::{DateTime, Timestamp, oid::ObjectId, rawdoc};

    use super::*;
    use crate::feed::stream_token::StreamToken;

    fn at(seconds: u32) -> ClusterTime {
        ClusterTime { seconds, increment: 1 }
    }

    fn stamped(seconds: u32) -> MessageMark {
        MessageMark::of(&rawdoc! { "_id": 1, "_ts": Timestamp::from(at(seconds)) })
    }

    fn pass(behind: u32, until: u32, snapshot: bool) -> HistoryPosition {
        HistoryPosition {
            behind: at(behind),
            until: at(until),
            snapshot,
            ..HistoryPosition::beginning(at(0))
        }
    }

    #[test]
    fn what_a_process_before_may_have_handled_is_doubtful() {
        let handed = HandedOver::before(&Position::behind(StreamToken::after(at(100))));
        let history = pass(50, 500, false);
        let verdicts = [99, 100, 101].map(|seconds| handed.in_history(&stamped(seconds), &history));
        assert_eq!(verdicts, [Verdict::Doubtful, Verdict::Doubtful, Verdict::New]);
        assert_eq!(handed.doubtful_behind(at(99)), Some(at(100)));
        assert_eq!(handed.doubtful_behind(at(100)), None);
    }

    #[test]
    fn what_this_process_handed_over_is_known() {
        let mut handed = HandedOver::before(&Position::behind(StreamToken::after(at(100))));
        let snapshot = pass(50, 500, true);
        for seconds in [60, 150, 300] {
            handed.note_history(stamped(seconds), &snapshot);
        }
        let verdict = |handed: &HandedOver, seconds| handed.in_history(&stamped(seconds), &snapshot);
        assert_eq!((verdict(&handed, 60), verdict(&handed, 61)), (Verdict::Known, Verdict::Doubtful));
        assert_eq!(verdict(&handed, 150), Verdict::Known);
        assert_eq!(verdict(&handed, 200), Verdict::New);
        assert_eq!(handed.doubtful_behind(at(150)), Some(at(300)));

        handed.complete_up_to(at(200));
        assert_eq!((handed.stamps.len(), handed.read_again.len()), (1, 0));
        assert_eq!(handed.latest(), at(300));
        handed.note_history(stamped(400), &pass(200, 500, false));
        assert_eq!((handed.stamps.len(), handed.latest()), (0, at(400)));
    }

    #[test]
    fn a_crash_within_a_snapshot_leaves_its_part_in_doubt() {
        let read =
            HistoryPosition { finished: HistoryProgress::Stamped { after: at(300) }, ..pass(50, 500, true) };
        let handed = HandedOver::before(&Position::History(read.clone()));
        assert_eq!(handed.in_history(&stamped(300), &read), Verdict::Doubtful);
        assert_eq!(handed.in_history(&stamped(301), &read), Verdict::New);
    }

    #[test]
    fn the_stream_repeats_what_the_history_gave() {
        let handed = HandedOver::before(&Position::behind(StreamToken::after(at(500))));
        let stream = StreamPosition::behind_history(at(500));
        assert_eq!(handed.in_stream(&stamped(500), at(501), &stream), Verdict::Known);
        assert_eq!(handed.in_stream(&stamped(501), at(502), &stream), Verdict::New);
        let doubtful = StreamPosition { doubtful_until: Some(at(510)), ..stream };
        assert_eq!(handed.in_stream(&stamped(501), at(510), &doubtful), Verdict::Doubtful);
        assert_eq!(handed.in_stream(&stamped(501), at(511), &doubtful), Verdict::New);
    }

    #[test]
    fn messages_of_1_4_2_are_known_by_their_ids() {
        let unstamped = |seconds| {
            let id = ObjectId::from_parts(seconds, [0; 5], [0; 3]);
            let date = DateTime::from_millis(i64::from(seconds) * 1000);
            MessageMark::of(&rawdoc! { "_id": id, "_timestamp": date })
        };
        let beginning = HistoryPosition::beginning(at(2000));
        let position = Position::History(beginning.clone());
        let mut handed = HandedOver::before(&position);
        let stream = StreamPosition::behind_history(beginning.until);
        for seconds in [5, 1900] {
            assert_eq!(handed.in_history(&unstamped(seconds), &beginning), Verdict::New);
            handed.note_history(unstamped(seconds), &beginning);
        }
        assert_eq!(handed.unstamped.len(), 1, "what is too old to come again is not remembered");
        assert_eq!(handed.in_stream(&unstamped(1900), at(1901), &stream), Verdict::Known);
        assert_eq!(handed.in_stream(&unstamped(1901), at(1902), &stream), Verdict::New);

        let restarted = HandedOver::before(&Position::Stream(stream.clone()));
        assert_eq!(restarted.in_stream(&unstamped(1901), at(1902), &stream), Verdict::Doubtful);
        let again = pass(1000, 2000, false);
        assert_eq!(restarted.in_history(&unstamped(1901), &again), Verdict::Doubtful);
    }
}
