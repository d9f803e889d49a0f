//! What became of one send, whose messages may lie in several partitions.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::unsent_bytes::HeldBytes;
use crate::error::{Error, Result};
use crate::error_code::{Effect, ErrorCode};

/// Shared by the messages of one send. Settles when the last one drops it. A message of which nothing was said by then
/// was given up on its way, as at the end of the grace period of a disconnect: it is not acknowledged.
pub(super) struct SendOutcome {
    state: Mutex<State>,
    _held: HeldBytes,
}

#[derive(Default)]
struct State {
    /// Messages of which nothing was said yet.
    undecided: usize,
    any_stored: bool,
    error: Option<Error>,
    settle: Option<oneshot::Sender<Result<()>>>,
}

impl SendOutcome {
    pub(super) fn new(held: HeldBytes, messages: usize) -> (Arc<Self>, oneshot::Receiver<Result<()>>) {
        let (settle, settled) = oneshot::channel();
        let state = State { undecided: messages, settle: Some(settle), ..State::default() };
        (Arc::new(Self { state: Mutex::new(state), _held: held }), settled)
    }

    /// A message is stored.
    pub(super) fn stored(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.undecided = state.undecided.saturating_sub(1);
        state.any_stored = true;
    }

    /// A message is not stored, or may not be. The first error is reported; that something may have been stored
    /// outweighs that something was not.
    pub(super) fn failed(&self, error: &Error) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).fail(error);
    }
}

impl State {
    fn fail(&mut self, error: &Error) {
        self.undecided = self.undecided.saturating_sub(1);
        let effect = error.effect();
        let merged = self.error.take().unwrap_or_else(|| error.clone());
        self.error = Some(if effect == Effect::Possible { merged.with_effect(effect) } else { merged });
    }
}

impl Drop for SendOutcome {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if state.undecided > 0 {
            state.fail(&given_up().with_effect(Effect::Possible));
        }
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

/// The error of a send whose broker was disconnected first.
pub(super) fn given_up() -> Error {
    Error::new(ErrorCode::Closed, "the broker was disconnected before the send was acknowledged")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::producer::unsent_bytes::UnsentBytes;

    fn outcome(messages: usize) -> (Arc<SendOutcome>, oneshot::Receiver<Result<()>>) {
        SendOutcome::new(UnsentBytes::new(100).hold(10).expect("room"), messages)
    }

    fn settled(mut settled: oneshot::Receiver<Result<()>>) -> Result<()> {
        settled.try_recv().expect("settled")
    }

    #[test]
    fn settles_with_the_last_message() {
        let (first, mut receiver) = outcome(2);
        let second = Arc::clone(&first);
        first.stored();
        drop(first);
        assert!(receiver.try_recv().is_err(), "one is on its way");
        second.stored();
        drop(second);
        assert!(settled(receiver).is_ok());
    }

    #[test]
    fn what_may_be_stored_outweighs_what_is_not() {
        let (outcome, receiver) = outcome(2);
        outcome.failed(&Error::invalid_message("refused"));
        outcome.stored();
        drop(outcome);
        let error = settled(receiver).expect_err("one was refused");
        assert_eq!((error.code(), error.effect()), (ErrorCode::InvalidMessage, Effect::Possible));
    }

    #[test]
    fn a_message_that_is_given_up_is_not_acknowledged() {
        let (outcome, receiver) = outcome(2);
        outcome.stored();
        drop(outcome);
        let error = settled(receiver).expect_err("nobody knows of the other");
        assert_eq!((error.code(), error.effect()), (ErrorCode::Closed, Effect::Possible));
    }
}
