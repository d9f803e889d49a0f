//! What became of one send, whose messages may lie in several partitions.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::unsent_bytes::HeldBytes;
use crate::error::{Error, Result};
use crate::error_code::Effect;

/// Shared by the parts of one send. Settles when the last part is dropped.
pub(super) struct SendOutcome {
    state: Mutex<State>,
    _held: HeldBytes,
}

#[derive(Default)]
struct State {
    any_stored: bool,
    error: Option<Error>,
    settle: Option<oneshot::Sender<Result<()>>>,
}

impl SendOutcome {
    pub(super) fn new(held: HeldBytes) -> (Arc<Self>, oneshot::Receiver<Result<()>>) {
        let (settle, settled) = oneshot::channel();
        let state = State { settle: Some(settle), ..State::default() };
        (Arc::new(Self { state: Mutex::new(state), _held: held }), settled)
    }

    pub(super) fn stored(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).any_stored = true;
    }

    /// The first error is reported; that something may have been stored outweighs that something was not.
    pub(super) fn failed(&self, error: &Error) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let effect = error.effect();
        let merged = state.error.take().unwrap_or_else(|| error.clone());
        state.error = Some(if effect == Effect::Possible { merged.with_effect(effect) } else { merged });
    }
}

impl Drop for SendOutcome {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let any_stored = state.any_stored;
        let outcome = match state.error.take() {
            None => Ok(()),
            Some(error) if any_stored => Err(error.with_effect(Effect::Possible)),
            Some(error) => Err(error),
        };
        if let Some(settle) = state.settle.take() {
            // Whoever sent may have stopped waiting.
            let _ = settle.send(outcome);
        }
    }
}
