//! What a group gave up on: the message whole, and why.

use bson::{DateTime, RawDocumentBuf};

use crate::feed::stream_token::StreamToken;
use crate::store::contract::OffsetKey;

/// How one attempt of the handler failed. Texts only: the error object itself stays in the user's language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandlerError {
    /// Class of the error, such as `TypeError`.
    pub name: String,
    /// Its message.
    pub message: String,
    /// Its stack trace, if it has one.
    pub stack: Option<String>,
}

/// One failed attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedAttempt {
    /// What was thrown.
    pub error: HandlerError,
    /// When.
    pub at: DateTime,
}

/// A message whose attempts are used up, as it is stored in `dead_letters`.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// Group, topic and partition.
    pub key: OffsetKey,
    /// The stored message, whole.
    pub message: RawDocumentBuf,
    /// Its place in the stream; `None` if it was read from the stored history.
    pub token: Option<StreamToken>,
    /// Every attempt, oldest first; bounded by the retry policy.
    pub attempts: Vec<FailedAttempt>,
    /// When the group gave up.
    pub at: DateTime,
}
