//! What happens in a run, as a list.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bson::Bson;
use csb_core::consumer::checkpoint::Checkpoint;
use csb_core::consumer::position::Position;
use csb_core::error_code::{Effect, ErrorCode};
use csb_core::feed::stream_token::StreamToken;
use csb_core::group::assignment::MemberPartitions;
use csb_core::runtime::clock::{self, Instant};
use tokio::sync::Notify;

use super::scheduler::{ProcessId, Scheduler};

/// A partition as a group sees it: index of the group, number of the partition.
pub(super) type GroupPartition = (usize, u32);

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it; what is not plain is documented")]
pub enum Event {
    ProcessStarted(ProcessId),
    /// Tasks that a process left behind after it was disconnected.
    LeftBehind {
        process: ProcessId,
        tasks: Vec<&'static str>,
    },
    ProcessKilled(ProcessId),
    ProcessFrozen(ProcessId),
    ProcessThawed(ProcessId),
    /// `Broker::disconnect` was called; `DisconnectEnded` when it returned. `DisconnectHung` if it did not.
    DisconnectBegan,
    DisconnectEnded,
    DisconnectHung(ProcessId),
    CutOff(ProcessId, bool),
    /// The stream no longer reaches back to anything before.
    HistoryForgotten,
    /// No more faults from here on.
    Healed,
    /// A warning or an error of the engine.
    Logged(String),

    SendBegan {
        send: u64,
        producer: usize,
        numbers: Vec<i64>,
    },
    SendEnded {
        send: u64,
        outcome: Result<(), (ErrorCode, Effect)>,
    },

    /// Effects on the server, in the order in which they took place.
    Appended {
        collection: String,
        numbers: Vec<i64>,
    },
    Claimed(ClaimedPartition),
    Committed {
        claim: ClaimName,
        checkpoint: Checkpoint,
        is_accepted: bool,
    },
    AttemptsStored {
        claim: ClaimName,
        attempts: Vec<(Bson, u32, bool)>,
        is_accepted: bool,
    },
    Buried {
        claim: ClaimName,
        number: i64,
        attempts: usize,
        checkpoint: Checkpoint,
        is_accepted: bool,
    },
    Released {
        claim: ClaimName,
        is_accepted: bool,
    },

    MemberJoined {
        group: usize,
        member: String,
        instance: Option<String>,
    },
    /// A heartbeat has taken effect for these members.
    Beat {
        members: Vec<String>,
    },
    /// A member is out: what it still owns is anybody's.
    MemberFenced {
        member: String,
        replaced_by: Option<String>,
    },
    /// A member has given everything back.
    MemberLeft {
        member: String,
    },
    /// A member leads the group from now on.
    Led {
        group: usize,
        member: String,
    },
    /// The leader of a group has decided who reads what.
    Assigned {
        group: usize,
        generation: i64,
        assignment: Vec<MemberPartitions>,
    },

    /// A consumer asks for its partitions.
    SubscribeBegan {
        subscription: u64,
        group: usize,
        /// The process of the consumer.
        process: ProcessId,
        /// What the ids of its members begin with.
        member: String,
        partitions: Vec<u32>,
    },
    Subscribed {
        subscription: u64,
    },
    SubscribeFailed {
        subscription: u64,
        code: ErrorCode,
    },
    UnsubscribeBegan {
        subscription: u64,
    },
    UnsubscribeEnded {
        subscription: u64,
    },
    Paused {
        subscription: u64,
        is_paused: bool,
    },
    CommitAsked {
        subscription: u64,
        outcome: Result<bool, ErrorCode>,
    },
    /// An error that belongs to no message.
    ConsumerFailed {
        subscription: u64,
        code: ErrorCode,
    },

    HandlingBegan(Handling),
    HandlingEnded {
        subscription: u64,
        delivery: u32,
        partition: u32,
        number: i64,
        attempt: u32,
        is_ok: bool,
    },
    /// The engine has given the call up; what it comes to is ignored.
    HandlingAbandoned {
        subscription: u64,
        delivery: u32,
    },
}

/// One call of the handler for one message.
#[derive(Debug, Clone, PartialEq)]
pub struct Handling {
    pub subscription: u64,
    pub partition: u32,
    pub number: i64,
    pub attempt: u32,
    pub token: Option<StreamToken>,
    pub possible_duplicate: bool,
    /// Index of the message in its delivery, and whether all are handled together.
    pub delivery: (u32, usize, bool),
}

/// A claim, shortly.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClaimName {
    pub at: GroupPartition,
    pub owner: String,
    pub epoch: i64,
}

/// What the owner found when it claimed a partition.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedPartition {
    pub claim: ClaimName,
    pub position: Option<Position>,
    pub finished_ahead: Vec<Bson>,
    /// Id, failed attempts, and whether one was in flight.
    pub attempts: Vec<(Bson, u32, bool)>,
}

/// An event, when and where it happened.
#[expect(missing_docs, reason = "the names say it")]
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub at: Duration,
    pub process: ProcessId,
    pub event: Event,
}

/// The events of a run. Cheap to clone; the clones are one.
#[derive(Clone)]
pub struct EventLog(Arc<Shared>);

struct Shared {
    start: Instant,
    scheduler: Arc<Scheduler>,
    entries: Mutex<Vec<Entry>>,
    grown: Notify,
}

impl EventLog {
    /// An empty one; times count from now on.
    pub fn new(scheduler: Arc<Scheduler>) -> Self {
        let shared =
            Shared { start: clock::now(), scheduler, entries: Mutex::default(), grown: Notify::new() };
        Self(Arc::new(shared))
    }

    /// Adds an event of the process that is running.
    pub fn record(&self, event: Event) {
        let at = clock::now().duration_since(self.0.start);
        self.lock().push(Entry { at, process: self.0.scheduler.current(), event });
        self.0.grown.notify_waiters();
    }

    /// Waits until what has happened looks as wanted. It is asked at every event, and told how many it has seen.
    pub async fn wait_until(&self, mut wanted: impl FnMut(&[Entry]) -> bool) {
        loop {
            let grown = self.0.grown.notified();
            if wanted(&self.lock()) {
                return;
            }
            grown.await;
        }
    }

    /// Everything so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().clone()
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
