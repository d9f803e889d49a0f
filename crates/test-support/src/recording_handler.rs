//! A handler for tests: runs a closure per message and remembers what happened. Waiting is for events, never by time
//! alone.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use csb_core::dead_letter::HandlerError;
use csb_core::error_code::ErrorCode;
use csb_core::observe::consumer_event::RevokedReason;
use csb_core::observe::log::Logger;
use csb_core::runtime::clock;
use csb_core::runtime::task_group::TaskGroup;

use calls::Calls;

mod calls;

/// Name of an error after which no other attempt is made.
pub const NEVER_RETRIED: &str = "NeverRetried";

/// Longest wait for anything in a test.
const DEADLINE: Duration = Duration::from_mins(1);

/// A message as a test looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Partition it came from.
    pub partition: u32,
    /// Field `n` of its payload.
    pub n: i64,
    /// Attempt, from 1.
    pub attempt: u32,
    /// Its key.
    pub key: Option<String>,
    /// Whether it may have been handled before.
    pub possible_duplicate: bool,
    /// Whether it is a dead letter that is delivered again.
    pub redriven: bool,
}

/// A failed attempt, as the user is told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Field `n` of the payload.
    pub n: i64,
    /// The attempt that failed, from 1.
    pub attempt: u32,
    /// Whether another one follows.
    pub will_retry: bool,
}

/// What has happened so far.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// Calls, in the order in which they began.
    pub begun: Vec<Received>,
    /// Handled messages, in the order in which they were finished.
    pub handled: Vec<Received>,
    /// Attempts that failed, with whether another one follows.
    pub failed: Vec<(u32, bool)>,
    /// The same, with the message.
    pub told: Vec<Told>,
    /// Numbers of each batch, in the order in which they began.
    pub batches: Vec<Vec<i64>>,
    /// Calls that were asked to end.
    pub timed_out: usize,
    /// Calls that were given up.
    pub abandoned: usize,
    /// Calls that were asked to end because the partition is another member's.
    pub lost: usize,
    /// Partitions that the consumer was given, in the order in which it was told.
    pub assigned: Vec<Vec<u32>>,
    /// Partitions that it gave up or lost.
    pub revoked: Vec<(u32, RevokedReason)>,
    /// Codes of errors that belong to no message.
    pub consumer_errors: Vec<ErrorCode>,
    /// Whether two messages of one partition were ever being handled at the same time.
    pub overlapped: bool,
    /// Whether two messages of one key, or two without a key, of one partition were.
    pub key_overlapped: bool,
    /// Most messages of one partition that were being handled at the same time.
    pub most_at_once: usize,
}

/// Runs a closure for every message.
pub struct RecordingHandler {
    calls: Arc<Calls>,
    tasks: TaskGroup,
}

type Outcome<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Handle = Box<dyn Fn(Received) -> Outcome<Result<(), HandlerError>> + Send + Sync>;
type OnFailure = Box<dyn Fn(Told) -> Outcome<()> + Send + Sync>;

/// An ordinary error of a handler.
pub fn failure() -> HandlerError {
    HandlerError { name: "Error".to_owned(), message: "not today".to_owned(), stack: None }
}

impl RecordingHandler {
    /// A handler that succeeds at once.
    pub fn accepting() -> Arc<Self> {
        Self::new(|_| async { Ok(()) })
    }

    /// A handler that runs `handle`.
    pub fn new<F, O>(handle: F) -> Arc<Self>
    where
        F: Fn(Received) -> O + Send + Sync + 'static,
        O: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        Self::with_error_handler(handle, |_| async {})
    }

    /// A handler that runs `handle`, and `on_failure` after each attempt that failed.
    pub fn with_error_handler<F, O, E, P>(handle: F, on_failure: E) -> Arc<Self>
    where
        F: Fn(Received) -> O + Send + Sync + 'static,
        O: Future<Output = Result<(), HandlerError>> + Send + 'static,
        E: Fn(Told) -> P + Send + Sync + 'static,
        P: Future<Output = ()> + Send + 'static,
    {
        let handle: Handle = Box::new(move |received| Box::pin(handle(received)));
        let on_failure: OnFailure = Box::new(move |told| Box::pin(on_failure(told)));
        let calls = Arc::new(Calls::new(handle, on_failure));
        Arc::new(Self { calls, tasks: TaskGroup::new(Logger::silent()) })
    }

    /// Whether the hooks of partitions that come and go wait.
    pub fn hold_hooks(&self, holds: bool) {
        self.calls.holds_hooks.send_replace(holds);
    }

    /// What has happened so far.
    pub fn recorded(&self) -> Recorded {
        self.calls.recorded.borrow().clone()
    }

    /// Waits until it looks as wanted.
    pub async fn wait_for(&self, what: &str, wanted: impl Fn(&Recorded) -> bool) -> Recorded {
        let mut recorded = self.calls.recorded.subscribe();
        let outcome =
            clock::timeout(DEADLINE, async { recorded.wait_for(wanted).await.map(|seen| seen.clone()) });
        match outcome.await {
            Some(Ok(seen)) => seen,
            _ => panic!("not within {DEADLINE:?}: {what}; {} handled", self.recorded().handled.len()),
        }
    }

    /// Waits for so many handled messages.
    pub async fn wait_for_handled(&self, count: usize) -> Recorded {
        self.wait_for(&format!("{count} messages"), |recorded| recorded.handled.len() >= count).await
    }
}

impl Recorded {
    /// Handled numbers of one partition, in order.
    pub fn numbers_of(&self, partition: u32) -> Vec<i64> {
        self.handled
            .iter()
            .filter(|message| message.partition == partition)
            .map(|message| message.n)
            .collect()
    }

    /// Handled numbers of one key, in order.
    pub fn numbers_with_key(&self, key: Option<&str>) -> Vec<i64> {
        let of_key = self.handled.iter().filter(|message| message.key.as_deref() == key);
        of_key.map(|message| message.n).collect()
    }

    /// All handled numbers, sorted.
    pub fn sorted_numbers(&self) -> Vec<i64> {
        let mut numbers: Vec<_> = self.handled.iter().map(|message| message.n).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The attempts of one message, in the order in which they began.
    pub fn attempts_of(&self, n: i64) -> Vec<u32> {
        self.begun.iter().filter(|message| message.n == n).map(|message| message.attempt).collect()
    }
}
