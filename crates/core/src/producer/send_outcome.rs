//! What became of one send, whose messages may lie in several partitions.

use std::sync::{Arc, Mutex, PoisonError};

use super::send_group::{FailedSend, GroupSettlement};
use super::unsent_bytes::HeldBytes;
use crate::error::Error;
use crate::error_code::{Effect, ErrorCode};

/// What became of one message of a send that has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageStatus {
    /// It is stored, and acknowledged.
    Written,
    /// It is not stored.
    NotWritten,
    /// It may be stored.
    Unknown,
}

/// Shared by the messages of one send. Settles when the last one drops it. A message of which nothing was said by then
/// was given up on its way, as at the end of the grace period of a disconnect: it is not acknowledged.
pub(super) struct SendOutcome {
    state: Mutex<State>,
    _held: HeldBytes,
    /// Its number in its group, which hears of it.
    number: u32,
    group: Arc<GroupSettlement>,
}

struct State {
    /// Messages of which nothing was said yet.
    undecided: usize,
    /// By index in the send. Whatever is not said of a message by the end is not known.
    statuses: Vec<MessageStatus>,
    error: Option<Error>,
}

impl SendOutcome {
    pub(super) fn new(
        held: HeldBytes,
        messages: usize,
        number: u32,
        group: Arc<GroupSettlement>,
    ) -> Arc<Self> {
        let state =
            State { undecided: messages, statuses: vec![MessageStatus::Unknown; messages], error: None };
        Arc::new(Self { state: Mutex::new(state), _held: held, number, group })
    }

    /// The message with this index is stored.
    pub(super) fn stored(&self, index: u32) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.decide(index, MessageStatus::Written);
    }

    /// A message is not stored, or may not be. The first error is reported; that something may have been stored
    /// outweighs that something was not.
    pub(super) fn failed(&self, index: u32, error: &Error) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.decide(
            index,
            if error.effect() == Effect::None { MessageStatus::NotWritten } else { MessageStatus::Unknown },
        );
        state.fail(error);
    }
}

impl State {
    fn decide(&mut self, index: u32, decided: MessageStatus) {
        self.undecided = self.undecided.saturating_sub(1);
        if let Some(status) = self.statuses.get_mut(index as usize) {
            *status = decided;
        }
    }

    fn fail(&mut self, error: &Error) {
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
            let statuses = std::mem::take(&mut state.statuses);
            let is_partial = statuses.iter().any(|status| *status != MessageStatus::NotWritten);
            let error = if is_partial { error.with_effect(Effect::Possible) } else { error };
            self.group.failed(FailedSend { send: self.number, error, statuses });
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
    use crate::producer::send_group::{OpenGroup, SendGroup};
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
        first.stored(0);
        drop(first);
        second.stored(0);
        let other = Arc::clone(&second);
        drop(second);
        assert!(settled.as_mut().now_or_never().is_none(), "one is on its way");
        other.stored(1);
        drop(other);
        assert!(settled.now_or_never().expect("settled").is_empty());
    }

    #[test]
    fn what_may_be_stored_outweighs_what_is_not() {
        let mut group = OpenGroup::new();
        outcome(&mut group, 0, 1).stored(0);
        let partly = outcome(&mut group, 1, 2);
        partly.failed(1, &Error::invalid_message("refused"));
        partly.stored(0);
        drop(partly);
        let failed = settled(group.close());
        assert_eq!(failed.iter().map(|failed| failed.send).collect::<Vec<_>>(), [1]);
        let error = &failed[0].error;
        assert_eq!((error.code(), error.effect()), (ErrorCode::InvalidMessage, Effect::Possible));
        assert_eq!(failed[0].statuses, [MessageStatus::Written, MessageStatus::NotWritten]);
    }

    #[test]
    fn a_message_that_is_given_up_is_not_acknowledged() {
        let mut group = OpenGroup::new();
        outcome(&mut group, 0, 2).stored(1);
        let failed = settled(group.close());
        let error = &failed[0].error;
        assert_eq!((error.code(), error.effect()), (ErrorCode::Closed, Effect::Possible));
        assert_eq!(failed[0].statuses, [MessageStatus::Unknown, MessageStatus::Written]);
    }
}
