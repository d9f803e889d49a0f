//! The broker: producers and consumers on a shared client and a shared feed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::config::{BrokerConfig, ConsumerConfig, ProducerConfig, TopicConfig};
use crate::consumer::{Consumer, ConsumerParts};
use crate::dead_letter::{DeadLetters, LetterScope};
use crate::deployment::{Deployment, DeploymentShare};
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::observe::log::{LogSink, Logger};
use crate::offset_reset::{self, PartitionReset, ResetRequest};
use crate::offset_storage::OffsetStorage;
use crate::producer::{Producer, ProducerParts, UnsentBytes};
use crate::runtime::clock;
use crate::runtime::task_group::TaskGroup;
use crate::store::contract::Store;
use crate::topic::TopicCatalog;

/// Before the deployment is identified once more; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const MOST_DOUBLINGS: u32 = 6;

/// A broker. Cheap to clone; the clones are one broker.
#[derive(Clone)]
pub struct Broker(Arc<BrokerState>);

struct BrokerState {
    config: BrokerConfig,
    /// The embedder's; otherwise the configuration says which.
    store: Option<Arc<dyn Store>>,
    logger: Logger,
    lifecycle: tokio::sync::Mutex<Lifecycle>,
    connection: Mutex<Connection>,
}

/// `connect` and `disconnect` take turns; a broker may be connected again.
enum Lifecycle {
    Disconnected,
    Connected,
}

/// What calls find that do not wait for their turn.
enum Connection {
    None,
    Open(Arc<Connected>),
    /// Nothing can be begun any more, and what was begun is being finished.
    Closing,
}

struct Connected {
    /// Shared with the other brokers of this process on the same database.
    deployment: DeploymentShare,
    topics: TopicCatalog,
    /// The sends.
    tasks: TaskGroup,
    unsent: UnsentBytes,
    producers: Mutex<Vec<Producer>>,
    consumers: Mutex<Vec<Consumer>>,
}

impl Broker {
    /// A broker that is not connected. Reaches no server.
    pub fn new(config: BrokerConfig, log_sink: Option<Arc<dyn LogSink>>) -> Self {
        Self::build(config, None, log_sink)
    }

    /// A broker on a store of the embedder's own, in place of what `mongoUri` and `database` name: for another
    /// database, and for simulations. Not connected yet.
    ///
    /// Nothing of it is shared with other brokers: it has a change stream of its own. `disconnect` closes the store, so
    /// whether the broker can be connected again is the store's to say.
    pub fn with_store(
        config: BrokerConfig,
        store: Arc<dyn Store>,
        log_sink: Option<Arc<dyn LogSink>>,
    ) -> Self {
        Self::build(config, Some(store), log_sink)
    }

    fn build(
        config: BrokerConfig,
        store: Option<Arc<dyn Store>>,
        log_sink: Option<Arc<dyn LogSink>>,
    ) -> Self {
        let logger = Logger::new(log_sink, config.log_level, &config.log_context);
        Self(Arc::new(BrokerState {
            config,
            store,
            logger,
            lifecycle: tokio::sync::Mutex::new(Lifecycle::Disconnected),
            connection: Mutex::new(Connection::None),
        }))
    }

    /// Reaches the deployment and checks that it has change streams. Does nothing when connected already.
    pub async fn connect(&self) -> Result<()> {
        let mut lifecycle = self.0.lifecycle.lock().await;
        if matches!(*lifecycle, Lifecycle::Connected) {
            return Ok(());
        }
        let deployment = match &self.0.store {
            Some(store) => Deployment::unshared(Arc::clone(store), &self.0.logger).await?,
            None => Deployment::open(&self.0.config, &self.0.logger).await?,
        };
        let connected = Arc::new(self.assemble(deployment));
        *self.connection() = Connection::Open(connected);
        *lifecycle = Lifecycle::Connected;
        self.0.logger.info(|| format!("connected to database {}", self.0.config.database));
        Ok(())
    }

    fn assemble(&self, deployment: DeploymentShare) -> Connected {
        let logger = self.0.logger.clone();
        Connected {
            topics: TopicCatalog::new(Arc::clone(&deployment.store), logger.clone()),
            deployment,
            tasks: TaskGroup::new(logger),
            unsent: UnsentBytes::new(to_usize(self.0.config.max_buffered_bytes)),
            producers: Mutex::default(),
            consumers: Mutex::default(),
        }
    }

    /// Creates or changes a topic.
    pub async fn create_topic(&self, config: &TopicConfig) -> Result<()> {
        self.connected()?.topics.create(config).await.map(drop)
    }

    /// A producer of a topic, which is created first if `autoCreateTopics` says so. Asking again with the same
    /// configuration gives the same producer.
    pub async fn create_producer(&self, config: ProducerConfig) -> Result<Producer> {
        let connected = self.connected()?;
        if let Some(known) = connected.known_producer(&config) {
            return Ok(known);
        }
        let collection = self.topic_collection(&connected, &config).await?;
        let parts = ProducerParts {
            store: Arc::clone(&connected.deployment.store),
            unsent: connected.unsent.clone(),
            delivery_timeout: Duration::from_millis(self.0.config.delivery_timeout_ms),
            tasks: connected.tasks.clone(),
            logger: self.0.logger.clone(),
        };
        Ok(connected.keep_producer(Producer::new(config, &collection, parts)))
    }

    /// The prefix of the collections that a producer writes to.
    async fn topic_collection(&self, connected: &Connected, config: &ProducerConfig) -> Result<String> {
        if self.0.config.auto_create_topics {
            let existing = connected.topics.load(&config.topic).await?;
            let collection = existing.map_or_else(|| config.topic.clone(), |topic| topic.collection);
            let topic = TopicConfig {
                name: config.topic.clone(),
                collection,
                partitions: config.partitions,
                retention_ms: config.retention_ms,
            };
            return Ok(connected.topics.create(&topic).await?.collection);
        }
        match connected.topics.load(&config.topic).await? {
            Some(topic) if topic.partitions == config.partitions => Ok(topic.collection),
            Some(topic) => Err(Error::new(
                ErrorCode::TopicMismatch,
                format!(
                    "topic {} has {} partitions, the producer is configured for {}: a key would go to another \
                     partition; use the same number, or set autoCreateTopics to let the topic grow",
                    topic.name, topic.partitions, config.partitions
                ),
            )
            .on_topic(&config.topic)),
            None => {
                self.0.logger.warn(|| {
                    format!("topic {} was never created, so its messages will not expire; call createTopic", config.topic)
                });
                Ok(config.topic.clone())
            }
        }
    }

    /// A consumer of a topic. It reads nothing before it is subscribed.
    pub fn create_consumer(&self, config: ConsumerConfig) -> Result<Consumer> {
        let connected = self.connected()?;
        let parts = ConsumerParts {
            store: Arc::clone(&connected.deployment.store),
            topics: connected.topics.clone(),
            feed: connected.deployment.feed.clone(),
            catch_up_turns: Arc::clone(&connected.deployment.catch_up_turns),
            commit_pacer: connected.deployment.commit_pacer.clone(),
            redrive_nudge: connected.deployment.redrive_nudge.clone(),
            suspect_turn: Arc::clone(&connected.deployment.suspect_turn),
            heartbeat: connected.deployment.heartbeat.clone(),
            heartbeat_interval: Duration::from_millis(self.0.config.heartbeat_interval_ms),
            process: Arc::clone(&connected.deployment.process),
            shutdown_grace: Duration::from_millis(self.0.config.shutdown_grace_ms),
            logger: self.0.logger.clone(),
        };
        let consumer = Consumer::new(config, parts)?;
        let mut consumers = connected.consumers.lock().unwrap_or_else(PoisonError::into_inner);
        // One that is still draining has to be waited for at the end.
        consumers.retain(|consumer| !consumer.has_ended());
        consumers.push(consumer.clone());
        Ok(consumer)
    }

    /// How it was configured.
    pub fn config(&self) -> &BrokerConfig {
        &self.0.config
    }

    /// See [`TransactionStore::identity`](crate::store::transaction_contract::TransactionStore::identity). Whoever has asked
    /// this often before, and did not like the answer, gets the next one later: there may be an election.
    pub async fn deployment_identity(&self, asked: u32) -> Result<Option<String>> {
        let deployment = &self.connected()?.deployment;
        if asked > 0 {
            let doublings = (asked - 1).min(MOST_DOUBLINGS);
            clock::sleep(FIRST_PAUSE * 2_u32.pow(doublings)).await;
        }
        deployment.store.identity().await
    }

    /// Topics: creating them and looking at them.
    pub fn topics(&self) -> Result<TopicCatalog> {
        Ok(self.connected()?.topics.clone())
    }

    /// Offsets: looking at them and setting them.
    pub fn offsets(&self) -> Result<OffsetStorage> {
        Ok(OffsetStorage::new(Arc::clone(&self.connected()?.deployment.store)))
    }

    /// Sets the offsets of a group, or tells what that would change. No member of it has to run here.
    pub async fn reset_offsets(&self, request: &ResetRequest) -> Result<Vec<PartitionReset>> {
        offset_reset::reset(&self.connected()?.deployment.store, request, &self.0.logger).await
    }

    /// The dead letters within a scope: of a group, of all its topics or of one.
    pub fn dead_letters(&self, scope: LetterScope) -> Result<DeadLetters> {
        let deployment = &self.connected()?.deployment;
        Ok(DeadLetters::new(Arc::clone(&deployment.store), deployment.redrive_nudge.clone(), scope))
    }

    /// Whether `connect` has succeeded and `disconnect` was not called since.
    pub fn is_connected(&self) -> bool {
        matches!(*self.connection(), Connection::Open(_))
    }

    /// Drains consumers and producers, then gives the connections back. Several calls share the work. With `wait`
    /// false it only begins to: for calls from inside a handler, which would otherwise wait for itself.
    pub async fn disconnect(&self, wait: bool) {
        match &*self.connection() {
            Connection::None => return,
            Connection::Open(_) if !wait => {
                let broker = self.clone();
                let tasks = TaskGroup::new(self.0.logger.clone());
                tasks.spawn("disconnect", async move { broker.disconnect_and_wait().await });
                return;
            }
            Connection::Closing if !wait => return,
            Connection::Open(_) | Connection::Closing => {}
        }
        self.disconnect_and_wait().await;
    }

    async fn disconnect_and_wait(&self) {
        let mut lifecycle = self.0.lifecycle.lock().await;
        // Nothing is open any more if another call had its turn before.
        let Some(connected) = self.begin_closing() else { return };
        let grace = Duration::from_millis(self.0.config.shutdown_grace_ms);
        connected.drain(grace).await;
        connected.deployment.release(grace).await;
        *self.connection() = Connection::None;
        *lifecycle = Lifecycle::Disconnected;
        self.0.logger.info(|| "disconnected".to_owned());
    }

    fn begin_closing(&self) -> Option<Arc<Connected>> {
        let mut connection = self.connection();
        let Connection::Open(connected) = &*connection else { return None };
        let connected = Arc::clone(connected);
        *connection = Connection::Closing;
        Some(connected)
    }

    fn connected(&self) -> Result<Arc<Connected>> {
        match &*self.connection() {
            Connection::Open(connected) => Ok(Arc::clone(connected)),
            Connection::None | Connection::Closing => Err(Error::new(
                ErrorCode::NotConnected,
                "Broker not connected: await connect() first, and do not use it after disconnect()",
            )),
        }
    }

    fn connection(&self) -> std::sync::MutexGuard<'_, Connection> {
        self.0.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connected {
    fn known_producer(&self, config: &ProducerConfig) -> Option<Producer> {
        let mut producers = self.producers.lock().unwrap_or_else(PoisonError::into_inner);
        producers.retain(Producer::is_connected);
        producers.iter().find(|producer| producer.config() == config).cloned()
    }

    /// Keeps a new producer, unless another call was faster: two producers of one topic would not share the order.
    fn keep_producer(&self, producer: Producer) -> Producer {
        let mut producers = self.producers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) =
            producers.iter().find(|known| known.is_connected() && known.config() == producer.config())
        {
            return known.clone();
        }
        producers.push(producer.clone());
        producer
    }

    async fn drain(&self, grace: Duration) {
        let consumers = std::mem::take(&mut *self.consumers.lock().unwrap_or_else(PoisonError::into_inner));
        futures_util::future::join_all(consumers.iter().map(|consumer| consumer.disconnect(true))).await;
        // Producers last: a handler may send until it is finished.
        self.producers.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(Producer::disconnect);
        if !self.tasks.wait_until_idle(grace).await {
            self.tasks.abort_all();
        }
    }
}

fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
