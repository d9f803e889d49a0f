//! Every error code once, with what the caller should do about it.
//!
//! Codes are part of the public contract: tests and users compare them. A code that is no longer raised stays
//! here, marked retired, so that its name is never given to something else.

use std::fmt;

/// What the caller should do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "errors.d.ts", rename_all = "camelCase"))]
pub enum ErrorKind {
    /// Fix the call or the configuration; trying again will fail in the same way.
    Invalid,
    /// Connect first, or make a new instance: this one is not (or no longer) usable.
    Closed,
    /// Try again later: the deployment could not be reached in time.
    Unavailable,
    /// Somebody else owns it now.
    Conflict,
    /// What is stored is not what was expected; a person has to look.
    Data,
    /// The user's handler failed and its attempts are used up.
    Handler,
    /// A defect of this library; please report it.
    Internal,
}

impl ErrorKind {
    /// The name that JavaScript sees in `error.kind`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Closed => "closed",
            Self::Unavailable => "unavailable",
            Self::Conflict => "conflict",
            Self::Data => "data",
            Self::Handler => "handler",
            Self::Internal => "internal",
        }
    }
}

/// Whether the failed call may have changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "errors.d.ts", rename_all = "camelCase"))]
pub enum Effect {
    /// Nothing was changed: trying again cannot duplicate anything.
    None,
    /// The call may have taken effect although it failed.
    Possible,
}

impl Effect {
    /// The name that JavaScript sees in `error.effect`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Possible => "possible",
        }
    }
}

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $kind:ident, retryable: $retryable:literal, effect: $effect:ident;)*) => {
        /// The code of an error: stable, compared by users, never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "errors.d.ts"))]
        pub enum ErrorCode {
            $($(#[$doc])* #[cfg_attr(test, ts(rename = $name))] $variant,)*
        }

        impl ErrorCode {
            /// Every code, in the order of their declaration.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$variant,)*];

            /// The name that JavaScript sees in `error.code`.
            pub const fn as_str(self) -> &'static str {
                match self { $(ErrorCode::$variant => $name,)* }
            }

            /// What the caller should do.
            pub const fn kind(self) -> ErrorKind {
                match self { $(ErrorCode::$variant => ErrorKind::$kind,)* }
            }

            /// Whether the same call may succeed later.
            pub const fn is_retryable(self) -> bool {
                match self { $(ErrorCode::$variant => $retryable,)* }
            }

            /// What a failure with this code may have changed, unless the error says otherwise.
            pub const fn default_effect(self) -> Effect {
                match self { $(ErrorCode::$variant => Effect::$effect,)* }
            }
        }
    };
}

error_codes! {
    /// A configuration field is missing, of the wrong type or out of its limits.
    InvalidConfig = "ERR_CSB_INVALID_CONFIG", Invalid, retryable: false, effect: None;
    /// A message cannot be stored as it is: no value, a wrong timestamp, a function, a cycle.
    InvalidMessage = "ERR_CSB_INVALID_MESSAGE", Invalid, retryable: false, effect: None;
    /// The stored form of a message is larger than MongoDB's limit of 16 MiB.
    MessageTooLarge = "ERR_CSB_MESSAGE_TOO_LARGE", Invalid, retryable: false, effect: None;
    /// No such topic, and it may not (or cannot) be created here.
    TopicNotFound = "ERR_CSB_TOPIC_NOT_FOUND", Invalid, retryable: false, effect: None;
    /// The topic exists with settings that contradict the configuration, such as more partitions.
    TopicMismatch = "ERR_CSB_TOPIC_MISMATCH", Invalid, retryable: false, effect: None;
    /// The topic has no partition with this number.
    PartitionNotFound = "ERR_CSB_PARTITION_NOT_FOUND", Invalid, retryable: false, effect: None;
    /// The server refused the credentials, or the user lacks a privilege.
    Unauthorized = "ERR_CSB_UNAUTHORIZED", Invalid, retryable: false, effect: None;
    /// The server is not a replica set member, so it has no change streams.
    NotReplicaSet = "ERR_CSB_NOT_REPLICA_SET", Invalid, retryable: false, effect: None;
    /// The session cannot be used here: it is none of the MongoDB driver, has no transaction under way, or belongs to
    /// another deployment than the broker.
    BadSession = "ERR_CSB_BAD_SESSION", Invalid, retryable: false, effect: None;
    /// `connect()` was not called, or has not finished.
    NotConnected = "ERR_CSB_NOT_CONNECTED", Closed, retryable: false, effect: None;
    /// This consumer has a handler already.
    AlreadySubscribed = "ERR_CSB_ALREADY_SUBSCRIBED", Closed, retryable: false, effect: None;
    /// The broker, producer or consumer was disconnected.
    Closed = "ERR_CSB_CLOSED", Closed, retryable: false, effect: None;
    /// No suitable server could be reached in time.
    Unavailable = "ERR_CSB_UNAVAILABLE", Unavailable, retryable: true, effect: None;
    /// The call was not answered within its deadline.
    Timeout = "ERR_CSB_TIMEOUT", Unavailable, retryable: true, effect: Possible;
    /// The connection broke while the call was under way.
    ConnectionLost = "ERR_CSB_CONNECTION_LOST", Unavailable, retryable: true, effect: Possible;
    /// The producer holds as many unsent bytes as it may; wait for earlier sends.
    BufferFull = "ERR_CSB_BUFFER_FULL", Unavailable, retryable: true, effect: None;
    /// Another member of the group has taken this partition over.
    LeaseLost = "ERR_CSB_LEASE_LOST", Conflict, retryable: false, effect: None;
    /// Members of the group are running, so its offsets are theirs.
    GroupActive = "ERR_CSB_GROUP_ACTIVE", Conflict, retryable: false, effect: None;
    /// Another running member of the group has this member's `instanceId` now.
    InstanceReplaced = "ERR_CSB_INSTANCE_REPLACED", Conflict, retryable: false, effect: None;
    /// The server cannot show the stream from a position, or a collection as it was. The engine recovers from it by
    /// itself; users do not see it any more.
    HistoryLost = "ERR_CSB_HISTORY_LOST", Data, retryable: false, effect: None;
    /// Retention deleted messages before the group read them, and `onExpired` is `'fail'`.
    MessagesExpired = "ERR_CSB_MESSAGES_EXPIRED", Data, retryable: false, effect: None;
    /// The stored offset is not a position that can be resumed from.
    BadOffset = "ERR_CSB_BAD_OFFSET", Data, retryable: false, effect: None;
    /// The handler threw something that is not an Error, or its attempts are used up.
    HandlerFailed = "ERR_CSB_HANDLER_FAILED", Handler, retryable: false, effect: Possible;
    /// The handler did not finish within `handlerTimeoutMs`. What it does may still take effect.
    HandlerTimeout = "ERR_CSB_HANDLER_TIMEOUT", Handler, retryable: false, effect: Possible;
    /// The process ended, or lost the partition, while the handler was running.
    HandlerInterrupted = "ERR_CSB_HANDLER_INTERRUPTED", Handler, retryable: false, effect: Possible;
    /// A partition made no progress although the deployment answers; it was given up so that it can be taken over.
    Stalled = "ERR_CSB_STALLED", Unavailable, retryable: true, effect: None;
    /// A defect of this library.
    Internal = "ERR_CSB_INTERNAL", Internal, retryable: false, effect: Possible;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_prefixed() {
        let mut names: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
        assert!(names.iter().all(|name| name.starts_with("ERR_CSB_")));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ErrorCode::ALL.len());
    }

    #[test]
    fn only_unavailable_is_retryable() {
        for code in ErrorCode::ALL {
            assert_eq!(code.is_retryable(), code.kind() == ErrorKind::Unavailable, "{code}");
        }
    }
}
