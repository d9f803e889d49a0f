//! Sends that settle together.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::send_outcome::MessageStatus;
use crate::error::Error;

/// A send that is not acknowledged.
#[derive(Debug, Clone)]
pub struct FailedSend {
    /// Its number in the call.
    pub send: u32,
    /// Why; its effect says whether some of its messages may be stored.
    pub error: Error,
    /// What became of each of its messages, in their order. Empty if none was queued.
    pub statuses: Vec<MessageStatus>,
}

impl FailedSend {
    /// Of its messages there is nothing else to say.
    pub(super) fn whole(send: u32, error: Error) -> Self {
        Self { send, error, statuses: Vec::new() }
    }
}

/// Some of the sends that were handed in by one call: those whose messages lie in the same partition, so that none waits
/// for another partition's.
pub struct SendGroup {
    /// Their numbers in the call.
    pub sends: Vec<u32>,
    settled: oneshot::Receiver<Vec<FailedSend>>,
}

impl SendGroup {
    /// Resolves when each of them is acknowledged or has failed, to those that have.
    pub async fn settled(self) -> Vec<FailedSend> {
        let lost = |sends: Vec<u32>| {
            let failed = |send| FailedSend::whole(send, Error::closed("the producer"));
            sends.into_iter().map(failed).collect()
        };
        self.settled.await.unwrap_or_else(|_| lost(self.sends))
    }
}

/// A group that is being put together.
pub(super) struct OpenGroup {
    sends: Vec<u32>,
    settlement: Arc<GroupSettlement>,
    settled: oneshot::Receiver<Vec<FailedSend>>,
}

impl OpenGroup {
    pub(super) fn new() -> Self {
        let (settle, settled) = oneshot::channel();
        let settlement = GroupSettlement { failed: Mutex::default(), settle: Some(settle) };
        Self { sends: Vec::new(), settlement: Arc::new(settlement), settled }
    }

    /// A further send, and where its outcome goes.
    pub(super) fn add(&mut self, send: u32) -> Arc<GroupSettlement> {
        self.sends.push(send);
        Arc::clone(&self.settlement)
    }

    /// No others follow.
    pub(super) fn close(self) -> SendGroup {
        SendGroup { sends: self.sends, settled: self.settled }
    }
}

/// Shared by the sends of a group. Settles when the last one drops it.
pub(super) struct GroupSettlement {
    failed: Mutex<Vec<FailedSend>>,
    settle: Option<oneshot::Sender<Vec<FailedSend>>>,
}

impl GroupSettlement {
    pub(super) fn failed(&self, failed: FailedSend) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).push(failed);
    }
}

impl Drop for GroupSettlement {
    fn drop(&mut self) {
        let failed = std::mem::take(self.failed.get_mut().unwrap_or_else(PoisonError::into_inner));
        if let Some(settle) = self.settle.take() {
            // Whoever sent may have stopped waiting.
            let _ = settle.send(failed);
        }
    }
}
