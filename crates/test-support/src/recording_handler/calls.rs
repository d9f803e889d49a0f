//! Runs the calls and reports what they come to.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use csb_core::consumer::record_handler::{
    Delivery, DeliveryId, DeliveryMode, DeliveryReport, FailedMessage, HandlerFailure, RecordHandler, Reports,
};
use csb_core::dead_letter::HandlerError;
use csb_core::error::Error;
use csb_core::error_code::ErrorCode;
use csb_core::observe::consumer_event::RevokedReason;
use futures_util::future::BoxFuture;
use tokio::sync::{oneshot, watch};

use super::{Handle, NEVER_RETRIED, OnFailure, Received, Recorded, RecordingHandler, Told};

pub(super) struct Calls {
    handle: Handle,
    on_failure: OnFailure,
    pub(super) recorded: watch::Sender<Recorded>,
    stopping: Mutex<HashSet<DeliveryId>>,
    running: Mutex<HashMap<DeliveryId, Running>>,
    /// Numbers of what was delivered, until it has ended and the user knows of its failures.
    delivered: Mutex<HashMap<DeliveryId, Vec<i64>>>,
    busy: Mutex<BTreeMap<u32, Vec<Option<String>>>>,
    /// Whether hooks wait.
    pub(super) holds_hooks: watch::Sender<bool>,
}

struct Running {
    mode: DeliveryMode,
    messages: usize,
    handled: usize,
    reports: Reports,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failure_of(error: HandlerError) -> HandlerFailure {
    HandlerFailure { may_retry: error.name != NEVER_RETRIED, error, is_transient: false }
}

impl Calls {
    pub(super) fn new(handle: Handle, on_failure: OnFailure) -> Self {
        Self {
            handle,
            on_failure,
            recorded: watch::Sender::new(Recorded::default()),
            stopping: Mutex::default(),
            running: Mutex::default(),
            delivered: Mutex::default(),
            busy: Mutex::default(),
            holds_hooks: watch::Sender::new(false),
        }
    }

    fn wait_at_hook(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut holds = self.holds_hooks.subscribe();
        async move {
            // The sender has gone with the test.
            let _ = holds.wait_for(|holds| !*holds).await;
        }
    }

    async fn run_each(&self, id: DeliveryId, messages: Vec<Received>) {
        for (handled, message) in messages.into_iter().enumerate() {
            if lock(&self.stopping).remove(&id) {
                return self.end_report(id, DeliveryReport::Stopped(handled));
            }
            if let Err(error) = self.run_one(&message).await {
                let failure = failure_of(error);
                return self.end_report(id, DeliveryReport::Failed { handled, failure });
            }
            if !self.progress(id, handled + 1, message) {
                return;
            }
        }
        self.end_report(id, DeliveryReport::Done);
    }

    async fn run_batch(&self, id: DeliveryId, messages: Vec<Received>) {
        self.recorded.send_modify(|recorded| {
            recorded.batches.push(messages.iter().map(|message| message.n).collect());
        });
        let (mut handled, mut failures) = (Vec::new(), Vec::new());
        for (index, message) in messages.into_iter().enumerate() {
            match self.run_one(&message).await {
                Ok(()) => handled.push(message),
                Err(error) => failures.push((index, failure_of(error))),
            }
        }
        if !lock(&self.running).contains_key(&id) {
            return;
        }
        self.recorded.send_modify(|recorded| recorded.handled.extend(handled));
        let report =
            if failures.is_empty() { DeliveryReport::Done } else { DeliveryReport::BatchFailed(failures) };
        self.end_report(id, report);
    }

    async fn run_one(&self, message: &Received) -> Result<(), HandlerError> {
        self.begin(message);
        let outcome = (self.handle)(message.clone()).await;
        self.end(message);
        outcome
    }

    /// `false` if the delivery was abandoned.
    fn progress(&self, id: DeliveryId, handled: usize, message: Received) -> bool {
        match lock(&self.running).get_mut(&id) {
            Some(running) => {
                running.handled = handled;
                // First: whoever sees what the report leads to looks for the message here.
                self.recorded.send_modify(|recorded| recorded.handled.push(message));
                running.reports.progress(handled);
                true
            }
            None => false,
        }
    }

    fn end_report(&self, id: DeliveryId, report: DeliveryReport) {
        let keeps_numbers = matches!(report, DeliveryReport::Failed { .. } | DeliveryReport::BatchFailed(_));
        if !keeps_numbers {
            lock(&self.delivered).remove(&id);
        }
        let ended = lock(&self.running).remove(&id);
        if let Some(running) = ended {
            running.reports.end(report);
        }
    }

    fn begin(&self, message: &Received) {
        let mut busy = lock(&self.busy);
        let keys = busy.entry(message.partition).or_default();
        let key_overlaps = keys.contains(&message.key);
        keys.push(message.key.clone());
        let at_once = keys.len();
        drop(busy);
        self.recorded.send_modify(|recorded| {
            recorded.begun.push(message.clone());
            recorded.overlapped |= at_once > 1;
            recorded.key_overlapped |= key_overlaps;
            recorded.most_at_once = recorded.most_at_once.max(at_once);
        });
    }

    fn end(&self, message: &Received) {
        let mut busy = lock(&self.busy);
        let Some(keys) = busy.get_mut(&message.partition) else { return };
        if let Some(at) = keys.iter().position(|key| *key == message.key) {
            keys.swap_remove(at);
        }
    }

    async fn tell(&self, failed: FailedMessage, reports: Reports) {
        let FailedMessage { id, index, attempt, will_retry, is_last } = failed;
        let n = lock(&self.delivered).get(&id).and_then(|numbers| numbers.get(index)).copied();
        let n = n.expect("a message that was delivered");
        if is_last {
            lock(&self.delivered).remove(&id);
        }
        let told = Told { n, attempt, will_retry };
        self.recorded.send_modify(|recorded| {
            recorded.failed.push((attempt, will_retry));
            recorded.told.push(told);
        });
        (self.on_failure)(told).await;
        reports.end(DeliveryReport::ErrorHandlerFinished);
    }
}

impl RecordHandler for RecordingHandler {
    fn deliver(&self, delivery: Delivery<'_>, reports: Reports) {
        let Delivery { id, partition, mode, messages } = delivery;
        let messages = messages.iter().map(|message| {
            let value = message.stored.value().expect("a readable value");
            let n =
                value.as_document().and_then(|value| value.get_i64("n").ok()).expect("payload { n: Int64 }");
            Received {
                partition,
                n,
                attempt: message.attempt,
                key: message.stored.key.map(str::to_owned),
                possible_duplicate: message.possible_duplicate,
                redriven: message.redriven,
            }
        });
        let messages: Vec<_> = messages.collect();
        let calls = Arc::clone(&self.calls);
        lock(&calls.delivered).insert(id, messages.iter().map(|message| message.n).collect());
        let running = Running { mode, messages: messages.len(), handled: 0, reports };
        lock(&calls.running).insert(id, running);
        self.tasks.spawn("test handler", async move {
            match mode {
                DeliveryMode::Each => calls.run_each(id, messages).await,
                DeliveryMode::Batch => calls.run_batch(id, messages).await,
            }
        });
    }

    fn stop(&self, id: DeliveryId) {
        if lock(&self.calls.running).contains_key(&id) {
            lock(&self.calls.stopping).insert(id);
        }
    }

    fn time_out(&self, _: DeliveryId, _: usize) {
        self.calls.recorded.send_modify(|recorded| recorded.timed_out += 1);
    }

    fn abandon(&self, id: DeliveryId, known: usize) {
        let mut running = lock(&self.calls.running);
        if running.get(&id).is_none_or(|running| running.handled > known) {
            return;
        }
        self.calls.recorded.send_modify(|recorded| recorded.abandoned += 1);
        let Some(Running { mode, messages, handled, reports }) = running.remove(&id) else { return };
        let name = ErrorCode::HandlerTimeout.as_str().to_owned();
        let error = HandlerError { name, message: "took too long".into(), stack: None };
        let failure = failure_of(error);
        reports.end(match mode {
            DeliveryMode::Each => DeliveryReport::Failed { handled, failure },
            DeliveryMode::Batch => {
                DeliveryReport::BatchFailed((0..messages).map(|index| (index, failure.clone())).collect())
            }
        });
    }

    fn attempt_failed(&self, failed: FailedMessage, reports: Reports) {
        let calls = Arc::clone(&self.calls);
        self.tasks.spawn("test error handler", async move { calls.tell(failed, reports).await });
    }

    fn lease_lost(&self, _: DeliveryId) {
        self.calls.recorded.send_modify(|recorded| recorded.lost += 1);
    }

    fn assigned(&self, partitions: &[u32]) -> BoxFuture<'static, ()> {
        self.calls.recorded.send_modify(|recorded| recorded.assigned.push(partitions.to_vec()));
        Box::pin(self.calls.wait_at_hook())
    }

    fn revoked(&self, partition: u32, reason: RevokedReason) -> BoxFuture<'static, ()> {
        self.calls.recorded.send_modify(|recorded| recorded.revoked.push((partition, reason)));
        Box::pin(self.calls.wait_at_hook())
    }

    fn ping(&self, answer: oneshot::Sender<()>) {
        // Whoever asked may have gone.
        let _ = answer.send(());
    }

    fn consumer_failed(&self, error: &Error) {
        self.calls.recorded.send_modify(|recorded| recorded.consumer_errors.push(error.code()));
    }
}
