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
    /// Somebody else owns it now: leave it to them, or take it from them knowingly.
    Conflict,
    /// What is stored is not what was expected; a person has to look.
    Data,
    /// The user's handler failed: mend it. Its record is tried again, or has become a dead letter.
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
    ($(
        $(#[doc = $doc:literal])*
        $variant:ident = $name:literal, $kind:ident, retryable: $retryable:literal, effect: $effect:ident,
            $(retired: $retired:literal,)? advice: $advice:literal;
    )*) => {
        /// The code of an error: stable, compared by users, never reused. What each one means and what to do about it
        /// is in `docs/errors.md` of the repository.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "errors.d.ts"))]
        pub enum ErrorCode {
            $($(#[doc = $doc])* #[cfg_attr(test, ts(rename = $name))] $variant,)*
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

        /// For the reference, which is generated from it.
        #[cfg(test)]
        impl ErrorCode {
            /// When the error is raised: its doc comment.
            pub(crate) fn description(self) -> &'static str {
                match self { $(ErrorCode::$variant => concat!($($doc),*).trim(),)* }
            }

            /// What to do about it, besides what its kind says.
            pub(crate) fn advice(self) -> &'static str {
                match self { $(ErrorCode::$variant => $advice,)* }
            }

            /// Whether it is not raised any more.
            pub(crate) fn is_retired(self) -> bool {
                const RETIRED: &[(ErrorCode, bool)] = &[$($((ErrorCode::$variant, $retired),)?)*];
                RETIRED.contains(&(self, true))
            }
        }
    };
}

error_codes! {
    /// A field of a configuration or an argument of a call is missing, of the wrong type or out of its limits.
    InvalidConfig = "ERR_CSB_INVALID_CONFIG", Invalid, retryable: false, effect: None,
        advice: "Correct what the message names. Of a configuration it names every wrong field.";
    /// A message cannot be stored as it is: no value, a wrong timestamp, a function, a cycle. Or a stored one cannot be
    /// read; then its attempt has failed with this error.
    InvalidMessage = "ERR_CSB_INVALID_MESSAGE", Invalid, retryable: false, effect: None,
        advice: "Correct the message. Nothing of that `send` was stored, its other messages neither.";
    /// The stored form of a message is larger than MongoDB's limit of 16 MiB.
    MessageTooLarge = "ERR_CSB_MESSAGE_TOO_LARGE", Invalid, retryable: false, effect: None,
        advice: "Send less, or store the payload elsewhere and send a reference to it.";
    /// No such topic, and it may not (or cannot) be created here.
    TopicNotFound = "ERR_CSB_TOPIC_NOT_FOUND", Invalid, retryable: false, effect: None,
        advice: "Create the topic first: `createTopic`, or a producer with `autoCreateTopics`. A consumer that names its \
                 `partitions` and is not transactional need not wait for the topic.";
    /// The topic exists with settings that contradict the configuration, such as more partitions.
    TopicMismatch = "ERR_CSB_TOPIC_MISMATCH", Invalid, retryable: false, effect: None,
        advice: "Configure the number of partitions that the topic has. It may grow, by `createTopic` or a producer with \
                 `autoCreateTopics`, but not shrink.";
    /// The topic has no partition with this number.
    PartitionNotFound = "ERR_CSB_PARTITION_NOT_FOUND", Invalid, retryable: false, effect: None,
        advice: "Name partitions that the topic has, or none to mean all. They count from 0.";
    /// The server refused the credentials, or the user lacks a privilege.
    Unauthorized = "ERR_CSB_UNAUTHORIZED", Invalid, retryable: false, effect: None,
        advice: "Check user, password and `authSource` in `mongoUri`, and what the user may do in the database.";
    /// The server is not a replica set member, so it has no change streams.
    NotReplicaSet = "ERR_CSB_NOT_REPLICA_SET", Invalid, retryable: false, effect: None,
        advice: "Start `mongod` with `--replSet` and run `rs.initiate()` once (a set of one member will do), or use the \
                 URI of a replica set.";
    /// The session cannot be used here: it is none of the MongoDB driver, has no transaction under way, or belongs to
    /// another deployment than the broker.
    BadSession = "ERR_CSB_BAD_SESSION", Invalid, retryable: false, effect: None,
        advice: "Begin the transaction with a client of the official driver or of Mongoose that is connected to the \
                 broker's deployment, and pass its session while the transaction is under way.";
    /// The native addon could not be loaded. Raised by the package before there is an addon; the message says what was
    /// tried.
    AddonNotLoaded = "ERR_CSB_ADDON_NOT_LOADED", Invalid, retryable: false, effect: None,
        advice: "Do what the message says: install again so that the package of this platform comes along, or build \
                 the addon from source.";
    /// `connect()` was not called, has not finished, or was undone by `disconnect()`.
    NotConnected = "ERR_CSB_NOT_CONNECTED", Closed, retryable: false, effect: None,
        advice: "Await `connect()` before the first call, and make none after `disconnect()`.";
    /// This consumer has a handler already.
    AlreadySubscribed = "ERR_CSB_ALREADY_SUBSCRIBED", Closed, retryable: false, effect: None,
        advice: "Await `unsubscribe()` first, or create another consumer.";
    /// The broker, producer or consumer was disconnected, before the call or while it was under way.
    Closed = "ERR_CSB_CLOSED", Closed, retryable: false, effect: None,
        advice: "Create a new producer or consumer. Of a `send` that was under way `status` says whether it may have \
                 been stored.";
    /// No suitable server could be reached in time.
    Unavailable = "ERR_CSB_UNAVAILABLE", Unavailable, retryable: true, effect: None,
        advice: "Try again later. If it stays so, check the hosts in `mongoUri`, the network, and that the replica set \
                 has a primary.";
    /// The call was not answered within its deadline.
    Timeout = "ERR_CSB_TIMEOUT", Unavailable, retryable: true, effect: Possible,
        advice: "Try again, a `send` with the `messageId` that it had: without one it may store the message twice.";
    /// The connection broke, or the primary changed, while the call was under way.
    ConnectionLost = "ERR_CSB_CONNECTION_LOST", Unavailable, retryable: true, effect: Possible,
        advice: "Try again, a `send` with the `messageId` that it had. The broker reconnects by itself.";
    /// The producers of the broker hold as many unsent bytes as `maxBufferedBytes` allows.
    BufferFull = "ERR_CSB_BUFFER_FULL", Unavailable, retryable: true, effect: None,
        advice: "Wait for earlier sends before the next one, or raise `maxBufferedBytes`.";
    /// Another member of the group has taken this partition over, or its offset was set anew.
    LeaseLost = "ERR_CSB_LEASE_LOST", Conflict, retryable: false, effect: None,
        advice: "Stop what the handler is doing: what was not committed is delivered to the new owner. It happens after \
                 silence for longer than `sessionTimeoutMs` (a process that was stopped, a network that was away), after \
                 a handover that took longer than `handoverTimeoutMs`, and when somebody resets the offsets by force.";
    /// Members of the group are running, so its offsets are theirs.
    GroupActive = "ERR_CSB_GROUP_ACTIVE", Conflict, retryable: false, effect: None,
        advice: "Stop the members first, or give `force`, which takes from them what they are handling.";
    /// Another running member of the group has this member's `instanceId` now.
    InstanceReplaced = "ERR_CSB_INSTANCE_REPLACED", Conflict, retryable: false, effect: None,
        advice: "Let this one end if the other was started in its place. Otherwise give each an `instanceId` of its own.";
    /// The server cannot show the stream from a position, or a collection as it was. The engine recovers from it by
    /// itself; users do not see it any more.
    HistoryLost = "ERR_CSB_HISTORY_LOST", Data, retryable: false, effect: None, retired: true,
        advice: "Nothing: the consumer reads the stored messages again and goes on, which the event `recovered` tells.";
    /// Retention may have deleted messages before the group read them, and `onExpired` is `'fail'`.
    MessagesExpired = "ERR_CSB_MESSAGES_EXPIRED", Data, retryable: false, effect: None,
        advice: "Decide whether the gap is acceptable. If it is, subscribe again with `onExpired: 'skip'` to go on with \
                 what is there. For more time raise `retentionMs` of the topic.";
    /// The stored offset is not a position that can be resumed from.
    BadOffset = "ERR_CSB_BAD_OFFSET", Data, retryable: false, effect: None,
        advice: "Find out who wrote it. Then delete the document of `consumer_offsets` that the message names, so that \
                 the group begins anew there, or set its offset with `OffsetStorage.commitOffset`.";
    /// The handler threw something that is not an `Error`, or a batch handler returned something that it may not.
    HandlerFailed = "ERR_CSB_HANDLER_FAILED", Handler, retryable: false, effect: Possible,
        advice: "Throw an `Error`; what was thrown instead is in `cause`. Return nothing from a batch handler, or \
                 `{ failed }` with records of that batch.";
    /// The handler did not finish within `handlerTimeoutMs`. What it does may still take effect.
    HandlerTimeout = "ERR_CSB_HANDLER_TIMEOUT", Handler, retryable: false, effect: Possible,
        advice: "Give `context.signal` to what can be aborted, give each call a time limit of its own, or raise \
                 `handlerTimeoutMs`. The record is tried again like after any failure.";
    /// The process ended, or lost the partition, while the handler was running.
    HandlerInterrupted = "ERR_CSB_HANDLER_INTERRUPTED", Handler, retryable: false, effect: Possible,
        advice: "It stands among the errors of a dead letter. Look for what in this record ends the process (memory, an \
                 endless loop, `process.exit`), mend it, then redrive the letter.";
    /// A partition made no progress although the deployment answers; it was given up so that it can be taken over.
    Stalled = "ERR_CSB_STALLED", Unavailable, retryable: true, effect: None,
        advice: "Another member of the group takes the partition over. If there is none, subscribe again.";
    /// A defect of this library, or a refusal of the server for which there is no code.
    Internal = "ERR_CSB_INTERNAL", Internal, retryable: false, effect: Possible,
        advice: "Read the message and `cause`: they tell what the server refused, or which stored document to repair. \
                 Otherwise report it, with both.";
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
