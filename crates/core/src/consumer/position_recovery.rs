//! How a partition goes on when the stream cannot be read from its position: by passes over the stored messages, until
//! the stream can take over. Pure.
//!
//! An *ordinary* pass reads what was stamped more than [`LONGEST_VISIBILITY_DELAY_SECONDS`] ago, which does not change
//! any more; its place can be stored and gone on from at any time. The stream goes on where it ends, if the oplog
//! reaches back so far. If not, a pass over a *snapshot* reads up to the present, and the stream goes on behind that.

use super::handed_over::HandedOver;
use super::position::{
    HistoryPosition, HistoryProgress, LONGEST_VISIBILITY_DELAY_SECONDS, Position, StreamPosition,
};
use crate::feed::stream_token::{ClusterTime, StreamToken};

/// If an ordinary pass would bring less than this, the oplog is too short for the stream to go on behind it: then only
/// a snapshot helps.
const SHORTEST_ORDINARY_PASS_SECONDS: u32 = 30;

/// The first pass after the stream could not be read from `position`, or the snapshot that `position` was in is gone.
pub(super) fn after_loss(position: &Position, handed: &HandedOver, now: ClusterTime) -> HistoryPosition {
    let complete_until = match position {
        // An event shows nothing that was stamped so long before it.
        Position::Stream(stream) => stream
            .after
            .cluster_time()
            .minus_seconds(LONGEST_VISIBILITY_DELAY_SECONDS)
            .max(stream.history_until.unwrap_or_default()),
        Position::History(history) => history.complete_until(),
    };
    pass_behind(complete_until, handed, now)
}

/// The same pass after its messages of 1.4.2, which have all been read by now. An ordinary one then ends later, so that
/// the stream still tells apart what was inserted before and read: its event is not later than now.
pub(super) fn after_unstamped(pass: &HistoryPosition, now: ClusterTime) -> HistoryPosition {
    let settled = now.minus_seconds(LONGEST_VISIBILITY_DELAY_SECONDS).next();
    let until = if pass.snapshot { pass.until } else { pass.until.max(settled) };
    HistoryPosition { finished: HistoryProgress::Stamped { after: pass.behind }, until, ..pass.clone() }
}

/// Where to go on after everything of a pass has been handed over, which `handed` has been told.
pub(super) fn after_pass(pass: &HistoryPosition, handed: &HandedOver, now: ClusterTime) -> Position {
    if pass.snapshot {
        // Whatever was visible at that time has been read, whenever it was stamped.
        return Position::behind(StreamToken::after(pass.until));
    }
    if handed.latest() > pass.until {
        // The stream would show messages again that were handed over, and not say which.
        return Position::History(pass_behind(pass.until, handed, now));
    }
    Position::Stream(StreamPosition::behind_history(pass.until))
}

fn pass_behind(behind: ClusterTime, handed: &HandedOver, now: ClusterTime) -> HistoryPosition {
    let settled = now.minus_seconds(LONGEST_VISIBILITY_DELAY_SECONDS);
    let snapshot = settled.minus_seconds(SHORTEST_ORDINARY_PASS_SECONDS) < behind;
    HistoryPosition {
        behind,
        finished: HistoryProgress::Unstamped { after: None },
        until: if snapshot { now } else { settled },
        snapshot,
        doubtful_until: handed.doubtful_behind(behind),
    }
}

#[cfg(test)]
mod tests;
