//! `TopicManager`, natively.

use bson::{Bson, Document, doc};
use csb_core::config::TopicConfig;
use csb_core::store::contract::{RetentionIndex, RetentionStats};
use csb_core::topic::{TopicCatalog, TtlValidation};
use napi::Env;
use napi::bindgen_prelude::{Buffer, PromiseRaw};
use napi_derive::napi;

use crate::bson_bytes::{self, document};
use crate::settle::settle;

/// The topics of a broker.
#[napi]
pub struct NativeTopicManager {
    topics: TopicCatalog,
}

impl NativeTopicManager {
    pub(crate) fn new(topics: TopicCatalog) -> Self {
        Self { topics }
    }
}

#[napi]
impl NativeTopicManager {
    /// Creates or changes a topic.
    #[napi(catch_unwind)]
    pub fn create_topic<'env>(&self, env: &'env Env, config: &[u8]) -> napi::Result<PromiseRaw<'env, ()>> {
        let topics = self.topics.clone();
        let config = document(config).and_then(|config| TopicConfig::from_document(&config));
        settle(env, async move { topics.create(&config?).await.map(drop) })
    }

    /// Whether a topic exists.
    #[napi(catch_unwind)]
    pub fn topic_exists<'env>(&self, env: &'env Env, name: String) -> napi::Result<PromiseRaw<'env, bool>> {
        let topics = self.topics.clone();
        settle(env, async move { topics.load(&name).await.map(|topic| topic.is_some()) })
    }

    /// A topic's settings (BSON).
    #[napi(catch_unwind)]
    pub fn get_topic_config<'env>(
        &self,
        env: &'env Env,
        name: String,
    ) -> napi::Result<PromiseRaw<'env, Option<Buffer>>> {
        let topics = self.topics.clone();
        settle(env, async move {
            let topic = topics.load(&name).await?;
            let document = topic.map(|topic| {
                doc! {
                    "name": topic.name,
                    "collection": topic.collection,
                    "partitions": number(u64::from(topic.partitions)),
                    "retentionMs": number(topic.retention_ms),
                }
            });
            document.as_ref().map(bson_bytes::buffer).transpose()
        })
    }

    /// The TTL index of a collection (BSON).
    #[napi(catch_unwind)]
    pub fn get_ttl_index_info<'env>(
        &self,
        env: &'env Env,
        collection: String,
    ) -> napi::Result<PromiseRaw<'env, Option<Buffer>>> {
        let topics = self.topics.clone();
        settle(env, async move {
            let index = topics.retention_index(&collection).await?;
            index.as_ref().map(|index| bson_bytes::buffer(&index_info(index))).transpose()
        })
    }

    /// TTL index and message count of every collection (BSON).
    #[napi(catch_unwind)]
    pub fn get_ttl_index_stats<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Buffer>> {
        let topics = self.topics.clone();
        settle(env, async move {
            let stats = topics.retention_stats().await?;
            bson_bytes::buffer(&doc! { "stats": stats.iter().map(stats_document).collect::<Vec<_>>() })
        })
    }

    /// What would keep messages of a collection from expiring (BSON).
    #[napi(catch_unwind)]
    pub fn validate_ttl_index<'env>(
        &self,
        env: &'env Env,
        collection: String,
    ) -> napi::Result<PromiseRaw<'env, Buffer>> {
        let topics = self.topics.clone();
        settle(env, async move {
            let validation = topics.validate_retention(&collection).await?;
            bson_bytes::buffer(&validation_document(&validation))
        })
    }
}

fn index_info(index: &RetentionIndex) -> Document {
    doc! {
        "v": index.version,
        "key": { "_timestamp": 1 },
        "name": &index.name,
        "expireAfterSeconds": number(index.expire_after_seconds),
    }
}

fn stats_document(stats: &RetentionStats) -> Document {
    let mut document = doc! {
        "collection": &stats.collection,
        "documentCount": number(stats.document_count),
        "hasTimestampField": stats.has_timestamp_field,
    };
    if let Some(index) = &stats.index {
        document.insert("indexInfo", index_info(index));
    }
    document
}

fn validation_document(validation: &TtlValidation) -> Document {
    let mut document = doc! { "isValid": validation.issues.is_empty(), "issues": &validation.issues };
    if let Some(index) = &validation.index {
        document.insert("indexInfo", index_info(index));
    }
    if let Some(sample) =
        validation.sample.as_ref().and_then(|sample| Document::try_from(sample.as_ref()).ok())
    {
        document.insert("sampleDocument", sample);
    }
    document
}

/// A number that JavaScript decodes as a number, not as a Long.
#[expect(clippy::cast_precision_loss, reason = "counts and milliseconds are far below 2^53")]
fn number(value: u64) -> Bson {
    i32::try_from(value).map_or(Bson::Double(value as f64), Bson::Int32)
}
