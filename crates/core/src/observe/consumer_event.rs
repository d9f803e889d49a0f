//! What happens to a consumer besides the messages that it handles. Users listen to it; nothing depends on it.

use bson::DateTime;

use crate::error::Error;
use crate::feed::stream_token::StreamToken;

/// Something that happened to a consumer.
#[derive(Debug, Clone)]
pub enum ConsumerEvent {
    /// The consumer owns these partitions now and listens to them.
    Assigned {
        /// Partition numbers.
        partitions: Vec<u32>,
    },
    /// The consumer owns this partition no longer.
    Revoked {
        /// Partition number.
        partition: u32,
        /// Why.
        reason: RevokedReason,
    },
    /// An offset was stored.
    Committed {
        /// Partition number.
        partition: u32,
        /// Everything up to here is finished; `None` while the stored history is being read.
        offset: Option<StreamToken>,
    },
    /// Everything before the consumer's `until` is handled; nothing more is delivered.
    Completed {
        /// Partition number.
        partition: u32,
        /// Everything up to here is finished; `None` while the stored history is being read.
        offset: Option<StreamToken>,
        /// Partitions that the consumer has and that are not there yet.
        remaining: usize,
    },
    /// An attempt of a message failed and another one follows.
    Retried {
        /// Partition number.
        partition: u32,
        /// Message id.
        message_id: String,
        /// The attempt that failed, from 1.
        attempt: u32,
        /// Class of the error, such as `TypeError`.
        error_name: String,
        /// Milliseconds until the next attempt.
        delay_ms: u64,
    },
    /// A message was given up and stored in the dead letters.
    DeadLettered {
        /// Partition number.
        partition: u32,
        /// Message id.
        message_id: String,
        /// Failed attempts.
        attempts: u32,
        /// Class of the last error.
        error_name: String,
    },
    /// Delivery goes on after a fault.
    Recovered {
        /// Partition number.
        partition: u32,
        /// What it recovered from.
        from: RecoveredFrom,
        /// Milliseconds from noticing the fault to its end.
        duration_ms: u64,
        /// Stored messages read again to find those not delivered. 0 after a stall.
        scanned: u64,
        /// Messages among them that may have been handled before; their records say so.
        possible_duplicates: u64,
    },
    /// Messages may have been deleted by retention before the group read them.
    Expired {
        /// Partition number.
        partition: u32,
        /// The group had read everything up to here.
        from: DateTime,
        /// What was sent from here on is still there.
        to: DateTime,
        /// Whether the partition goes on behind the gap (`onExpired: 'skip'`) or has ended (`'fail'`).
        skipped: bool,
    },
    /// Somebody stores offsets of this partition without owning it, as 1.4.2 does. Said once per partition.
    UnfencedWriter {
        /// Partition number.
        partition: u32,
    },
    /// No progress, although there should be some.
    Stalled {
        /// Partition number; `None` if the whole consumer is concerned.
        partition: Option<u32>,
        /// What does not progress.
        reason: StallReason,
        /// Milliseconds since the last sign of life.
        since_ms: u64,
    },
    /// An error that belongs to no message.
    Failed(Error),
}

/// Why a partition was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokedReason {
    /// `unsubscribe()` or `disconnect()`.
    Unsubscribed,
    /// Another member of the group is to have it, and everything that this one handled is stored.
    Rebalanced,
    /// Another member of the group has taken it over.
    LeaseLost,
    /// It cannot be read on; the event before says why.
    Failed,
}

/// What a partition recovered from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecoveredFrom {
    /// The server could not resume the stream at the committed position.
    LostPosition,
    /// There was no progress for a while.
    Stall,
}

/// What does not progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StallReason {
    /// The server neither sends events nor says that there are none.
    Server,
    /// The event loop of JavaScript does not run.
    EventLoop,
}

impl ConsumerEvent {
    /// The name under which users listen to it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Assigned { .. } => "assigned",
            Self::Revoked { .. } => "revoked",
            Self::Committed { .. } => "committed",
            Self::Completed { .. } => "completed",
            Self::Retried { .. } => "retried",
            Self::DeadLettered { .. } => "deadLettered",
            Self::Recovered { .. } => "recovered",
            Self::Expired { .. } => "expired",
            Self::UnfencedWriter { .. } => "unfencedWriter",
            Self::Stalled { .. } => "stalled",
            Self::Failed(_) => "error",
        }
    }
}

impl RevokedReason {
    /// The name that users see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unsubscribed => "unsubscribed",
            Self::Rebalanced => "rebalanced",
            Self::LeaseLost => "leaseLost",
            Self::Failed => "failed",
        }
    }
}

impl RecoveredFrom {
    /// The name that users see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LostPosition => "lostPosition",
            Self::Stall => "stall",
        }
    }
}

impl StallReason {
    /// The name that users see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::EventLoop => "eventLoop",
        }
    }
}
