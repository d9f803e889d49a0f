//! Where a member begins in a partition. Pure.

use super::position::Position;
use crate::feed::stream_token::{ClusterTime, StreamToken};

/// A message becomes visible at most this long after the server stamped it: a transaction lives 60 seconds, and the
/// server looks for those that are over once in 30. What was stamped earlier than this before now will not grow.
const LONGEST_VISIBILITY_DELAY_SECONDS: u32 = 120;

/// The position to begin at. `stored` is what the group committed, `now` the deployment's time at the subscription.
///
/// `fromBeginning` is for groups that have no offset yet: a restart goes on where the group was.
pub(super) fn choose(stored: Option<Position>, from_beginning: bool, now: ClusterTime) -> Position {
    match stored {
        Some(position) => position,
        None if from_beginning => Position::beginning(now.minus_seconds(LONGEST_VISIBILITY_DELAY_SECONDS)),
        None => Position::Stream { after: StreamToken::after(now) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::position::{HistoryPosition, HistoryProgress};

    const NOW: ClusterTime = ClusterTime { seconds: 1_000_000, increment: 7 };

    #[test]
    fn a_committed_position_wins() {
        let stored = Position::Stream { after: StreamToken::after(ClusterTime { seconds: 5, increment: 1 }) };
        assert_eq!(choose(Some(stored.clone()), true, NOW), stored);
        assert_eq!(choose(Some(stored.clone()), false, NOW), stored);
    }

    #[test]
    fn a_new_group_begins_now_or_at_the_beginning() {
        assert_eq!(choose(None, false, NOW), Position::Stream { after: StreamToken::after(NOW) });
        let Position::History(HistoryPosition { finished, until }) = choose(None, true, NOW) else {
            panic!("history expected")
        };
        assert_eq!(finished, HistoryProgress::Unstamped { after: None });
        assert_eq!(until, ClusterTime { seconds: 999_880, increment: 7 });
    }
}
