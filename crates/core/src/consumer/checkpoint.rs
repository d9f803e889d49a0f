//! What a group has finished in one partition, as it is stored in the offset document.

use bson::Bson;

use super::position::Position;
use crate::dead_letter::FailedAttempt;

/// Where a group resumes. Stored whole, in one write.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Everything up to here is finished.
    pub position: Position,
    /// Ids of messages behind the position that are finished too: with `concurrency`, a message may be done while an
    /// earlier one of another key is being tried again. They are not delivered again.
    pub finished_ahead: Vec<Bson>,
}

impl From<Position> for Checkpoint {
    fn from(position: Position) -> Self {
        Self { position, finished_ahead: Vec::new() }
    }
}

/// The attempts of a message that is not finished. Stored so that they are not forgotten with the process.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageAttempts {
    /// `_id` of the message.
    pub message_id: Bson,
    /// Attempts that failed, oldest first; of many only the newest are stored with their errors.
    pub failed: Vec<FailedAttempt>,
    /// Failed attempts whose errors are not stored any more.
    pub forgotten: u32,
    /// An attempt was begun of which nothing is known: if the process ends now, it is what ended it.
    pub in_flight: bool,
}

impl MessageAttempts {
    /// Failed attempts, all told.
    pub fn count(&self) -> u32 {
        u32::try_from(self.failed.len()).unwrap_or(u32::MAX).saturating_add(self.forgotten)
    }
}
