//! A broker on a store of its own, and what the scenarios do with it.

use std::sync::Arc;

use bson::oid::ObjectId;
use bson::{Document, RawDocumentBuf, doc, rawdoc};
use csb_core::broker::Broker;
use csb_core::config::{BrokerConfig, ConsumerConfig, HandlerConfig, ProducerConfig};
use csb_core::consumer::Consumer;
use csb_core::consumer::position::Position;
use csb_core::group::group_record::{MemberRecord, MemberState};
use csb_core::producer::Producer;
use csb_core::store::contract::{OffsetKey, OffsetRecord, Store, StoredOffset};
use csb_core::store::memory::MemoryStore;
use csb_core::store::mongo::{MongoSettings, MongoStore};
use csb_test_support::client_close;
use csb_test_support::recording_handler::RecordingHandler;
use csb_test_support::replica_set::{ReplicaSet, ReplicaSetOptions};
use mongodb::{Client, Database};

use crate::rolled_oplog;

pub(crate) const TOPIC: &str = "numbers";
pub(crate) const GROUP: &str = "readers";

/// One database, and a way to look into it beside the broker.
pub(crate) struct Scene {
    uri: String,
    database: String,
    pub(crate) store: Arc<dyn Store>,
    beside: Beside,
}

/// What an operator can do to the data, and time to the log.
enum Beside {
    Memory(Arc<MemoryStore>),
    Mongo {
        client: Client,
        /// The servers, if they are this scene's own.
        set: Option<ReplicaSet>,
    },
}

impl Scene {
    pub(crate) async fn in_memory() -> Self {
        let uri = format!("memory://{}", ObjectId::new());
        let store = MemoryStore::open(&uri, "engine");
        store.connect().await.expect("memory");
        let beside = Beside::Memory(Arc::clone(&store));
        Self { uri, database: "engine".to_owned(), store, beside }
    }

    /// On servers of its own, whose oplog is rolled over by [`Scene::forget_events`].
    pub(crate) async fn on_small_oplog() -> Self {
        Self::on_small_oplog_with(&[("ttlMonitorSleepSecs", "1")]).await
    }

    /// The same, with these server parameters.
    pub(crate) async fn on_small_oplog_with(parameters: &[(&str, &str)]) -> Self {
        let set_parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let options = ReplicaSetOptions {
            oplog_size_mb: Some(8),
            set_parameters: set_parameters.collect(),
            ..ReplicaSetOptions::default()
        };
        let set = ReplicaSet::start(options).await;
        let mut scene = Self::on(&set).await;
        if let Beside::Mongo { set: own, .. } = &mut scene.beside {
            *own = Some(set);
        }
        scene
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
        let client = Client::with_uri_str(&settings.uri).await.expect("a valid connection string");
        Self { uri: settings.uri, database, store, beside: Beside::Mongo { client, set: None } }
    }

    /// The log of events no longer reaches back to now.
    pub(crate) async fn forget_events(&self) {
        match &self.beside {
            Beside::Memory(store) => store.forget_events().expect("open"),
            Beside::Mongo { .. } => rolled_oplog::roll_over(self.store.as_ref()).await,
        }
    }

    /// Deletes an offset document.
    pub(crate) async fn delete_offset(&self, partition: u32) {
        match &self.beside {
            Beside::Memory(store) => store.delete_offset(&offset_key(partition)).expect("open"),
            Beside::Mongo { .. } => {
                let offsets = self.mongo_database().collection::<Document>("consumer_offsets");
                let filter = doc! { "groupId": GROUP, "topic": TOPIC, "partition": partition };
                offsets.delete_one(filter).await.expect("deleted");
            }
        }
    }

    /// A client of the servers, which have to be those of MongoDB.
    pub(crate) fn client(&self) -> &Client {
        match &self.beside {
            Beside::Mongo { client, .. } => client,
            Beside::Memory(_) => panic!("the embedded store has no client"),
        }
    }

    /// The database on the servers.
    pub(crate) fn mongo_database(&self) -> Database {
        self.client().database(&self.database)
    }

    /// Sets the offset of the group as an operator would.
    pub(crate) async fn write_offset(&self, partition: u32, data: &str) {
        let offset = bson::Bson::from(doc! { "_data": data });
        let record = OffsetRecord { key: offset_key(partition), offset, timestamp: bson::DateTime::now() };
        self.store.write_offset_record(&record).await.expect("written");
    }

    /// Position of the group, as it is stored.
    pub(crate) async fn position(&self, partition: u32) -> Option<Position> {
        self.store
            .load_offset(&offset_key(partition))
            .await
            .expect("readable")
            .and_then(|offset| offset.position)
    }

    pub(crate) async fn broker(&self) -> Broker {
        connected(Broker::new(self.broker_config(doc! {}), None)).await
    }

    /// A broker that works on a store of the test's own.
    pub(crate) async fn broker_on(&self, store: Arc<dyn Store>) -> Broker {
        connected(Broker::with_store(self.broker_config(doc! {}), store, None)).await
    }

    /// How the brokers of this scene are configured; `extra` adds to it.
    pub(crate) fn broker_config(&self, extra: Document) -> BrokerConfig {
        let mut config = doc! {
            "mongoUri": &self.uri,
            "database": &self.database,
            "autoCreateTopics": true,
            "shutdownGraceMs": 10_000,
        };
        config.extend(extra);
        BrokerConfig::from_document(&config).expect("valid")
    }

    /// What a machine tells of its members when their processes have ended. The crashed ones of these tests are parts of a
    /// process that lives.
    pub(crate) async fn processes_have_ended(&self, group: &str) {
        for member in self.store.load_members(group).await.expect("members") {
            self.store.fence_member(&member.record.id, None).await.expect("fenced");
        }
    }

    /// A member that is none of a broker's, and takes the first partition over by force.
    pub(crate) async fn another_takes_over(&self) -> StoredOffset {
        let member = MemberRecord {
            id: "another".to_owned(),
            group_id: GROUP.to_owned(),
            topic: TOPIC.to_owned(),
            instance_id: None,
            process: "elsewhere".to_owned(),
            partitions: Some(vec![0]),
            declined: Vec::new(),
            is_manual: true,
            session_timeout_ms: 300_000,
            handover_timeout_ms: 300_000,
            state: MemberState::Active,
            replaced_by: None,
            transaction_sessions: Vec::new(),
        };
        self.store.join_group(&member).await.expect("joined");
        self.store.claim_offset(&offset_key(0), "another").await.expect("claimed")
    }

    /// The offset document of a partition, as the next owner would find it.
    pub(crate) async fn stored(&self, partition: u32) -> StoredOffset {
        self.store.load_offset(&offset_key(partition)).await.expect("readable").expect("claimed")
    }

    /// Removes what is left on a server that others use too.
    pub(crate) async fn end(self) {
        self.store.close().await;
        match self.beside {
            Beside::Memory(_) => {}
            Beside::Mongo { client, set } => {
                client_close::close(client).await;
                match set {
                    Some(set) => set.stop(),
                    None => ReplicaSet::shared().await.drop_database(&self.database).await,
                }
            }
        }
    }
}

/// The same, connected.
pub(crate) async fn connected(broker: Broker) -> Broker {
    broker.connect().await.expect("connected");
    broker
}

pub(crate) fn offset_key(partition: u32) -> OffsetKey {
    OffsetKey { group_id: GROUP.to_owned(), topic: TOPIC.to_owned(), partition }
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

/// One part of a send: payloads `{ n }` with keys, and ids that tell their number.
pub(crate) fn keyed_part<'a>(messages: impl IntoIterator<Item = (i64, Option<&'a str>)>) -> RawDocumentBuf {
    let mut all = bson::RawArrayBuf::new();
    for (n, key) in messages {
        let mut message = rawdoc! { "v": { "n": n }, "i": format!("m{n}") };
        if let Some(key) = key {
            message.append(bson::cstr!("k"), key);
        }
        all.push(message);
    }
    rawdoc! { "m": all }
}

/// One of the keys for each number, in turn.
pub(crate) fn pick<'a>(keys: &[&'a str], n: i64) -> Option<&'a str> {
    keys.iter().cycle().nth(usize::try_from(n).expect("not negative") % keys.len()).copied()
}

pub(crate) async fn send_keyed<'a>(
    producer: &Producer,
    messages: impl IntoIterator<Item = (i64, Option<&'a str>)>,
) {
    producer.send(&[&keyed_part(messages)]).await.expect("acknowledged");
}

pub(crate) async fn send(producer: &Producer, numbers: impl IntoIterator<Item = i64>) {
    producer.send(&[&part(numbers)]).await.expect("acknowledged");
}
