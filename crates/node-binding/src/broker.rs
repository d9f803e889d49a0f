//! `ChangeStreamBroker`, natively.

use std::sync::Arc;

use bson::{Document, doc};
use csb_core::broker::Broker;
use csb_core::config::{BrokerConfig, ConsumerConfig, ProducerConfig, TopicConfig};
use csb_core::dead_letter::LetterScope;
use csb_core::error::Result;
use csb_core::observe::log::LogSink;
use csb_core::offset_reset::{PartitionReset, ResetRequest};
use napi::Env;
use napi::bindgen_prelude::{Buffer, PromiseRaw};
use napi_derive::napi;

use crate::bson_bytes::{self, document};
use crate::consumer::NativeConsumer;
use crate::dead_letters::NativeDeadLetters;
use crate::js_consumer_events::count;
use crate::js_error;
use crate::js_log_sink::{JsLogSink, LogFunction};
use crate::offset_storage::NativeOffsetStorage;
use crate::producer::NativeProducer;
use crate::settle::settle;
use crate::topic_manager::NativeTopicManager;

/// One broker: a shared client, a shared change stream.
#[napi]
pub struct NativeBroker {
    broker: Broker,
}

#[napi]
impl NativeBroker {
    /// Checks the configuration (BSON). Entries of the log go to `log` as level (1 ERROR to 4 DEBUG), context, text.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: &Env, config: &[u8], log: Option<LogFunction<'_>>) -> napi::Result<Self> {
        let config = document(config).and_then(|config| BrokerConfig::from_document(&config));
        let config = config.map_err(|error| js_error::to_js(env, &error))?;
        let sink = log.as_ref().map(JsLogSink::new).transpose()?;
        Ok(Self { broker: Broker::new(config, sink.map(|sink| Arc::new(sink) as Arc<dyn LogSink>)) })
    }

    /// Reaches the deployment.
    #[napi(catch_unwind)]
    pub fn connect<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, ()>> {
        let broker = self.broker.clone();
        settle(env, async move { broker.connect().await })
    }

    /// Drains everything and gives the connections back. `wait` false only begins to.
    #[napi(catch_unwind)]
    pub fn disconnect<'env>(&self, env: &'env Env, wait: bool) -> napi::Result<PromiseRaw<'env, ()>> {
        let broker = self.broker.clone();
        settle(env, async move {
            broker.disconnect(wait).await;
            Ok(())
        })
    }

    /// Creates or changes a topic.
    #[napi(catch_unwind)]
    pub fn create_topic<'env>(&self, env: &'env Env, config: &[u8]) -> napi::Result<PromiseRaw<'env, ()>> {
        let broker = self.broker.clone();
        let config = document(config).and_then(|config| TopicConfig::from_document(&config));
        settle(env, async move { broker.create_topic(&config?).await })
    }

    /// A producer.
    #[napi(catch_unwind)]
    pub fn create_producer<'env>(
        &self,
        env: &'env Env,
        config: &[u8],
    ) -> napi::Result<PromiseRaw<'env, NativeProducer>> {
        let broker = self.broker.clone();
        let config = document(config).and_then(|config| ProducerConfig::from_document(&config));
        settle(env, async move { broker.create_producer(config?).await.map(NativeProducer::new) })
    }

    /// A consumer.
    #[napi(catch_unwind)]
    pub fn create_consumer<'env>(
        &self,
        env: &'env Env,
        config: &[u8],
    ) -> napi::Result<PromiseRaw<'env, NativeConsumer>> {
        let broker = self.broker.clone();
        let config = document(config).and_then(|config| ConsumerConfig::from_document(&config));
        settle(env, async move { broker.create_consumer(config?).map(NativeConsumer::new) })
    }

    /// Name of the broker's database.
    #[napi(catch_unwind)]
    pub fn database(&self) -> String {
        self.broker.config().database.clone()
    }

    /// Names the deployment and its primary; null of the embedded one. Whoever asks again, because the answer was not what
    /// it should be, is kept waiting, each time longer: `asked` is how often it has asked already.
    #[napi(catch_unwind)]
    pub fn deployment_identity<'env>(
        &self,
        env: &'env Env,
        asked: u32,
    ) -> napi::Result<PromiseRaw<'env, Option<String>>> {
        let broker = self.broker.clone();
        settle(env, async move { broker.deployment_identity(asked).await })
    }

    /// The topics of this broker.
    #[napi(catch_unwind)]
    pub fn topics(&self, env: &Env) -> napi::Result<NativeTopicManager> {
        in_js(env, self.broker.topics()).map(NativeTopicManager::new)
    }

    /// The offsets of this broker.
    #[napi(catch_unwind)]
    pub fn offsets(&self, env: &Env) -> napi::Result<NativeOffsetStorage> {
        in_js(env, self.broker.offsets()).map(NativeOffsetStorage::new)
    }

    /// Sets the offsets of a group (BSON), or tells what that would change: BSON `{ partitions: [{ partition, before,
    /// after }] }`.
    #[napi(catch_unwind)]
    pub fn reset_offsets<'env>(
        &self,
        env: &'env Env,
        request: &[u8],
    ) -> napi::Result<PromiseRaw<'env, Buffer>> {
        let broker = self.broker.clone();
        let request = document(request).and_then(|request| ResetRequest::from_document(&request));
        settle(env, async move {
            let resets = broker.reset_offsets(&request?).await?;
            let partitions: Vec<_> = resets.iter().map(partition_reset).collect();
            bson_bytes::buffer(&doc! { "partitions": partitions })
        })
    }

    /// The dead letters of a group (BSON).
    #[napi(catch_unwind)]
    pub fn dead_letters(&self, env: &Env, group: &[u8]) -> napi::Result<NativeDeadLetters> {
        let scope = document(group).and_then(|group| LetterScope::from_document(&group));
        let letters = scope.and_then(|scope| self.broker.dead_letters(scope));
        in_js(env, letters).map(NativeDeadLetters::new)
    }

    /// Whether it is connected.
    #[napi(catch_unwind)]
    pub fn is_connected(&self) -> bool {
        self.broker.is_connected()
    }
}

fn partition_reset(reset: &PartitionReset) -> Document {
    doc! { "partition": reset.partition, "before": count(reset.before), "after": count(reset.after) }
}

fn in_js<T>(env: &Env, result: Result<T>) -> napi::Result<T> {
    result.map_err(|error| js_error::to_js(env, &error))
}
