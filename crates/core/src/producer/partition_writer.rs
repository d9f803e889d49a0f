//! Group commit for one partition: while one insert is under way, later messages gather and go together in the next.
//!
//! One insert at a time keeps the order; no timer adds latency. An insert that fails in a way that may heal is tried
//! again with the same message ids until its deadline, so that a message is stored once however often it is tried.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bson::RawDocumentBuf;

use super::retried_append::RetriedAppend;
use super::send_outcome::{SendOutcome, given_up};
use crate::error::{Error, Result};
use crate::error_code::{Effect, ErrorCode};
use crate::observe::log::Logger;
use crate::runtime::clock::{self, Instant};
use crate::runtime::task_group::TaskGroup;
use crate::store::contract::{AppendFailure, Store};

/// What goes together fails together when time is up: messages that have much longer are left for the next insert.
const DEADLINES_WITHIN: Duration = Duration::from_secs(1);
/// One insert at most. The server takes 100,000 documents and 16 MiB.
const MOST_MESSAGES: usize = 10_000;
const MOST_BYTES: usize = 8 << 20;

/// A message on its way, and the send that it belongs to.
pub(super) struct QueuedMessage {
    pub(super) document: RawDocumentBuf,
    /// Its index in the send.
    pub(super) index: u32,
    pub(super) outcome: Arc<SendOutcome>,
    pub(super) deadline: Instant,
}

/// Writes one partition. Cheap to clone.
#[derive(Clone)]
pub(super) struct PartitionWriter(Arc<WriterState>);

struct WriterState {
    store: Arc<dyn Store>,
    collection: String,
    queue: Mutex<Queue>,
    logger: Logger,
}

#[derive(Default)]
struct Queue {
    messages: VecDeque<QueuedMessage>,
    /// A task is writing and will look again before it ends.
    is_writing: bool,
}

impl PartitionWriter {
    pub(super) fn new(store: Arc<dyn Store>, collection: String, logger: Logger) -> Self {
        Self(Arc::new(WriterState { store, collection, queue: Mutex::default(), logger }))
    }

    /// Queues messages and makes sure that somebody writes them.
    pub(super) fn enqueue(&self, messages: Vec<QueuedMessage>, tasks: &TaskGroup) {
        let starts_writing = {
            let mut queue = self.0.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.messages.extend(messages);
            !std::mem::replace(&mut queue.is_writing, true)
        };
        if starts_writing {
            let writing = Writing { writer: self.clone(), is_finished: false };
            tasks.spawn("partition writer", writing.run());
        }
    }

    async fn write_until_empty(&self) {
        while let Some(batch) = self.next_batch() {
            self.write(batch).await;
        }
    }

    /// What goes into the next insert. `None` ends the writing task: whoever queues next starts another.
    fn next_batch(&self) -> Option<Vec<QueuedMessage>> {
        let mut queue = self.0.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = 0;
        let mut batch = Vec::new();
        while let Some(next) = queue.messages.front() {
            bytes += next.document.as_bytes().len();
            let first = batch.first().unwrap_or(next);
            let has_longer = next.deadline > first.deadline + DEADLINES_WITHIN;
            if batch.len() == MOST_MESSAGES || has_longer || (!batch.is_empty() && bytes > MOST_BYTES) {
                break;
            }
            batch.extend(queue.messages.pop_front());
        }
        queue.is_writing = !batch.is_empty();
        queue.is_writing.then_some(batch)
    }

    fn take_queue(&self) -> VecDeque<QueuedMessage> {
        let mut queue = self.0.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.is_writing = false;
        std::mem::take(&mut queue.messages)
    }

    async fn write(&self, mut batch: Vec<QueuedMessage>) {
        let now = clock::now();
        // Messages are queued in the order of their deadlines.
        let late = batch.partition_point(|message| message.deadline <= now);
        for message in batch.drain(..late) {
            message.outcome.failed(message.index, &self.timed_out_unsent());
        }
        let Some(deadline) = batch.first().map(|message| message.deadline) else { return };
        let (documents, sends): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|message| (message.document, (message.outcome, message.index))).unzip();
        match self.append_until(&documents, deadline).await {
            Ok(refused) => {
                let mut refused = refused.into_iter().peekable();
                for (position, (outcome, index)) in sends.iter().enumerate() {
                    match refused.next_if(|failure| failure.index == position) {
                        Some(failure) => outcome.failed(*index, &failure.error),
                        None => outcome.stored(*index),
                    }
                }
            }
            Err(error) => sends.iter().for_each(|(outcome, index)| outcome.failed(*index, &error)),
        }
    }

    async fn append_until(
        &self,
        documents: &[RawDocumentBuf],
        deadline: Instant,
    ) -> Result<Vec<AppendFailure>> {
        let WriterState { store, collection, logger, .. } = &*self.0;
        let append = RetriedAppend { what: &format!("send to {collection}"), deadline, logger };
        let mut refused = append.run(|_| store.append(collection, documents)).await?;
        refused.sort_unstable_by_key(|failure| failure.index);
        Ok(refused)
    }

    /// Those before it took all of its time.
    fn timed_out_unsent(&self) -> Error {
        let what = format!("send to {}: not begun within deliveryTimeoutMs", self.0.collection);
        Error::new(ErrorCode::Unavailable, what).with_effect(Effect::None)
    }
}

/// The task that writes. If it is ended before the queue is empty, nobody would write the rest: those sends fail.
struct Writing {
    writer: PartitionWriter,
    is_finished: bool,
}

impl Writing {
    async fn run(mut self) {
        self.writer.write_until_empty().await;
        self.is_finished = true;
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if !self.is_finished {
            let error = given_up();
            // Outside of the lock: settling a send wakes whoever waits for it.
            self.writer
                .take_queue()
                .into_iter()
                .for_each(|message| message.outcome.failed(message.index, &error));
        }
    }
}
