//! What happens to a message whose handler failed. Pure.

use std::time::Duration;

/// How often and when a failed message is tried again.
#[derive(Debug, Clone, Copy)]
pub(super) struct RetryPolicy {
    /// Attempts after the first one.
    pub(super) max_retries: u32,
    /// Wait before each of them.
    pub(super) retry_delay: Duration,
}

/// The decision after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterFailure {
    /// Try again after this time; later messages of the partition wait.
    Retry(Duration),
    /// The attempts are used up: to the dead letters.
    GiveUp,
}

impl RetryPolicy {
    /// `failed_attempts` counts the one that has just failed.
    pub(super) fn after_failure(self, failed_attempts: usize) -> AfterFailure {
        let allowed = usize::try_from(self.max_retries).unwrap_or(usize::MAX);
        if failed_attempts <= allowed { AfterFailure::Retry(self.retry_delay) } else { AfterFailure::GiveUp }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_as_often_as_allowed() {
        let delay = Duration::from_millis(5);
        let policy = |max_retries| RetryPolicy { max_retries, retry_delay: delay };
        assert_eq!(policy(0).after_failure(1), AfterFailure::GiveUp);
        assert_eq!(policy(2).after_failure(1), AfterFailure::Retry(delay));
        assert_eq!(policy(2).after_failure(2), AfterFailure::Retry(delay));
        assert_eq!(policy(2).after_failure(3), AfterFailure::GiveUp);
    }
}
