//! A handler for tests: runs a closure per message and remembers what happened. Waiting is for events, never by time
//! alone.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use csb_core::consumer::record_handler::{
    Delivery, DeliveryId, DeliveryMode, DeliveryReport, FailedMessage, HandlerFailure, RecordHandler, Reports,
};
use csb_core::dead_letter::HandlerError;
use csb_core::error::Error;
use csb_core::error_code::ErrorCode;
use csb_core::observe::log::Logger;
use csb_core::runtime::clock;
use csb_core::runtime::task_group::TaskGroup;
use tokio::sync::{oneshot, watch};

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

type Outcome = Pin<Box<dyn Future<Output = Result<(), HandlerError>> + Send>>;
type Handle = Box<dyn Fn(Received) -> Outcome + Send + Sync>;

/// What has happened so far.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// Handled messages, in the order in which they were finished.
    pub handled: Vec<Received>,
    /// Attempts that failed, with whether another one follows.
    pub failed: Vec<(u32, bool)>,
    /// Numbers of each batch, in the order in which they began.
    pub batches: Vec<Vec<i64>>,
    /// Calls that were asked to end.
    pub timed_out: usize,
    /// Codes of errors that belong to no message.
    pub consumer_errors: Vec<ErrorCode>,
    /// Whether two messages of one partition were ever being handled at the same time.
    pub overlapped: bool,
}

/// Runs a closure for every message.
pub struct RecordingHandler {
    shared: Arc<Shared>,
    tasks: TaskGroup,
}

struct Shared {
    handle: Handle,
    recorded: watch::Sender<Recorded>,
    stopping: Mutex<HashMap<DeliveryId, bool>>,
    reports: Mutex<HashMap<DeliveryId, (usize, Reports)>>,
    busy: Mutex<BTreeMap<u32, usize>>,
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
        let shared = Shared {
            handle: Box::new(move |received| Box::pin(handle(received))),
            recorded: watch::Sender::new(Recorded::default()),
            stopping: Mutex::default(),
            reports: Mutex::default(),
            busy: Mutex::default(),
        };
        Arc::new(Self { shared: Arc::new(shared), tasks: TaskGroup::new(Logger::silent()) })
    }

    /// What has happened so far.
    pub fn recorded(&self) -> Recorded {
        self.shared.recorded.borrow().clone()
    }

    /// Waits until it looks as wanted.
    pub async fn wait_for(&self, what: &str, wanted: impl Fn(&Recorded) -> bool) -> Recorded {
        let mut recorded = self.shared.recorded.subscribe();
        let outcome =
            clock::timeout(DEADLINE, async { recorded.wait_for(wanted).await.map(|seen| seen.clone()) });
        match outcome.await {
            Some(Ok(seen)) => seen,
            _ => panic!("not within {DEADLINE:?}: {what}; {} handled", self.recorded().handled.len()),
        }
    }

    /// Whether an error that belongs to no message comes within this time.
    pub async fn lost_within(&self, limit: Duration) -> bool {
        let mut recorded = self.shared.recorded.subscribe();
        let seen = clock::timeout(limit, async {
            recorded.wait_for(|seen| !seen.consumer_errors.is_empty()).await.is_ok()
        });
        seen.await == Some(true)
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

    /// All handled numbers, sorted.
    pub fn sorted_numbers(&self) -> Vec<i64> {
        let mut numbers: Vec<_> = self.handled.iter().map(|message| message.n).collect();
        numbers.sort_unstable();
        numbers
    }
}

impl Shared {
    async fn run_each(&self, id: DeliveryId, messages: Vec<Received>) {
        for (handled, message) in messages.into_iter().enumerate() {
            if self.lock_stopping().remove(&id).is_some() {
                return self.end_report(id, DeliveryReport::Stopped(handled));
            }
            if let Err(error) = self.run_one(&message).await {
                let failure = HandlerFailure { may_retry: error.name != NEVER_RETRIED, error };
                return self.end_report(id, DeliveryReport::Failed { handled, failure });
            }
            if !self.progress(id, handled + 1) {
                return;
            }
            self.recorded.send_modify(|recorded| recorded.handled.push(message));
        }
        self.end_report(id, DeliveryReport::Done);
    }

    async fn run_batch(&self, id: DeliveryId, messages: Vec<Received>) {
        self.recorded.send_modify(|recorded| {
            recorded.batches.push(messages.iter().map(|message| message.n).collect());
        });
        let mut failures = Vec::new();
        for (index, message) in messages.into_iter().enumerate() {
            match self.run_one(&message).await {
                Ok(()) => self.recorded.send_modify(|recorded| recorded.handled.push(message)),
                Err(error) => {
                    let may_retry = error.name != NEVER_RETRIED;
                    failures.push((index, HandlerFailure { error, may_retry }));
                }
            }
        }
        let report =
            if failures.is_empty() { DeliveryReport::Done } else { DeliveryReport::BatchFailed(failures) };
        self.end_report(id, report);
    }

    async fn run_one(&self, message: &Received) -> Result<(), HandlerError> {
        self.begin(message.partition);
        let outcome = (self.handle)(message.clone()).await;
        self.end(message.partition);
        outcome
    }

    /// `false` if the delivery was abandoned.
    fn progress(&self, id: DeliveryId, handled: usize) -> bool {
        match self.lock_reports().get_mut(&id) {
            Some((count, reports)) => {
                *count = handled;
                reports.progress(handled);
                true
            }
            None => false,
        }
    }

    fn end_report(&self, id: DeliveryId, report: DeliveryReport) {
        let ended = self.lock_reports().remove(&id);
        if let Some((_, reports)) = ended {
            reports.end(report);
        }
    }

    fn lock_reports(&self) -> std::sync::MutexGuard<'_, HashMap<DeliveryId, (usize, Reports)>> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, partition: u32) {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let running = busy.entry(partition).or_default();
        *running += 1;
        if *running > 1 {
            self.recorded.send_modify(|recorded| recorded.overlapped = true);
        }
    }

    fn end(&self, partition: u32) {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = busy.get_mut(&partition) {
            *running -= 1;
        }
    }

    fn lock_stopping(&self) -> std::sync::MutexGuard<'_, HashMap<DeliveryId, bool>> {
        self.stopping.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RecordHandler for RecordingHandler {
    fn deliver(&self, delivery: Delivery<'_>, reports: Reports) {
        let messages = delivery.messages.iter().map(|message| {
            let value = message.stored.value().expect("a readable value");
            let n =
                value.as_document().and_then(|value| value.get_i64("n").ok()).expect("payload { n: Int64 }");
            Received {
                partition: delivery.partition,
                n,
                attempt: message.attempt,
                key: message.stored.key.map(str::to_owned),
                possible_duplicate: message.possible_duplicate,
                redriven: message.redriven,
            }
        });
        let messages: Vec<_> = messages.collect();
        let (shared, id, mode) = (Arc::clone(&self.shared), delivery.id, delivery.mode);
        shared.lock_reports().insert(id, (0, reports));
        self.tasks.spawn("test handler", async move {
            match mode {
                DeliveryMode::Each => shared.run_each(id, messages).await,
                DeliveryMode::Batch => shared.run_batch(id, messages).await,
            }
        });
    }

    fn stop(&self, id: DeliveryId) {
        self.shared.lock_stopping().insert(id, true);
    }

    fn time_out(&self, _: DeliveryId) {
        self.shared.recorded.send_modify(|recorded| recorded.timed_out += 1);
    }

    fn abandon(&self, id: DeliveryId) {
        let abandoned = self.shared.lock_reports().remove(&id);
        if let Some((handled, reports)) = abandoned {
            let name = ErrorCode::HandlerTimeout.as_str().to_owned();
            let error = HandlerError { name, message: "took too long".into(), stack: None };
            let failure = HandlerFailure { error, may_retry: true };
            reports.end(DeliveryReport::Failed { handled, failure });
        }
    }

    fn attempt_failed(&self, failed: FailedMessage, reports: Reports) {
        self.shared
            .recorded
            .send_modify(|recorded| recorded.failed.push((failed.attempt, failed.will_retry)));
        reports.end(DeliveryReport::ErrorHandlerFinished);
    }

    fn ping(&self, answer: oneshot::Sender<()>) {
        // Whoever asked may have gone.
        let _ = answer.send(());
    }

    fn consumer_failed(&self, error: &Error) {
        self.shared.recorded.send_modify(|recorded| recorded.consumer_errors.push(error.code()));
    }
}
