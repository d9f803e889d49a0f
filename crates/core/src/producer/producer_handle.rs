//! A producer: sends messages to one topic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bson::{RawDocument, RawDocumentBuf};

use super::partition_writer::{PartitionWriter, QueuedMessage};
use super::send_outcome::SendOutcome;
use super::unsent_bytes::UnsentBytes;
use crate::config::ProducerConfig;
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::observe::log::Logger;
use crate::partition::partition_id::collection_name;
use crate::partition::partitioner::Partitioner;
use crate::record::{message, record_layout};
use crate::runtime::clock;
use crate::runtime::task_group::TaskGroup;
use crate::store::contract::Store;

/// What a producer shares with the rest of its broker.
#[derive(Clone)]
pub(crate) struct ProducerParts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) unsent: UnsentBytes,
    pub(crate) delivery_timeout: Duration,
    pub(crate) tasks: TaskGroup,
    pub(crate) logger: Logger,
}

/// A producer. Cheap to clone.
#[derive(Clone)]
pub struct Producer(Arc<ProducerState>);

struct ProducerState {
    config: ProducerConfig,
    parts: ProducerParts,
    partitioner: Partitioner,
    writers: Vec<PartitionWriter>,
    disconnected: AtomicBool,
}

impl Producer {
    /// `partitions` is what the topic has, which may be more than the configuration asks for.
    pub(crate) fn new(config: ProducerConfig, collection: &str, parts: ProducerParts) -> Self {
        let writer = |partition| {
            let collection = collection_name(collection, partition);
            PartitionWriter::new(Arc::clone(&parts.store), collection, parts.logger.clone())
        };
        let writers = (0..config.partitions).map(writer).collect();
        let partitioner = Partitioner::new(config.partition_strategy, config.partitions);
        Self(Arc::new(ProducerState {
            config,
            partitioner,
            writers,
            parts,
            disconnected: AtomicBool::new(false),
        }))
    }

    /// How it was configured.
    pub fn config(&self) -> &ProducerConfig {
        &self.0.config
    }

    /// Sends the messages of these parts (see [`message::parse_messages`]). Everything is checked before anything is
    /// written. Resolves when all are acknowledged; an error's effect says whether some may be stored.
    ///
    /// The messages are queued when this function is called, not when its future is polled, so that the order of
    /// sends is the order of calls.
    pub fn send(&self, parts: &[&RawDocument]) -> impl Future<Output = Result<()>> + Send + use<> {
        let queued = self.queue(parts);
        async move {
            match queued? {
                Some(settled) => settled.await.unwrap_or_else(|_| Err(Error::closed("the producer"))),
                None => Ok(()),
            }
        }
    }

    fn queue(&self, parts: &[&RawDocument]) -> Result<Option<tokio::sync::oneshot::Receiver<Result<()>>>> {
        let state = &self.0;
        self.refuse_disconnected()?;
        let now = clock::unix_millis();
        let mut by_partition: Vec<Vec<RawDocumentBuf>> = vec![Vec::new(); state.writers.len()];
        let (mut bytes, mut count) = (0, 0);
        for part in parts {
            for outgoing in message::parse_messages(part, count, now)? {
                let (message, hash_input) = (outgoing.message, outgoing.hash_input);
                let partition = state.partitioner.choose(message.key, hash_input, message.value);
                let document = record_layout::encode(&message, partition).map_err(|error| {
                    error.about(format_args!("message {count}")).on_topic(&state.config.topic)
                })?;
                count += 1;
                bytes += document.as_bytes().len();
                if let Some(messages) = by_partition.get_mut(partition as usize) {
                    messages.push(document);
                }
            }
        }
        if count == 0 {
            return Ok(None);
        }
        let (outcome, settled) = SendOutcome::new(state.parts.unsent.hold(bytes)?, count);
        let deadline = clock::now() + state.parts.delivery_timeout;
        for (writer, documents) in state.writers.iter().zip(by_partition) {
            if !documents.is_empty() {
                let queued = documents.into_iter().map(|document| QueuedMessage {
                    document,
                    outcome: Arc::clone(&outcome),
                    deadline,
                });
                writer.enqueue(queued, &state.parts.tasks);
            }
        }
        Ok(Some(settled))
    }

    /// No sends from here on. Those under way go on; the broker waits for them.
    pub fn disconnect(&self) {
        self.0.disconnected.store(true, Ordering::Release);
    }

    /// Whether it can send.
    pub fn is_connected(&self) -> bool {
        !self.0.disconnected.load(Ordering::Acquire)
    }

    fn refuse_disconnected(&self) -> Result<()> {
        if self.is_connected() {
            return Ok(());
        }
        Err(Error::new(ErrorCode::Closed, "Producer not connected: it was disconnected; create a new one")
            .on_topic(&self.0.config.topic))
    }
}
