//! Whether the connections of a client are dead without having been closed.
//!
//! A call that is not answered in time ends its own connection only; the others in the pool may be as dead, and each
//! would cost the deadline of one more call. So after a few silent calls in a row the whole client is replaced.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::runtime::clock::{self, Instant};

/// Silent calls in a row that are no coincidence.
const SUSPICIOUS: u32 = 2;
/// A server may be slow for other reasons, which new connections would only make worse.
const RENEWED_AT_MOST_EVERY: Duration = Duration::from_secs(10);

/// How the last calls were answered.
#[derive(Default)]
pub(super) struct Silence(Mutex<State>);

#[derive(Default)]
struct State {
    silent_calls: u32,
    renewed_at: Option<Instant>,
}

impl Silence {
    /// A call has ended: answered, or not in time.
    pub(super) fn heard(&self, answered: bool) {
        let mut state = self.lock();
        state.silent_calls = if answered { 0 } else { state.silent_calls + 1 };
    }

    /// Whether it is time for a new client; if so the count begins anew.
    pub(super) fn is_suspicious(&self) -> bool {
        let now = clock::now();
        let mut state = self.lock();
        let is_recent = state.renewed_at.is_some_and(|at| now < at + RENEWED_AT_MOST_EVERY);
        if state.silent_calls < SUSPICIOUS || is_recent {
            return false;
        }
        *state = State { silent_calls: 0, renewed_at: Some(now) };
        true
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn two_silent_calls_in_a_row_are_suspicious_but_not_all_the_time() {
        let silence = Silence::default();
        for answered in [false, true, false] {
            silence.heard(answered);
            assert!(!silence.is_suspicious());
        }
        silence.heard(false);
        assert!(silence.is_suspicious());
        silence.heard(false);
        silence.heard(false);
        assert!(!silence.is_suspicious());
        clock::sleep(RENEWED_AT_MOST_EVERY).await;
        assert!(silence.is_suspicious());
        assert!(!silence.is_suspicious());
    }
}
