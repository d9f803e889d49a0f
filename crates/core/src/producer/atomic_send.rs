//! Messages that are stored in one transaction, all or none.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::error_code::{Effect, ErrorCode};
use crate::observe::log::Logger;
use crate::runtime::backoff::Backoff;
use crate::runtime::clock::{self, Instant};
use crate::runtime::random;
use crate::store::contract::{PartitionMessages, Store};

const RETRY_AFTER: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// Tries again what may heal. The ids stay the same, so what is stored already is found.
pub(super) async fn append_until(
    store: &dyn Store,
    messages: &[PartitionMessages],
    deadline: Instant,
    logger: &Logger,
) -> Result<()> {
    let mut backoff = Backoff::new(RETRY_AFTER.0, RETRY_AFTER.1);
    let mut effect = Effect::None;
    loop {
        let remaining = deadline.saturating_duration_since(clock::now());
        let attempt = store.append_together(messages, effect == Effect::Possible);
        let error = match clock::timeout(remaining, attempt).await {
            Some(Ok(())) => return Ok(()),
            Some(Err(error)) => error,
            None => return Err(timed_out(Effect::Possible)),
        };
        if error.effect() == Effect::Possible {
            effect = Effect::Possible;
        }
        if !error.is_retryable() {
            return Err(error.with_effect(effect));
        }
        let delay = backoff.next_delay(random::next_u32());
        if clock::now() + delay >= deadline {
            return Err(timed_out(effect).caused_by(format!("{error:?}")));
        }
        logger.warn(|| format!("atomic send failed, next try in {} ms: {error:?}", delay.as_millis()));
        clock::sleep(delay).await;
    }
}

fn timed_out(effect: Effect) -> Error {
    let code = if effect == Effect::None { ErrorCode::Unavailable } else { ErrorCode::Timeout };
    Error::new(code, "atomic send: not acknowledged within deliveryTimeoutMs").with_effect(effect)
}
