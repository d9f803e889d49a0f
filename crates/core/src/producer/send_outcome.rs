//! What became of one send, whose messages may lie in several partitions.

use std::sync::{Arc, Mutex, PoisonError};

use super::send_group::GroupSettlement;
use super::unsent_bytes::HeldBytes;
use crate::error::Error;
use crate::error_code::{Effect, ErrorCode};

/// Shared by the messages of one send. Settles when the last one drops it. A message of which nothing was said by then
/// was given up on its way, as at the end of the grace period of a disconnect: it is not acknowledged.
pub(super) struct SendOutcome {
    state: Mutex<State>,
    _held: HeldBytes,
    /// Its number in its group, which hears of it.
    number: u32,
    group: Arc<GroupSettlement>,
}

#[derive(Default)]
struct State {
    /// Messages of which nothing was said yet.
    undecided: usize,
    any_stored: bool,
    error: Option<Error>,
}

impl SendOutcome {
    pub(super) fn new(
        held: HeldBytes,
        messages: usize,
        number: u32,
        group: Arc<GroupSettlement>,
    ) -> Arc<Self> {
        let state = State { undecided: messages, ..State::default() };
        Arc::new(Self { state: Mutex::new(state), _held: held, number, group })
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
        if let Some(error) = state.error.take() {
            let is_partial = state.any_stored;
            self.group
                .failed(self.number, if is_partial { error.with_effect(Effect::Possible) } else { error });
        }
    }
}

/// The error of a send whose broker was disconnected first.
pub(super) fn given_up() -> Error {
    Error::new(ErrorCode::Closed, "the broker was disconnected before the send was acknowledged")
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::producer::send_group::{FailedSend, OpenGroup, SendGroup};
    use crate::producer::unsent_bytes::UnsentBytes;

    fn outcome(group: &mut OpenGroup, number: u32, messages: usize) -> Arc<SendOutcome> {
        let held = UnsentBytes::new(100).hold(10).expect("room");
        SendOutcome::new(held, messages, number, group.add(number))
    }

    fn settled(group: SendGroup) -> Vec<FailedSend> {
        group.settled().now_or_never().expect("settled")
    }

    #[test]
    fn settles_with_the_last_message_of_the_last_send() {
        let mut group = OpenGroup::new();
        let first = outcome(&mut group, 0, 1);
        let second = outcome(&mut group, 1, 2);
        let mut settled = Box::pin(group.close().settled());
        first.stored();
        drop(first);
        second.stored();
        let other = Arc::clone(&second);
        drop(second);
        assert!(settled.as_mut().now_or_never().is_none(), "one is on its way");
        other.stored();
        drop(other);
        assert!(settled.now_or_never().expect("settled").is_empty());
    }

    #[test]
    fn what_may_be_stored_outweighs_what_is_not() {
        let mut group = OpenGroup::new();
        outcome(&mut group, 0, 1).stored();
        let partly = outcome(&mut group, 1, 2);
        partly.failed(&Error::invalid_message("refused"));
        partly.stored();
        drop(partly);
        let failed = settled(group.close());
        assert_eq!(failed.iter().map(|failed| failed.send).collect::<Vec<_>>(), [1]);
        let error = &failed[0].error;
        assert_eq!((error.code(), error.effect()), (ErrorCode::InvalidMessage, Effect::Possible));
    }

    #[test]
    fn a_message_that_is_given_up_is_not_acknowledged() {
        let mut group = OpenGroup::new();
        outcome(&mut group, 0, 2).stored();
        let failed = settled(group.close());
        let error = &failed[0].error;
        assert_eq!((error.code(), error.effect()), (ErrorCode::Closed, Effect::Possible));
    }
}
