//! A handler that writes what it does, works for a while, and fails where it should.

use std::collections::{HashMap, HashSet};
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use csb_core::consumer::record_handler::{
    DeliveredMessage, Delivery, DeliveryId, DeliveryReport, FailedMessage, HandlerFailure, PROGRESS_INTERVAL,
    RecordHandler, Reports,
};
use csb_core::dead_letter::HandlerError;
use csb_core::error::Error;
use csb_core::observe::log::Logger;
use csb_core::runtime::task_group::TaskGroup;
use csb_core::runtime::{clock, random};
use tokio::sync::oneshot;

use super::config::ConsumerRole;
use super::history_writer::HistoryWriter;
use crate::history::Happening;

pub(super) struct WritingHandler {
    shared: Arc<Shared>,
    tasks: TaskGroup,
}

struct Shared {
    history: HistoryWriter,
    work: Duration,
    failing_percent: u32,
    stopping: Mutex<HashSet<DeliveryId>>,
    /// Values of messages that failed, by their id.
    failed: Mutex<HashMap<String, String>>,
}

/// A message of a delivery.
struct Given {
    id: String,
    value: String,
    is_poison: bool,
    begun: Happening,
}

impl WritingHandler {
    pub(super) fn new(history: HistoryWriter, role: &ConsumerRole) -> Self {
        let shared = Shared {
            history,
            work: Duration::from_micros(role.work_micros),
            failing_percent: role.failing_percent,
            stopping: Mutex::default(),
            failed: Mutex::default(),
        };
        Self { shared: Arc::new(shared), tasks: TaskGroup::new(Logger::silent()) }
    }

    /// The value of a failed message, which will not come again.
    pub(super) fn forget(&self, message_id: &str) -> Option<String> {
        lock(&self.shared.failed).remove(message_id)
    }
}

/// The history is all that a member is for: without it, it ends.
pub(super) fn write_or_end(history: &HistoryWriter, happening: Happening) {
    if history.write(happening).is_err() {
        process::abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Given {
    fn read(partition: u32, message: &DeliveredMessage<'_>) -> Result<Self, String> {
        let payload = message.stored.value().map_err(|error| error.to_string())?;
        let payload = payload.as_document().ok_or("the payload is no document")?;
        let value = payload.get_str("value").map_err(|error| error.to_string())?.to_owned();
        Ok(Self {
            id: message.stored.id_text().into_owned(),
            is_poison: payload.get_bool("poison").unwrap_or(false),
            begun: Happening::DeliveryBegun {
                partition,
                value: value.clone(),
                key: message.stored.key.map(str::to_owned),
                attempt: message.attempt,
                token: message.token.map(|token| token.as_str().to_owned()),
                possible_duplicate: message.possible_duplicate,
            },
            value,
        })
    }
}

impl Shared {
    /// Reports as the handler of JavaScript does: progress now and then, the end at once.
    async fn run(&self, id: DeliveryId, partition: u32, messages: Vec<Given>, reports: Reports) {
        let (total, mut reported_at) = (messages.len(), clock::now());
        for (index, message) in messages.into_iter().enumerate() {
            if lock(&self.stopping).remove(&id) {
                return reports.end(DeliveryReport::Stopped(index));
            }
            if !self.handle(partition, message).await {
                let error = HandlerError { name: "Error".into(), message: "not today".into(), stack: None };
                let failure = HandlerFailure { error, may_retry: true, is_transient: false };
                return reports.end(DeliveryReport::Failed { handled: index, failure });
            }
            if index + 1 < total && clock::now() >= reported_at + PROGRESS_INTERVAL {
                reported_at = clock::now();
                reports.progress(index + 1);
            }
        }
        reports.end(DeliveryReport::Done);
    }

    async fn handle(&self, partition: u32, message: Given) -> bool {
        write_or_end(&self.history, message.begun);
        if self.work > Duration::ZERO {
            clock::sleep(self.work).await;
        }
        let succeeds = !message.is_poison && random::next_u32() % 100 >= self.failing_percent;
        let value = message.value;
        if succeeds {
            lock(&self.failed).remove(&message.id);
            write_or_end(&self.history, Happening::DeliveryFinished { partition, value });
        } else {
            lock(&self.failed).insert(message.id, value.clone());
            write_or_end(&self.history, Happening::DeliveryFailed { partition, value });
        }
        succeeds
    }
}

impl RecordHandler for WritingHandler {
    fn deliver(&self, delivery: Delivery<'_>, reports: Reports) {
        let (id, partition) = (delivery.id, delivery.partition);
        let messages: Result<Vec<_>, _> =
            delivery.messages.iter().map(|message| Given::read(partition, message)).collect();
        let messages = match messages {
            Ok(messages) => messages,
            Err(problem) => {
                let text = format!("a message of partition {partition} is not one of a member: {problem}");
                write_or_end(&self.shared.history, Happening::Noted { text });
                process::abort();
            }
        };
        let shared = Arc::clone(&self.shared);
        self.tasks.spawn("handler", async move { shared.run(id, partition, messages, reports).await });
    }

    fn stop(&self, id: DeliveryId) {
        lock(&self.shared.stopping).insert(id);
    }

    fn time_out(&self, _: DeliveryId, _: usize) {}

    fn abandon(&self, id: DeliveryId, _: usize) {
        // A handler that works this long is not what members are for.
        let text = format!("{id:?} took too long");
        write_or_end(&self.shared.history, Happening::Noted { text });
        process::abort();
    }

    fn attempt_failed(&self, _: FailedMessage, reports: Reports) {
        reports.end(DeliveryReport::ErrorHandlerFinished);
    }

    fn ping(&self, answer: oneshot::Sender<()>) {
        // Whoever asked may have gone.
        let _ = answer.send(());
    }

    fn consumer_failed(&self, error: &Error) {
        let text = format!("consumer failed: {}", error.code());
        write_or_end(&self.shared.history, Happening::Noted { text });
    }
}
