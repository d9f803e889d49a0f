//! A broker on a store of its own, and what the scenarios do with it.

use std::sync::Arc;

use bson::oid::ObjectId;
use bson::{Document, RawDocumentBuf, doc, rawdoc};
use csb_core::broker::Broker;
use csb_core::config::{BrokerConfig, ConsumerConfig, HandlerConfig, ProducerConfig};
use csb_core::consumer::Consumer;
use csb_core::producer::Producer;
use csb_core::store::contract::Store;
use csb_core::store::memory::MemoryStore;
use csb_core::store::mongo::{MongoSettings, MongoStore};
use csb_test_support::recording_handler::RecordingHandler;
use csb_test_support::replica_set::ReplicaSet;

pub(crate) const TOPIC: &str = "numbers";
pub(crate) const GROUP: &str = "readers";

/// One database, and a way to look into it beside the broker.
pub(crate) struct Scene {
    uri: String,
    database: String,
    pub(crate) store: Arc<dyn Store>,
}

impl Scene {
    pub(crate) async fn in_memory() -> Self {
        let uri = format!("memory://{}", ObjectId::new());
        let store = MemoryStore::open(&uri, "engine");
        store.connect().await.expect("memory");
        Self { uri, database: "engine".to_owned(), store }
    }

    pub(crate) async fn on_replica_set() -> Self {
        Self::on(ReplicaSet::shared().await).await
    }

    pub(crate) async fn on(set: &ReplicaSet) -> Self {
        let database = set.unique_database();
        let settings = MongoSettings {
            uri: set.uri().to_owned(),
            database: database.clone(),
            app_name: "engine-test".to_owned(),
            operation_timeout: std::time::Duration::from_secs(30),
        };
        let store = MongoStore::open(&settings).await.expect("settings");
        store.connect().await.expect("a replica set");
        Self { uri: settings.uri, database, store }
    }

    pub(crate) async fn broker(&self) -> Broker {
        let config = doc! {
            "mongoUri": &self.uri,
            "database": &self.database,
            "autoCreateTopics": true,
            "shutdownGraceMs": 10_000,
        };
        let broker = Broker::new(BrokerConfig::from_document(&config).expect("valid"), None);
        broker.connect().await.expect("connected");
        broker
    }

    /// Removes what is left on a server that others use too.
    pub(crate) async fn end(self) {
        self.store.close().await;
        if !self.uri.starts_with("memory:") {
            ReplicaSet::shared().await.drop_database(&self.database).await;
        }
    }
}

pub(crate) async fn producer(broker: &Broker, partitions: u32) -> Producer {
    let config = doc! {
        "topic": TOPIC,
        "partitions": partitions,
        "retentionMs": 3_600_000,
        "partitionStrategy": "round-robin",
    };
    broker.create_producer(ProducerConfig::from_document(&config).expect("valid")).await.expect("a producer")
}

/// A consumer of the whole topic; `extra` adds to its configuration.
pub(crate) fn consumer(broker: &Broker, extra: Document) -> Consumer {
    let mut config = doc! { "groupId": GROUP, "topic": TOPIC };
    config.extend(extra);
    broker.create_consumer(ConsumerConfig::from_document(&config).expect("valid")).expect("a consumer")
}

pub(crate) async fn subscribe(consumer: &Consumer, handler: &Arc<RecordingHandler>) {
    subscribe_with(consumer, handler, doc! {}).await;
}

pub(crate) async fn subscribe_with(consumer: &Consumer, handler: &Arc<RecordingHandler>, config: Document) {
    let config = HandlerConfig::from_document(&config, consumer.config()).expect("valid");
    let handler: Arc<RecordingHandler> = Arc::clone(handler);
    consumer.subscribe(config, handler).await.expect("subscribed");
}

/// One part of a send: payloads `{ n }`.
pub(crate) fn part(numbers: impl IntoIterator<Item = i64>) -> RawDocumentBuf {
    let mut messages = bson::RawArrayBuf::new();
    for n in numbers {
        messages.push(rawdoc! { "v": { "n": n } });
    }
    rawdoc! { "m": messages }
}

pub(crate) async fn send(producer: &Producer, numbers: impl IntoIterator<Item = i64>) {
    producer.send(&[&part(numbers)]).await.expect("acknowledged");
}
