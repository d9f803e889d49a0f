//! A producer: sends messages to one topic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bson::RawDocument;

use super::partition_writer::PartitionWriter;
use super::queued_sends::{QueuedSends, Queueing};
use super::send_group::SendGroup;
use super::unsent_bytes::UnsentBytes;
use crate::config::ProducerConfig;
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::observe::log::Logger;
use crate::partition::partition_id::collection_name;
use crate::partition::partitioner::Partitioner;
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

    /// Sends the messages of these parts (see [`parse_messages`](crate::record::message::parse_messages)). Everything is
    /// checked before anything is written. Resolves when all are acknowledged; an error's effect says whether some may
    /// be stored.
    ///
    /// The messages are queued when this function is called, not when its future is polled, so that the order of
    /// sends is the order of calls.
    pub fn send(&self, parts: &[&RawDocument]) -> impl Future<Output = Result<()>> + Send + use<> {
        let groups = self.send_each([parts.to_vec()]);
        async move {
            for group in groups {
                if let Some(failed) = group.settled().await.pop() {
                    return Err(failed.error);
                }
            }
            Ok(())
        }
    }

    /// As many calls of [`send`](Self::send), each with its own outcome, at the cost of one.
    pub fn send_each<'p>(&self, sends: impl IntoIterator<Item = Vec<&'p RawDocument>>) -> Vec<SendGroup> {
        let state = &self.0;
        let queueing = Queueing {
            topic: &state.config.topic,
            partitioner: &state.partitioner,
            unsent: &state.parts.unsent,
            now_ms: clock::unix_millis(),
            deadline: clock::now() + state.parts.delivery_timeout,
        };
        let mut queued = QueuedSends::default();
        for (number, parts) in (0..).zip(sends) {
            match self.refuse_disconnected() {
                Ok(()) => queued.add(number, &parts, &queueing),
                Err(error) => queued.fail(number, error),
            }
        }
        let (by_partition, groups) = queued.finish();
        for (partition, messages) in by_partition {
            if let Some(writer) = state.writers.get(partition as usize) {
                writer.enqueue(messages, &state.parts.tasks);
            }
        }
        groups
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
