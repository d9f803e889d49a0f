//! Group commit for one partition: while one insert is under way, later messages gather and go together in the next.
//!
//! One insert at a time keeps the order; no timer adds latency. An insert that fails in a way that may heal is tried
//! again with the same message ids until its deadline, so that a message is stored once however often it is tried.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bson::RawDocumentBuf;

use super::send_outcome::{SendOutcome, given_up};
use crate::error::{Error, Result};
use crate::error_code::{Effect, ErrorCode};
use crate::observe::log::Logger;
use crate::runtime::backoff::Backoff;
use crate::runtime::clock::{self, Instant};
use crate::runtime::random;
use crate::runtime::task_group::TaskGroup;
use crate::store::contract::Store;

/// One insert at most. The server takes 100,000 documents and 16 MiB.
const MOST_MESSAGES: usize = 10_000;
const MOST_BYTES: usize = 8 << 20;
const RETRY_AFTER: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

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
            if batch.len() == MOST_MESSAGES || (!batch.is_empty() && bytes > MOST_BYTES) {
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

    async fn write(&self, batch: Vec<QueuedMessage>) {
        // Messages are queued in the order of their deadlines.
        let deadline = batch.first().map_or_else(clock::now, |message| message.deadline);
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
    ) -> Result<Vec<crate::store::contract::AppendFailure>> {
        let mut backoff = Backoff::new(RETRY_AFTER.0, RETRY_AFTER.1);
        let mut effect = Effect::None;
        loop {
            let remaining = deadline.saturating_duration_since(clock::now());
            let attempt = clock::timeout(remaining, self.0.store.append(&self.0.collection, documents)).await;
            let error = match attempt {
                Some(Ok(mut refused)) => {
                    refused.sort_unstable_by_key(|failure| failure.index);
                    return Ok(refused);
                }
                Some(Err(error)) => error,
                None => return Err(self.timed_out(Effect::Possible)),
            };
            if error.effect() == Effect::Possible {
                effect = Effect::Possible;
            }
            if !error.is_retryable() {
                return Err(error.with_effect(effect));
            }
            let delay = backoff.next_delay(random::next_u32());
            if clock::now() + delay >= deadline {
                return Err(self.timed_out(effect).caused_by(format!("{error:?}")));
            }
            self.0.logger.warn(|| {
                format!(
                    "insert into {} failed, next try in {} ms: {error:?}",
                    self.0.collection,
                    delay.as_millis()
                )
            });
            clock::sleep(delay).await;
        }
    }

    fn timed_out(&self, effect: Effect) -> Error {
        let code = if effect == Effect::None { ErrorCode::Unavailable } else { ErrorCode::Timeout };
        Error::new(code, format!("send to {}: not acknowledged within deliveryTimeoutMs", self.0.collection))
            .with_effect(effect)
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
