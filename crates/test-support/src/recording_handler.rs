//! A handler for tests: runs a closure per message and remembers what happened. Waiting is for events, never by time
//! alone.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use csb_core::consumer::record_handler::{Delivery, DeliveryId, DeliveryReport, RecordHandler, ReportSender};
use csb_core::dead_letter::HandlerError;
use csb_core::error::Error;
use csb_core::error_code::ErrorCode;
use csb_core::observe::log::Logger;
use csb_core::runtime::clock;
use csb_core::runtime::task_group::TaskGroup;
use tokio::sync::watch;

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
    async fn run(&self, id: DeliveryId, messages: Vec<Received>, reports: ReportSender) {
        for (handled, message) in messages.into_iter().enumerate() {
            if self.lock_stopping().remove(&id).is_some() {
                let _ = reports.send(DeliveryReport::Stopped(handled));
                return;
            }
            self.begin(message.partition);
            let outcome = (self.handle)(message.clone()).await;
            self.end(message.partition);
            if let Err(error) = outcome {
                let _ = reports.send(DeliveryReport::Failed { handled, error });
                return;
            }
            self.recorded.send_modify(|recorded| recorded.handled.push(message));
            let _ = reports.send(DeliveryReport::Progress(handled + 1));
        }
        let _ = reports.send(DeliveryReport::Done);
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
    fn deliver(&self, delivery: Delivery<'_>, reports: ReportSender) {
        let mut attempt = delivery.attempt;
        let messages = delivery.messages.iter().map(|message| {
            let value = message.stored.value().expect("a readable value");
            let n =
                value.as_document().and_then(|value| value.get_i64("n").ok()).expect("payload { n: Int64 }");
            Received { partition: delivery.partition, n, attempt: std::mem::replace(&mut attempt, 1) }
        });
        let messages = messages.collect();
        let (shared, id) = (Arc::clone(&self.shared), delivery.id);
        self.tasks.spawn("test handler", async move { shared.run(id, messages, reports).await });
    }

    fn stop(&self, id: DeliveryId) {
        self.shared.lock_stopping().insert(id, true);
    }

    fn attempt_failed(&self, _: DeliveryId, attempt: u32, will_retry: bool, reports: ReportSender) {
        self.shared.recorded.send_modify(|recorded| recorded.failed.push((attempt, will_retry)));
        let _ = reports.send(DeliveryReport::ErrorHandlerFinished);
    }

    fn consumer_failed(&self, error: &Error) {
        self.shared.recorded.send_modify(|recorded| recorded.consumer_errors.push(error.code()));
    }
}
