//! One delivery in the hands of user code: which messages, how far, and until when it may take. Pure.

use std::time::Duration;

use super::key_lanes::{LaneKey, Taken};
use super::record_handler::PROGRESS_INTERVAL;
use crate::dead_letter::FailedAttempt;
use crate::runtime::clock::Instant;

/// How long a handler may go on after it was asked to end.
const ABORT_GRACE: Duration = Duration::from_secs(5);

/// A message whose attempt failed, and what follows.
pub(super) struct Failure {
    /// Index in the delivery.
    pub(super) index: usize,
    pub(super) attempt: FailedAttempt,
    pub(super) may_retry: bool,
}

enum Phase {
    /// It is being noted that the attempts begin.
    Preparing,
    /// User code runs; it is overdue at this moment.
    Handling(Instant),
    /// User code was asked to end, and is given up at this moment.
    TimedOut(Instant),
    /// User code was given up; its report comes at once.
    Abandoned,
    /// The user is being told of failures.
    Telling,
}

/// What has to be done about a delivery that takes too long.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    TimedOut,
    Abandoned,
}

/// A delivery that has not ended.
pub(super) struct RunningDelivery {
    /// Numbers of its messages.
    pub(super) messages: Vec<u64>,
    /// Lanes that are busy with it.
    pub(super) lanes: Vec<LaneKey>,
    /// So many of them, from the first, are finished.
    pub(super) handled: usize,
    /// Failures that the user has not been told of; the first one is being told.
    pub(super) untold: Vec<Failure>,
    /// Failures that he has been told of, by message, with the wait before the next attempt; `None`: no other follows.
    pub(super) told: Vec<(u64, Option<Duration>)>,
    timeout: Duration,
    phase: Phase,
}

impl RunningDelivery {
    pub(super) fn preparing(taken: Taken, timeout: Duration) -> Self {
        let Taken { messages, lanes } = taken;
        Self {
            messages,
            lanes,
            handled: 0,
            untold: Vec::new(),
            told: Vec::new(),
            timeout,
            phase: Phase::Preparing,
        }
    }

    pub(super) fn is_preparing(&self) -> bool {
        matches!(self.phase, Phase::Preparing)
    }

    /// User code is called now. Progress is reported with a delay, which is not its fault.
    pub(super) fn begin(&mut self, now: Instant) {
        self.phase = Phase::Handling(now + self.timeout + PROGRESS_INTERVAL);
    }

    /// A message was finished: the time of the next one begins.
    pub(super) fn progressed(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Abandoned) {
            self.begin(now);
        }
    }

    /// User code has ended; the user is told of the failures.
    pub(super) fn failed(&mut self, failures: Vec<Failure>) {
        self.untold = failures;
        self.phase = Phase::Telling;
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Handling(deadline) | Phase::TimedOut(deadline) => Some(deadline),
            Phase::Preparing | Phase::Abandoned | Phase::Telling => None,
        }
    }

    /// What has to be done now about the time that it takes.
    pub(super) fn check_deadline(&mut self, now: Instant) -> Option<Overdue> {
        match self.phase {
            Phase::Handling(deadline) if deadline <= now => {
                self.phase = Phase::TimedOut(now + ABORT_GRACE);
                Some(Overdue::TimedOut)
            }
            Phase::TimedOut(deadline) if deadline <= now => {
                self.phase = Phase::Abandoned;
                Some(Overdue::Abandoned)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::clock;

    fn two_messages() -> RunningDelivery {
        let taken = Taken { messages: vec![1, 2], lanes: vec![LaneKey::Partition] };
        RunningDelivery::preparing(taken, Duration::from_secs(1))
    }

    #[test]
    fn is_asked_to_end_then_given_up() {
        let now = clock::now();
        let mut delivery = two_messages();
        assert_eq!((delivery.deadline(), delivery.check_deadline(now)), (None, None));
        delivery.begin(now);
        let late = now + Duration::from_secs(1) + PROGRESS_INTERVAL;
        assert_eq!(delivery.deadline(), Some(late));
        assert_eq!(delivery.check_deadline(now), None);
        assert_eq!(delivery.check_deadline(late), Some(Overdue::TimedOut));
        assert_eq!(delivery.check_deadline(late), None);
        assert_eq!(delivery.check_deadline(late + ABORT_GRACE), Some(Overdue::Abandoned));
        delivery.progressed(late + ABORT_GRACE);
        assert_eq!((delivery.deadline(), delivery.check_deadline(late + ABORT_GRACE)), (None, None));
    }

    #[test]
    fn progress_begins_the_time_anew() {
        let now = clock::now();
        let mut delivery = two_messages();
        delivery.begin(now);
        let later = now + Duration::from_secs(2);
        assert_eq!(delivery.check_deadline(later), Some(Overdue::TimedOut));
        delivery.progressed(later);
        assert_eq!(delivery.check_deadline(later + Duration::from_millis(900)), None);
        delivery.failed(Vec::new());
        assert_eq!(delivery.deadline(), None);
    }
}
