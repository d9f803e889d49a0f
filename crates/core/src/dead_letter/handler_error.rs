//! How the user's handler failed.

use bson::DateTime;

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
