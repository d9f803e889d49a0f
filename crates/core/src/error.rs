//! The one public error: a code that says what to do, a message for people, and where it happened.

use std::fmt;

use crate::error_code::{Effect, ErrorCode, ErrorKind};

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Where an error happened, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ErrorContext {
    /// Topic name.
    pub topic: Option<String>,
    /// Partition number.
    pub partition: Option<u32>,
    /// Consumer group.
    pub group_id: Option<String>,
}

/// An error of the engine. One pointer wide: it travels on hot paths.
#[derive(Clone)]
pub struct Error(Box<ErrorBody>);

#[derive(Clone)]
struct ErrorBody {
    code: ErrorCode,
    effect: Effect,
    message: String,
    context: ErrorContext,
    /// The chain of causes as text: a cause is for reading, and the driver's own error cannot be cloned to every
    /// send that one failed insert carried.
    cause: Option<String>,
}

impl Error {
    /// An error with this code. The message says what happened, with which value, and what to do.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(Box::new(ErrorBody {
            code,
            effect: code.default_effect(),
            message: message.into(),
            context: ErrorContext::default(),
            cause: None,
        }))
    }

    /// A configuration error.
    pub fn invalid_config(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidConfig, message)
    }

    /// A message that cannot be stored.
    pub fn invalid_message(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidMessage, message)
    }

    /// A defect of this library.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Internal, message)
    }

    /// Something was used after it was closed.
    pub fn closed(what: &str) -> Self {
        Self::new(ErrorCode::Closed, format!("{what} is disconnected; create a new one"))
    }

    /// Says first what the message is about.
    #[must_use]
    pub fn about(mut self, what: impl fmt::Display) -> Self {
        self.0.message = format!("{what}: {}", self.0.message);
        self
    }

    /// Adds the text of what caused it.
    #[must_use]
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// States what the failed call may have changed, where that is known better than the code says.
    #[must_use]
    pub fn with_effect(mut self, effect: Effect) -> Self {
        self.0.effect = effect;
        self
    }

    /// Adds the topic.
    #[must_use]
    pub fn on_topic(mut self, topic: impl Into<String>) -> Self {
        self.0.context.topic = Some(topic.into());
        self
    }

    /// Adds the partition.
    #[must_use]
    pub fn on_partition(mut self, partition: u32) -> Self {
        self.0.context.partition = Some(partition);
        self
    }

    /// Adds the consumer group.
    #[must_use]
    pub fn in_group(mut self, group_id: impl Into<String>) -> Self {
        self.0.context.group_id = Some(group_id.into());
        self
    }

    /// Stable code.
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// What the caller should do.
    pub fn kind(&self) -> ErrorKind {
        self.0.code.kind()
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.0.code.is_retryable()
    }

    /// Whether the failed call may have changed something.
    pub fn effect(&self) -> Effect {
        self.0.effect
    }

    /// What happened, for people. Not part of the contract.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where it happened.
    pub fn context(&self) -> &ErrorContext {
        &self.0.context
    }

    /// The causes as text.
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.message)?;
        if let Some(cause) = &self.0.cause {
            write!(f, " (caused by: {cause})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
