//! Creates topics and knows the ones that exist.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bson::{RawDocumentBuf, spec::ElementType};
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};

use crate::config::TopicConfig;
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::observe::log::Logger;
use crate::partition::partition_id::collection_name;
use crate::store::contract::{RetentionIndex, RetentionStats, Store, Topic};

/// Partitions that are prepared at the same time.
const CONCURRENT_PARTITIONS: usize = 4;

/// The topics of a database.
#[derive(Clone)]
pub struct TopicCatalog {
    store: Arc<dyn Store>,
    /// Topics that this process has prepared, so that creating one again costs a look.
    prepared: Arc<Mutex<HashMap<String, Topic>>>,
    logger: Logger,
}

/// What is wrong with the retention of a collection.
#[derive(Debug, Clone)]
pub struct TtlValidation {
    /// Findings, in words; empty if all is well.
    pub issues: Vec<String>,
    /// The TTL index.
    pub index: Option<RetentionIndex>,
    /// A stored message.
    pub sample: Option<RawDocumentBuf>,
}

impl TopicCatalog {
    /// The topics of this store.
    pub fn new(store: Arc<dyn Store>, logger: Logger) -> Self {
        Self { store, prepared: Arc::default(), logger }
    }

    /// Creates a topic, or changes it: more partitions, another retention. Fewer partitions than the topic has are
    /// refused, because the messages in the others would silently be read by nobody.
    pub async fn create(&self, config: &TopicConfig) -> Result<Topic> {
        let wanted = Topic {
            name: config.name.clone(),
            collection: config.collection.clone(),
            partitions: config.partitions,
            retention_ms: config.retention_ms,
        };
        let existing = self.store.load_topic(&config.name).await?;
        // Others may have changed or dropped it since.
        if existing.as_ref() == Some(&wanted) && self.is_prepared(&wanted) {
            return Ok(wanted);
        }
        if let Some(existing) = &existing {
            refuse_contradiction(existing, &wanted)?;
            if existing.retention_ms != wanted.retention_ms {
                self.logger.warn(|| {
                    format!(
                        "topic {}: retention changes from {} ms to {} ms",
                        wanted.name, existing.retention_ms, wanted.retention_ms
                    )
                });
            }
        }
        self.prepare_partitions(&wanted).await?;
        // Last, so that a topic that is listed has all its partitions.
        if existing.as_ref() != Some(&wanted) {
            self.store.save_topic(&wanted).await?;
            self.logger.info(|| format!("topic {} has {} partitions", wanted.name, wanted.partitions));
        }
        self.remember(&wanted);
        Ok(wanted)
    }

    async fn prepare_partitions(&self, topic: &Topic) -> Result<()> {
        let partitions: Vec<_> =
            (0..topic.partitions).map(|partition| self.prepare_partition(topic, partition).boxed()).collect();
        stream::iter(partitions).buffer_unordered(CONCURRENT_PARTITIONS).try_collect().await
    }

    async fn prepare_partition(&self, topic: &Topic, partition: u32) -> Result<()> {
        let collection = collection_name(&topic.collection, partition);
        self.store.prepare_partition(&collection, topic.retention_ms).await
    }

    /// The topic, if it exists.
    pub async fn load(&self, name: &str) -> Result<Option<Topic>> {
        self.store.load_topic(name).await
    }

    /// The TTL index of a collection.
    pub async fn retention_index(&self, collection: &str) -> Result<Option<RetentionIndex>> {
        self.store.retention_index(collection).await
    }

    /// TTL index and message count of every collection of the database.
    pub async fn retention_stats(&self) -> Result<Vec<RetentionStats>> {
        self.store.retention_stats().await
    }

    /// Looks for what would keep messages of a collection from expiring.
    pub async fn validate_retention(&self, collection: &str) -> Result<TtlValidation> {
        let index = self.store.retention_index(collection).await?;
        let sample = self.store.sample_message(collection).await?;
        let mut issues = Vec::new();
        if index.is_none() {
            issues.push(format!("collection {collection} has no TTL index; create its topic again"));
        }
        if let Some(sample) = &sample {
            match sample.get("_timestamp").ok().flatten().map(|value| value.element_type()) {
                Some(ElementType::DateTime) => {}
                Some(other) => {
                    issues.push(format!("_timestamp is of type {other:?}, so messages do not expire"));
                }
                None => issues.push("messages have no _timestamp, so they do not expire".to_owned()),
            }
        }
        Ok(TtlValidation { issues, index, sample })
    }

    fn is_prepared(&self, topic: &Topic) -> bool {
        let prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        prepared.get(&topic.name) == Some(topic)
    }

    fn remember(&self, topic: &Topic) {
        self.prepared
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(topic.name.clone(), topic.clone());
    }
}

fn refuse_contradiction(existing: &Topic, wanted: &Topic) -> Result<()> {
    let refusal = if wanted.partitions < existing.partitions {
        format!(
            "topic {} has {} partitions, the configuration asks for {}: partitions can be added but not removed; \
             set partitions to {} or more",
            wanted.name, existing.partitions, wanted.partitions, existing.partitions
        )
    } else if wanted.collection != existing.collection {
        format!(
            "topic {} is stored in {}, the configuration says {}: messages cannot be moved",
            wanted.name, existing.collection, wanted.collection
        )
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorCode::TopicMismatch, refusal).on_topic(&wanted.name))
}
