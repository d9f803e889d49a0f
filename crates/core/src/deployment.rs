//! What the brokers of one process share when they use the same database: one client and one change stream.
//!
//! A process that has three brokers on one database, as a test suite or a modular service may, costs the server no
//! more than one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::config::BrokerConfig;
use crate::error::Result;
use crate::feed::{Feed, FeedSettings};
use crate::observe::log::Logger;
use crate::runtime::task_group::TaskGroup;
use crate::store;
use crate::store::contract::Store;

/// Partitions of one process that may read a change stream of their own at a time, beside the shared one.
const CATCH_UP_TURNS: usize = 2;
/// Events per batch of the shared change stream.
const FEED_BATCH_SIZE: u32 = 1000;
/// How long the shared change stream waits for an event.
const FEED_MAX_AWAIT: Duration = Duration::from_secs(1);

/// Brokers share a client only if they would set it up in the same way.
#[derive(Clone, PartialEq, Eq, Hash)]
struct DeploymentKey {
    uri: String,
    database: String,
    app_name: String,
    operation_timeout_ms: u64,
}

/// A connected client and its change stream.
pub(crate) struct Deployment {
    key: DeploymentKey,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) feed: Feed,
    pub(crate) catch_up_turns: Arc<Semaphore>,
    feed_tasks: TaskGroup,
}

impl Deployment {
    /// Connects, or joins the brokers that are connected already. The first one's logger hears of the stream.
    pub(crate) async fn open(config: &BrokerConfig, logger: &Logger) -> Result<Arc<Self>> {
        let key = DeploymentKey {
            uri: config.mongo_uri.as_str().to_owned(),
            database: config.database.clone(),
            app_name: config.app_name.clone(),
            operation_timeout_ms: config.operation_timeout_ms,
        };
        if let Some(open) = join(&key) {
            return Ok(open);
        }
        let store = store::open(config).await?;
        if let Err(error) = store.connect().await {
            store.close().await;
            return Err(error);
        }
        let (deployment, redundant) = Self::register(key, store, logger);
        if let Some(redundant) = redundant {
            redundant.close().await;
        }
        Ok(deployment)
    }

    /// Another broker may have connected in the meantime; then its deployment is used, and the store is given back
    /// to be closed.
    fn register(
        key: DeploymentKey,
        store: Arc<dyn Store>,
        logger: &Logger,
    ) -> (Arc<Self>, Option<Arc<dyn Store>>) {
        let mut open = registry();
        if let Some(other) = open.get_mut(&key) {
            return (other.join(), Some(store));
        }
        let feed_tasks = TaskGroup::new(logger.clone());
        let settings = FeedSettings { batch_size: FEED_BATCH_SIZE, max_await: FEED_MAX_AWAIT };
        let deployment = Arc::new(Self {
            key: key.clone(),
            feed: Feed::start(Arc::clone(&store), settings, &feed_tasks, logger.clone()),
            store,
            catch_up_turns: Arc::new(Semaphore::new(CATCH_UP_TURNS)),
            feed_tasks,
        });
        open.insert(key, OpenDeployment { deployment: Arc::clone(&deployment), brokers: 1 });
        (deployment, None)
    }

    /// Gives one broker's share up. The last one ends the change stream and closes the connections.
    pub(crate) async fn release(&self, grace: Duration) {
        if !self.leave() {
            return;
        }
        self.feed.close();
        if !self.feed_tasks.wait_until_idle(grace).await {
            self.feed_tasks.abort_all();
        }
        self.store.close().await;
    }

    /// Whether this was the last broker. Decided under the lock under which others join, so that nobody joins what
    /// is being closed.
    fn leave(&self) -> bool {
        let mut open = registry();
        let Some(entry) = open.get_mut(&self.key) else { return false };
        entry.brokers -= 1;
        let is_last = entry.brokers == 0;
        if is_last {
            open.remove(&self.key);
        }
        is_last
    }
}

/// A deployment and how many brokers use it.
struct OpenDeployment {
    deployment: Arc<Deployment>,
    brokers: usize,
}

impl OpenDeployment {
    fn join(&mut self) -> Arc<Deployment> {
        self.brokers += 1;
        Arc::clone(&self.deployment)
    }
}

fn join(key: &DeploymentKey) -> Option<Arc<Deployment>> {
    registry().get_mut(key).map(OpenDeployment::join)
}

fn registry() -> MutexGuard<'static, HashMap<DeploymentKey, OpenDeployment>> {
    static OPEN: OnceLock<Mutex<HashMap<DeploymentKey, OpenDeployment>>> = OnceLock::new();
    OPEN.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}
