//! A producer: sends messages to one topic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bson::RawDocument;
use tokio::sync::oneshot;

use super::message_encoder::MessageEncoder;
use super::partition_messages::by_partition;
use super::partition_writer::PartitionWriter;
use super::queued_sends::{QueuedSends, Queueing};
use super::retried_append::RetriedAppend;
use super::send_group::SendGroup;
use super::send_outcome::given_up;
use super::unsent_bytes::UnsentBytes;
use crate::config::ProducerConfig;
use crate::error::{Error, Result};
use crate::error_code::{Effect, ErrorCode};
use crate::observe::log::Logger;
use crate::partition::partition_id::collection_name;
use crate::partition::partitioner::Partitioner;
use crate::runtime::clock::{self, Instant};
use crate::runtime::task_group::TaskGroup;
use crate::store::contract::{PartitionMessages, Store};

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
    /// Prefix of the partitions' collections.
    collection: String,
    partitioner: Partitioner,
    writers: Vec<PartitionWriter>,
    disconnected: AtomicBool,
    /// The topic is known to exist.
    has_topic: AtomicBool,
}

impl Producer {
    /// Writes to the collections of the topic that begin with `collection`.
    pub(crate) fn new(config: ProducerConfig, collection: &str, parts: ProducerParts) -> Self {
        let writer = |partition| {
            let collection = collection_name(collection, partition);
            PartitionWriter::new(Arc::clone(&parts.store), collection, parts.logger.clone())
        };
        let writers = (0..config.partitions).map(writer).collect();
        let partitioner = Partitioner::new(config.partition_strategy, config.partitions);
        Self(Arc::new(ProducerState {
            config,
            collection: collection.to_owned(),
            partitioner,
            writers,
            parts,
            disconnected: AtomicBool::new(false),
            has_topic: AtomicBool::new(false),
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
            encoder: self.encoder(),
            unsent: &state.parts.unsent,
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

    /// The messages of one send as they are stored, for somebody else to store them: within a transaction of the user's.
    /// Everything is checked.
    pub fn prepare(&self, parts: &[&RawDocument]) -> Result<Vec<PartitionMessages>> {
        self.refuse_disconnected()?;
        let collection = |partition| collection_name(&self.0.collection, partition);
        Ok(by_partition(self.encoder().encode(parts)?, collection))
    }

    /// Fails with `ERR_CSB_TOPIC_NOT_FOUND` unless the topic was created. A transaction of the user's would create its
    /// collections, without their indexes.
    pub async fn require_topic(&self) -> Result<()> {
        let state = &self.0;
        if state.has_topic.load(Ordering::Acquire) {
            return Ok(());
        }
        let topic = &state.config.topic;
        if state.parts.store.load_topic(topic).await?.is_none() {
            let text = format!(
                "topic {topic} does not exist, and cannot be created within a transaction: call createTopic \
                 before, or set autoCreateTopics"
            );
            return Err(Error::new(ErrorCode::TopicNotFound, text).on_topic(topic));
        }
        state.has_topic.store(true, Ordering::Release);
        Ok(())
    }

    /// Sends the messages of these parts in one transaction: all are stored, or none. Everything is checked before. Sends
    /// that are under way may be stored before or after them.
    pub fn send_together(&self, parts: &[&RawDocument]) -> impl Future<Output = Result<()>> + Send + use<> {
        let begun = self.begin_together(parts);
        async move { begun?.await.unwrap_or_else(|_| Err(given_up())) }
    }

    fn begin_together(&self, parts: &[&RawDocument]) -> Result<oneshot::Receiver<Result<()>>> {
        let deadline = clock::now() + self.0.parts.delivery_timeout;
        let messages = self.prepare(parts)?;
        let documents = messages.iter().flat_map(|partition| &partition.documents);
        let held = self.0.parts.unsent.hold(documents.map(|document| document.as_bytes().len()).sum())?;
        let (done, outcome) = oneshot::channel();
        let producer = self.clone();
        // A task of the broker's, which waits for it at a disconnect.
        self.0.parts.tasks.spawn("atomic send", async move {
            let sent = producer.append_together(&messages, deadline).await;
            drop(held);
            // Whoever asked may have stopped waiting.
            let _ = done.send(sent);
        });
        Ok(outcome)
    }

    async fn append_together(&self, messages: &[PartitionMessages], deadline: Instant) -> Result<()> {
        self.require_topic().await?;
        let parts = &self.0.parts;
        let append = RetriedAppend { what: "atomic send", deadline, logger: &parts.logger };
        append.run(|effect| parts.store.append_together(messages, effect == Effect::Possible)).await
    }

    fn encoder(&self) -> MessageEncoder<'_> {
        let state = &self.0;
        MessageEncoder {
            topic: &state.config.topic,
            partitioner: &state.partitioner,
            now_ms: clock::unix_millis(),
        }
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
