//! What happens to a message whose handler failed. Pure: the randomness comes from the caller.

use std::time::Duration;

use crate::config::RetryBackoff;

/// How often and when a failed message is tried again.
#[derive(Debug, Clone, Copy)]
pub(super) struct RetryPolicy {
    /// Attempts after the first one.
    pub(super) max_retries: u32,
    /// Wait before the second attempt.
    pub(super) retry_delay: Duration,
    /// How the wait grows.
    pub(super) backoff: RetryBackoff,
    /// Where it stops growing.
    pub(super) max_retry_delay: Duration,
}

/// The decision after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterFailure {
    /// Try again after this time; what has to stay in order behind the message waits.
    Retry(Duration),
    /// The attempts are used up, or the user's `retryIf` said no: to the dead letters.
    GiveUp,
}

impl RetryPolicy {
    /// `failed_attempts` counts the one that has just failed. `random` is any number.
    pub(super) fn after_failure(&self, failed_attempts: u32, may_retry: bool, random: u32) -> AfterFailure {
        if !may_retry || failed_attempts > self.max_retries {
            return AfterFailure::GiveUp;
        }
        AfterFailure::Retry(self.delay(failed_attempts, random))
    }

    /// The wait after so many failed attempts.
    pub(super) fn delay(&self, failed_attempts: u32, random: u32) -> Duration {
        match self.backoff {
            RetryBackoff::Fixed => self.retry_delay,
            RetryBackoff::Exponential => self.grown_delay(failed_attempts, random),
        }
    }

    /// Doubled after each failure, spread between half and the whole: many messages that failed together, as when a
    /// service behind the handler was down, must not come back together.
    fn grown_delay(&self, failed_attempts: u32, random: u32) -> Duration {
        let doublings = failed_attempts.saturating_sub(1).min(31);
        let whole = self.retry_delay.saturating_mul(1 << doublings).min(self.max_retry_delay);
        whole / 2 + (whole / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(backoff: RetryBackoff) -> RetryPolicy {
        RetryPolicy {
            max_retries: 5,
            retry_delay: Duration::from_millis(100),
            backoff,
            max_retry_delay: Duration::from_millis(700),
        }
    }

    #[test]
    fn retries_as_often_as_allowed() {
        let delay = Duration::from_millis(100);
        let policy = |max_retries| RetryPolicy { max_retries, ..policy(RetryBackoff::Fixed) };
        assert_eq!(policy(0).after_failure(1, true, 9), AfterFailure::GiveUp);
        assert_eq!(policy(2).after_failure(1, true, 9), AfterFailure::Retry(delay));
        assert_eq!(policy(2).after_failure(2, true, 9), AfterFailure::Retry(delay));
        assert_eq!(policy(2).after_failure(3, true, 9), AfterFailure::GiveUp);
        assert_eq!(policy(2).after_failure(1, false, 9), AfterFailure::GiveUp);
    }

    #[test]
    fn the_delay_doubles_up_to_its_limit() {
        let delays = |random| {
            [1, 2, 3, 4, 5]
                .map(|failed| policy(RetryBackoff::Exponential).after_failure(failed, true, random))
        };
        let milliseconds = |all: [u64; 5]| all.map(|ms| AfterFailure::Retry(Duration::from_millis(ms)));
        assert_eq!(delays(u32::MAX), milliseconds([100, 200, 400, 700, 700]));
        assert_eq!(delays(0), milliseconds([50, 100, 200, 350, 350]));
    }

    #[test]
    fn many_failures_do_not_overflow() {
        let patient = RetryPolicy { max_retries: 1000, ..policy(RetryBackoff::Exponential) };
        assert_eq!(
            patient.after_failure(1000, true, u32::MAX),
            AfterFailure::Retry(Duration::from_millis(700))
        );
    }
}
