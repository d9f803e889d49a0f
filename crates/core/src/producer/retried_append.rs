//! An append is tried again until the deadline of its messages, as long as that may help. The ids stay the same, so what
//! is stored already is found.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::error_code::{Effect, ErrorCode};
use crate::observe::log::Logger;
use crate::runtime::backoff::Backoff;
use crate::runtime::clock::{self, Instant};
use crate::runtime::random;

const RETRY_AFTER: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// What is appended, and how long it may take.
pub(super) struct RetriedAppend<'a> {
    /// For errors and the log: `send to …`.
    pub(super) what: &'a str,
    pub(super) deadline: Instant,
    pub(super) logger: &'a Logger,
}

impl RetriedAppend<'_> {
    /// `append` is told whether an earlier try may have stored something.
    pub(super) async fn run<T, F>(&self, append: impl Fn(Effect) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let mut backoff = Backoff::new(RETRY_AFTER.0, RETRY_AFTER.1);
        let mut effect = Effect::None;
        loop {
            let remaining = self.deadline.saturating_duration_since(clock::now());
            let error = match clock::timeout(remaining, append(effect)).await {
                Some(Ok(appended)) => return Ok(appended),
                Some(Err(error)) => error,
                None => return Err(self.timed_out(Effect::Possible)),
            };
            if error.effect() == Effect::Possible {
                effect = Effect::Possible;
            }
            if !error.is_retryable() {
                return Err(error.with_effect(effect));
            }
            let delay = backoff.next_delay(random::next_u32());
            if clock::now() + delay >= self.deadline {
                return Err(self.timed_out(effect).caused_by(format!("{error:?}")));
            }
            let what = self.what;
            self.logger.warn(|| format!("{what} failed, next try in {} ms: {error:?}", delay.as_millis()));
            clock::sleep(delay).await;
        }
    }

    fn timed_out(&self, effect: Effect) -> Error {
        let code = if effect == Effect::None { ErrorCode::Unavailable } else { ErrorCode::Timeout };
        let what = self.what;
        Error::new(code, format!("{what}: not acknowledged within deliveryTimeoutMs")).with_effect(effect)
    }
}
