//! Where a member begins in a partition. Pure.

use super::position::{HistoryPosition, LONGEST_VISIBILITY_DELAY_SECONDS, Position, StreamPosition};
use crate::feed::stream_token::{ClusterTime, StreamToken};

/// What is known when a member begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct StartFacts {
    /// Whether a group without an offset begins with the oldest message.
    pub(super) from_beginning: bool,
    /// Since when the group has been reading the topic, if it has an offset in any partition.
    pub(super) group_birth: Option<ClusterTime>,
    /// The deployment's time after the partition was claimed.
    pub(super) now: ClusterTime,
}

/// The position to begin at. `stored` is what the group committed.
///
/// `fromBeginning` is for partitions in which the group has no offset yet: a restart goes on where the group was.
pub(super) fn choose(stored: Option<&Position>, facts: StartFacts) -> Position {
    let StartFacts { from_beginning, group_birth, now } = facts;
    match stored {
        Some(position) if position.is_later_than(now) => everything_in_doubt(now),
        Some(Position::History(history)) => Position::History(updated(history, now)),
        Some(Position::Stream(stream)) => Position::Stream(stream.clone()),
        None if from_beginning => Position::beginning(now),
        None => {
            group_birth.map_or_else(|| Position::behind(StreamToken::after(now)), |birth| since(birth, now))
        }
    }
}

/// The position comes from another deployment, or from a time that this one has lost. It tells nothing about what was
/// handled here.
fn everything_in_doubt(now: ClusterTime) -> Position {
    Position::History(HistoryPosition { doubtful_until: Some(now), ..HistoryPosition::beginning(now) })
}

/// The partition is new to a group that exists, or somebody has deleted its offset: everything that was sent since the
/// group began is the group's, and may have been handled.
fn since(birth: ClusterTime, now: ClusterTime) -> Position {
    let stream =
        StreamPosition { after: StreamToken::after(birth), history_until: None, doubtful_until: Some(now) };
    Position::Stream(stream.at(stream.after.clone()))
}

/// While nothing has been read, reading may go as far as it may now.
fn updated(history: &HistoryPosition, now: ClusterTime) -> HistoryPosition {
    let settled = now.minus_seconds(LONGEST_VISIBILITY_DELAY_SECONDS);
    let until = if history.is_untouched() { history.until.max(settled) } else { history.until };
    let doubtful_until = history.doubtful_until.map(|doubtful| doubtful.min(now));
    HistoryPosition { until, doubtful_until, ..history.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::position::HistoryProgress;

    const NOW: ClusterTime = ClusterTime { seconds: 1_000_000, increment: 7 };

    fn facts(from_beginning: bool) -> StartFacts {
        StartFacts { from_beginning, group_birth: None, now: NOW }
    }

    fn stream(time: ClusterTime) -> Position {
        Position::behind(StreamToken::after(time))
    }

    fn history(position: Position) -> HistoryPosition {
        match position {
            Position::History(history) => history,
            Position::Stream(stream) => panic!("history expected, not {stream:?}"),
        }
    }

    #[test]
    fn a_committed_position_wins() {
        for time in [ClusterTime { seconds: 5, increment: 1 }, NOW] {
            let stored = stream(time);
            assert_eq!(choose(Some(&stored), facts(true)), stored);
            let born = StartFacts { group_birth: Some(ClusterTime::default()), ..facts(false) };
            assert_eq!(choose(Some(&stored), born), stored);
        }
    }

    #[test]
    fn a_new_group_begins_now_or_at_the_beginning() {
        assert_eq!(choose(None, facts(false)), stream(NOW));
        let chosen = history(choose(None, facts(true)));
        assert!(chosen.is_beginning() && chosen.doubtful_until.is_none());
        assert_eq!(chosen.until, ClusterTime { seconds: 999_880, increment: 7 });
    }

    #[test]
    fn a_group_that_exists_begins_at_its_birth() {
        let birth = NOW.minus_seconds(5000);
        let born = StartFacts { group_birth: Some(birth), ..facts(false) };
        let Position::Stream(chosen) = choose(None, born) else { panic!("stream expected") };
        assert_eq!((chosen.after, chosen.doubtful_until), (StreamToken::after(birth), Some(NOW)));
        let born = StartFacts { from_beginning: true, ..born };
        assert!(history(choose(None, born)).is_beginning());
        let just_now = StartFacts { group_birth: Some(NOW), ..facts(false) };
        assert_eq!(choose(None, just_now), stream(NOW));
    }

    #[test]
    fn a_position_of_the_future_is_from_elsewhere() {
        let foreign_history = HistoryPosition::beginning(NOW.next().minus_seconds(0));
        let later = HistoryPosition { behind: NOW.next(), ..foreign_history };
        for stored in [stream(NOW.next()), Position::History(later)] {
            let chosen = history(choose(Some(&stored), facts(false)));
            assert!(chosen.is_beginning());
            assert_eq!(chosen.doubtful_until, Some(NOW));
        }
    }

    #[test]
    fn an_untouched_history_is_read_as_far_as_now() {
        let old = HistoryPosition {
            behind: NOW.minus_seconds(9000),
            until: NOW.minus_seconds(9000),
            doubtful_until: Some(NOW.next()),
            ..HistoryPosition::beginning(NOW)
        };
        let chosen = history(choose(Some(&Position::History(old.clone())), facts(false)));
        assert_eq!((chosen.behind, chosen.doubtful_until), (old.behind, Some(NOW)));
        assert_eq!(chosen.until, NOW.minus_seconds(120));
        let begun = HistoryPosition { finished: HistoryProgress::Stamped { after: old.behind }, ..old };
        assert_eq!(history(choose(Some(&Position::History(begun.clone())), facts(false))).until, begun.until);
    }
}
