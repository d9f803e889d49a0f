//! After owners that ended without releasing the partition: which of its messages ended them? Pure.
//!
//! While caution holds, each message is a delivery of its own, and it is noted before each attempt that it begins. So a
//! message that kills its process is known by the next owner, and its attempts are counted. The first one may have
//! killed the process unseen, and others were being handled when it did: so more than one attempt has to have ended in
//! this way, and the last one alone among all that are under suspicion.

use bson::DateTime;

use crate::dead_letter::{FailedAttempt, HandlerError};
use crate::error_code::ErrorCode;

/// Messages that may have been in the hands of the owner that ended: what one delivery holds.
const AFTER_ONE_END: u64 = 256;
/// With rare commits the killer stands further away; looking twice as far after each end finds it anyway.
const MOST_DOUBLINGS: u32 = 16;
/// A message is given up for ending its process no sooner than at the third time: processes end for other reasons
/// too, and somebody's message was in hand each time.
const FEWEST_INTERRUPTIONS: usize = 3;

/// How many messages are still handed out with caution.
#[derive(Debug)]
pub(super) struct Caution {
    remaining: u64,
}

impl Caution {
    /// After so many owners in a row that did not release the partition.
    pub(super) fn after(unclean_ends: u32) -> Self {
        let remaining = match unclean_ends {
            0 => 0,
            ends => AFTER_ONE_END << (ends - 1).min(MOST_DOUBLINGS),
        };
        Self { remaining }
    }

    pub(super) fn holds(&self) -> bool {
        self.remaining > 0
    }

    /// A message was finished. `true` when it was the last one that needed caution.
    pub(super) fn finished_one(&mut self) -> bool {
        let held = self.holds();
        self.remaining = self.remaining.saturating_sub(1);
        held && !self.holds()
    }
}

/// An attempt of which nothing is known but that it began is what the process did not survive.
pub(super) fn interruption(at: DateTime) -> FailedAttempt {
    let error = HandlerError {
        name: ErrorCode::HandlerInterrupted.as_str().to_owned(),
        message: "the process ended, or lost the partition, while the handler was running".to_owned(),
        stack: None,
    };
    FailedAttempt { error, at }
}

/// How many of these attempts ended with their owner.
pub(super) fn interruptions(attempts: &[FailedAttempt]) -> usize {
    let name = ErrorCode::HandlerInterrupted.as_str();
    attempts.iter().filter(|attempt| attempt.error.name == name).count()
}

/// Another interruption may be the last one of a message with so many: it has to be sure that this message is to
/// blame, so no other one under suspicion is handled at the same time.
pub(super) fn is_suspect(interruptions: usize) -> bool {
    interruptions + 1 >= FEWEST_INTERRUPTIONS
}

/// Whether a message gets no other attempt, because of owners that did not survive the ones before.
pub(super) fn is_used_up(interruptions: usize, failed_attempts: u32, max_retries: u32) -> bool {
    interruptions >= FEWEST_INTERRUPTIONS && failed_attempts > max_retries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_further_after_each_end() {
        assert!(!Caution::after(0).holds());
        assert_eq!([1, 2, 3].map(|ends| Caution::after(ends).remaining), [256, 512, 1024]);
        assert_eq!(Caution::after(u32::MAX).remaining, 256 << 16);
    }

    #[test]
    fn ends_once() {
        let mut caution = Caution { remaining: 2 };
        assert_eq!([(); 4].map(|()| caution.finished_one()), [false, true, false, false]);
        assert!(!caution.holds());
    }

    #[test]
    fn three_interruptions_are_needed_and_all_attempts() {
        let mut attempts = vec![interruption(DateTime::from_millis(1)); 3];
        attempts[1].error.name = "TypeError".to_owned();
        assert_eq!(interruptions(&attempts), 2);
        assert_eq!([0, 1, 2, 3].map(is_suspect), [false, false, true, true]);
        assert_eq!([2, 3].map(|interruptions| is_used_up(interruptions, 3, 0)), [false, true]);
        assert_eq!([3, 4].map(|failed| is_used_up(3, failed, 3)), [false, true]);
    }
}
