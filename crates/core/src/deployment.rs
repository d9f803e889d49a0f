//! What the brokers of one process share when they use the same database: one client and one change stream.
//!
//! A process that has three brokers on one database, as a test suite or a modular service may, costs the server no
//! more than one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::config::BrokerConfig;
use crate::consumer::CommitPacer;
use crate::dead_letter::RedriveNudge;
use crate::error::Result;
use crate::feed::{Feed, FeedSettings};
use crate::group::{Heartbeat, current_process};
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
    /// `None` if it is not in the registry: nobody else can join it.
    key: Option<DeploymentKey>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) feed: Feed,
    /// Of the members of all groups in this process.
    pub(crate) heartbeat: Heartbeat,
    /// Names this process to the other members.
    pub(crate) process: Arc<str>,
    pub(crate) catch_up_turns: Arc<Semaphore>,
    pub(crate) commit_pacer: CommitPacer,
    pub(crate) redrive_nudge: RedriveNudge,
    /// One message of this process at a time: one that is suspected of ending its owners.
    pub(crate) suspect_turn: Arc<Semaphore>,
    feed_tasks: TaskGroup,
}

impl Deployment {
    /// Connects, or joins the brokers that are connected already. The first one's logger hears of the stream.
    pub(crate) async fn open(config: &BrokerConfig, logger: &Logger) -> Result<DeploymentShare> {
        let key = DeploymentKey {
            uri: config.mongo_uri.as_str().to_owned(),
            database: config.database.clone(),
            app_name: config.app_name.clone(),
            operation_timeout_ms: config.operation_timeout_ms,
        };
        if let Some(open) = join(&mut registry(), &key) {
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

    /// Connects a store that nobody else has. If that fails the store stays as it is, for another try.
    pub(crate) async fn unshared(store: Arc<dyn Store>, logger: &Logger) -> Result<DeploymentShare> {
        store.connect().await?;
        let deployment = Arc::new(Self::start(None, store, logger));
        Ok(DeploymentShare { deployment, is_given_up: AtomicBool::new(false) })
    }

    fn start(key: Option<DeploymentKey>, store: Arc<dyn Store>, logger: &Logger) -> Self {
        let feed_tasks = TaskGroup::new(logger.clone());
        let settings = FeedSettings { batch_size: FEED_BATCH_SIZE, max_await: FEED_MAX_AWAIT };
        Self {
            key,
            feed: Feed::start(Arc::clone(&store), settings, &feed_tasks, logger.clone()),
            heartbeat: Heartbeat::start(Arc::clone(&store), &feed_tasks, logger.clone()),
            process: current_process().into(),
            store,
            catch_up_turns: Arc::new(Semaphore::new(CATCH_UP_TURNS)),
            commit_pacer: CommitPacer::default(),
            redrive_nudge: RedriveNudge::default(),
            suspect_turn: Arc::new(Semaphore::new(1)),
            feed_tasks,
        }
    }

    /// Another broker may have connected in the meantime; then its deployment is used, and the store is given back
    /// to be closed.
    fn register(
        key: DeploymentKey,
        store: Arc<dyn Store>,
        logger: &Logger,
    ) -> (DeploymentShare, Option<Arc<dyn Store>>) {
        let mut open = registry();
        if let Some(share) = join(&mut open, &key) {
            return (share, Some(store));
        }
        let deployment = Arc::new(Self::start(Some(key.clone()), store, logger));
        open.insert(key, OpenDeployment { deployment: Arc::clone(&deployment), brokers: 1 });
        (DeploymentShare { deployment, is_given_up: AtomicBool::new(false) }, None)
    }

    /// Whether this was the last broker. Decided under the lock under which others join, so that nobody joins what
    /// is being closed.
    fn leave(&self) -> bool {
        let Some(key) = &self.key else { return true };
        let mut open = registry();
        let entry = open.get_mut(key).filter(|entry| std::ptr::eq(Arc::as_ptr(&entry.deployment), self));
        // Not there: its runtime ended, and another deployment has taken its place.
        let Some(entry) = entry else { return true };
        entry.brokers -= 1;
        let is_last = entry.brokers == 0;
        if is_last {
            open.remove(key);
        }
        is_last
    }
}

/// One broker's share of a deployment. A broker that is dropped without being disconnected, as by a worker thread that
/// is terminated, gives it up too.
pub(crate) struct DeploymentShare {
    deployment: Arc<Deployment>,
    is_given_up: AtomicBool,
}

impl std::ops::Deref for DeploymentShare {
    type Target = Deployment;

    fn deref(&self) -> &Deployment {
        &self.deployment
    }
}

impl DeploymentShare {
    /// Gives the share up. The last one ends the change stream and closes the connections.
    pub(crate) async fn release(&self, grace: Duration) {
        if !self.give_up() {
            return;
        }
        self.deployment.heartbeat.close();
        self.deployment.feed.close();
        if !self.deployment.feed_tasks.wait_until_idle(grace).await {
            self.deployment.feed_tasks.abort_all();
        }
        self.deployment.store.close().await;
    }

    /// Whether this was the last share. A share is given up once.
    fn give_up(&self) -> bool {
        !self.is_given_up.swap(true, Ordering::AcqRel) && self.deployment.leave()
    }
}

impl Drop for DeploymentShare {
    fn drop(&mut self) {
        if self.give_up() {
            // The connections close with the store, which nobody holds any more.
            self.deployment.heartbeat.close();
            self.deployment.feed.close();
        }
    }
}

/// A deployment and how many brokers use it.
struct OpenDeployment {
    deployment: Arc<Deployment>,
    brokers: usize,
}

type Registry = HashMap<DeploymentKey, OpenDeployment>;

fn join(open: &mut Registry, key: &DeploymentKey) -> Option<DeploymentShare> {
    // With the last thread of Node that used it, the runtime ends and everything on it.
    open.retain(|_, entry| !entry.deployment.feed.has_ended());
    let entry = open.get_mut(key)?;
    entry.brokers += 1;
    Some(DeploymentShare { deployment: Arc::clone(&entry.deployment), is_given_up: AtomicBool::new(false) })
}

fn registry() -> MutexGuard<'static, Registry> {
    static OPEN: OnceLock<Mutex<Registry>> = OnceLock::new();
    OPEN.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}
