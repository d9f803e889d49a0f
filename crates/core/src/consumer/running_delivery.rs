//! One delivery in the hands of user code: which messages, how far, and until when it may take. Pure.

use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use super::key_lanes::{LaneKey, Taken};
use super::record_handler::{DeliveryReport, PROGRESS_INTERVAL};
use crate::runtime::clock::Instant;

/// How long a handler may go on after it was asked to end.
const ABORT_GRACE: Duration = Duration::from_secs(5);

/// A message whose attempt failed, and what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// Index in the delivery.
    pub(super) index: usize,
    /// Number of the message.
    pub(super) number: u64,
    /// Failed attempts so far.
    pub(super) attempt: u32,
    /// The wait before the next attempt; `None`: no other follows.
    pub(super) retry_after: Option<Duration>,
}

/// What is going on.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// It waits for its turn, or it is being noted that the attempts begin.
    Preparing,
    /// User code runs; at the given moment it is overdue.
    Handling(Instant),
    /// User code was asked to end; at the given moment it is given up.
    TimedOut(Instant),
    /// User code was given up; if its report has not come by the given moment, that is said again.
    Abandoned(Instant),
    /// The user is being told of failures, of one until the given moment.
    Telling(Instant),
}

/// What has to be done about a delivery that takes too long.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// The handler is asked to end.
    TimedOut,
    /// The handler is given up.
    Abandoned,
    /// The error handler is not waited for any longer.
    Untold,
}

/// A delivery that has not ended.
pub(super) struct RunningDelivery {
    /// Numbers of its messages.
    pub(super) messages: Vec<u64>,
    /// Lanes that are busy with it.
    pub(super) lanes: Vec<LaneKey>,
    /// So many of them, from the first, are finished.
    pub(super) handled: usize,
    /// What failed.
    failures: Vec<Failure>,
    /// Failures of which the user has been told, or is being told.
    told: usize,
    /// Held while no other message under suspicion may be handled.
    pub(super) turn: Option<OwnedSemaphorePermit>,
    timeout: Duration,
    phase: Phase,
    makes_way: bool,
}

impl RunningDelivery {
    pub(super) fn preparing(taken: Taken, timeout: Duration) -> Self {
        let Taken { messages, lanes } = taken;
        Self {
            messages,
            lanes,
            handled: 0,
            failures: Vec::new(),
            told: 0,
            turn: None,
            timeout,
            phase: Phase::Preparing,
            makes_way: false,
        }
    }

    pub(super) fn is_preparing(&self) -> bool {
        matches!(self.phase, Phase::Preparing)
    }

    /// User code runs, and was not given up.
    pub(super) fn is_handling(&self) -> bool {
        matches!(self.phase, Phase::Handling(_) | Phase::TimedOut(_))
    }

    /// User code is called now. Progress is reported with a delay, which is not its fault.
    pub(super) fn begin(&mut self, now: Instant) {
        self.phase = Phase::Handling(now + self.timeout + PROGRESS_INTERVAL);
    }

    /// A message was finished: the time of the next one begins. A call that has ended before it could be told that it
    /// was given up was not.
    pub(super) fn progressed(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Handling(_) | Phase::TimedOut(_) | Phase::Abandoned(_)) {
            self.begin(now);
        }
    }

    /// Whether it can end early, so that another lane gets its place. Answers yes once.
    pub(super) fn makes_way(&mut self) -> bool {
        let can = matches!(self.phase, Phase::Handling(_)) && self.messages.len() - self.handled > 1;
        can && !std::mem::replace(&mut self.makes_way, true)
    }

    /// Whether it was asked to end early, and has not.
    pub(super) fn is_making_way(&self) -> bool {
        self.makes_way
    }

    /// User code has ended; the user is told of the failures.
    pub(super) fn failed(&mut self, failures: Vec<Failure>, now: Instant) {
        self.failures = failures;
        self.phase = Phase::Telling(now + self.timeout);
    }

    /// The next failure of which the user is to be told, and whether it is the last one.
    pub(super) fn next_to_tell(&mut self, now: Instant) -> Option<(Failure, bool)> {
        let failure = self.failures.get(self.told)?.clone();
        self.told += 1;
        self.phase = Phase::Telling(now + self.timeout);
        Some((failure, self.told == self.failures.len()))
    }

    pub(super) fn into_failures(self) -> (Vec<Failure>, Vec<LaneKey>) {
        (self.failures, self.lanes)
    }

    /// Whether this can be true of it now. What user code comes to after it was given up is not heard.
    pub(super) fn expects(&self, report: &DeliveryReport) -> bool {
        match self.phase {
            Phase::Preparing => false,
            Phase::Handling(_) | Phase::TimedOut(_) | Phase::Abandoned(_) => {
                !matches!(report, DeliveryReport::ErrorHandlerFinished)
            }
            Phase::Telling(_) => {
                matches!(report, DeliveryReport::ErrorHandlerFinished | DeliveryReport::Gone)
            }
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Handling(deadline)
            | Phase::TimedOut(deadline)
            | Phase::Abandoned(deadline)
            | Phase::Telling(deadline) => Some(deadline),
            Phase::Preparing => None,
        }
    }

    /// What has to be done now about the time that it takes.
    pub(super) fn check_deadline(&mut self, now: Instant) -> Option<Overdue> {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return None;
        }
        match self.phase {
            Phase::Handling(_) => {
                self.phase = Phase::TimedOut(now + ABORT_GRACE);
                Some(Overdue::TimedOut)
            }
            Phase::TimedOut(_) | Phase::Abandoned(_) => {
                self.phase = Phase::Abandoned(now + ABORT_GRACE);
                Some(Overdue::Abandoned)
            }
            Phase::Telling(_) => Some(Overdue::Untold),
            Phase::Preparing => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod states;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::clock;

    const SECOND: Duration = Duration::from_secs(1);

    fn two_messages() -> RunningDelivery {
        let taken = Taken { messages: vec![1, 2], lanes: vec![LaneKey::Partition] };
        RunningDelivery::preparing(taken, SECOND)
    }

    fn failure(index: usize) -> Failure {
        Failure { index, number: index as u64 + 1, attempt: 1, retry_after: None }
    }

    #[test]
    fn is_asked_to_end_then_given_up() {
        let now = clock::now();
        let mut delivery = two_messages();
        assert_eq!((delivery.deadline(), delivery.check_deadline(now)), (None, None));
        delivery.begin(now);
        let late = now + SECOND + PROGRESS_INTERVAL;
        assert_eq!(delivery.deadline(), Some(late));
        assert_eq!(delivery.check_deadline(now), None);
        assert_eq!(delivery.check_deadline(late), Some(Overdue::TimedOut));
        assert_eq!(delivery.check_deadline(late), None);
        assert_eq!(delivery.check_deadline(late + ABORT_GRACE), Some(Overdue::Abandoned));
        assert_eq!(delivery.check_deadline(late + ABORT_GRACE), None);
        assert_eq!(delivery.check_deadline(late + 2 * ABORT_GRACE), Some(Overdue::Abandoned));
    }

    /// The event loop was blocked, say: the call ended, and what was said of it was heard during the next one.
    #[test]
    fn a_call_that_ended_before_it_was_given_up_was_not() {
        let now = clock::now();
        let mut delivery = two_messages();
        delivery.begin(now);
        let later = now + Duration::from_mins(1);
        assert_eq!(delivery.check_deadline(later), Some(Overdue::TimedOut));
        assert_eq!(delivery.check_deadline(later + ABORT_GRACE), Some(Overdue::Abandoned));
        delivery.progressed(later + ABORT_GRACE);
        assert_eq!(delivery.deadline(), Some(later + ABORT_GRACE + SECOND + PROGRESS_INTERVAL));
        assert!(delivery.expects(&DeliveryReport::Done));
    }

    #[test]
    fn progress_begins_the_time_anew() {
        let now = clock::now();
        let mut delivery = two_messages();
        delivery.begin(now);
        let later = now + 2 * SECOND;
        assert_eq!(delivery.check_deadline(later), Some(Overdue::TimedOut));
        delivery.progressed(later);
        assert_eq!(delivery.check_deadline(later + Duration::from_millis(900)), None);
    }

    #[test]
    fn the_user_is_told_one_by_one_each_within_its_time() {
        let now = clock::now();
        let mut delivery = two_messages();
        delivery.begin(now);
        delivery.failed(vec![failure(0), failure(1)], now);
        assert_eq!(delivery.next_to_tell(now), Some((failure(0), false)));
        let later = now + SECOND / 2;
        assert_eq!(delivery.next_to_tell(later), Some((failure(1), true)));
        assert_eq!(delivery.check_deadline(now + SECOND), None);
        assert_eq!(delivery.check_deadline(later + SECOND), Some(Overdue::Untold));
        assert_eq!(delivery.next_to_tell(later), None);
        assert_eq!(delivery.into_failures().0, [failure(0), failure(1)]);
    }

    #[test]
    fn hears_only_what_can_be_true() {
        let now = clock::now();
        let mut delivery = two_messages();
        let expected = |delivery: &RunningDelivery| {
            [DeliveryReport::Done, DeliveryReport::ErrorHandlerFinished, DeliveryReport::Gone]
                .map(|report| delivery.expects(&report))
        };
        assert_eq!(expected(&delivery), [false, false, false]);
        delivery.begin(now);
        assert_eq!(expected(&delivery), [true, false, true]);
        delivery.failed(vec![failure(0)], now);
        assert_eq!(expected(&delivery), [false, true, true]);
    }

    #[test]
    fn makes_way_once_and_only_with_more_to_do() {
        let mut delivery = two_messages();
        assert!(!delivery.makes_way());
        delivery.begin(clock::now());
        assert!(delivery.makes_way() && delivery.is_making_way() && !delivery.makes_way());
        let mut last = two_messages();
        last.begin(clock::now());
        last.handled = 1;
        assert!(!last.makes_way());
    }
}
