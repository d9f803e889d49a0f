//! A consumer: a member of a group on one topic.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};

use super::commit_pacer::CommitPacer;
use super::consumer_events::{ConsumerEvents, EventListener};
use super::partition_lag::{self, LagQuery, PartitionLag};
use super::record_handler::RecordHandler;
use super::subscribed_partitions;
use super::subscription::{Subscription, SubscriptionParts};
use super::subscription_progress::{OffsetInfo, SubscriptionProgress};
use crate::config::{ConsumerConfig, HandlerConfig};
use crate::dead_letter::{DeadLetters, LetterScope, RedriveNudge};
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::feed::Feed;
use crate::group::{Heartbeat, InstanceId, MembershipParts, Pace, find_instance_id};
use crate::observe::log::Logger;
use crate::runtime::{clock, random};
use crate::store::contract::Store;
use crate::topic::TopicCatalog;

/// What a consumer shares with the rest of its broker.
#[derive(Clone)]
pub(crate) struct ConsumerParts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) topics: TopicCatalog,
    pub(crate) feed: Feed,
    pub(crate) catch_up_turns: Arc<Semaphore>,
    pub(crate) commit_pacer: CommitPacer,
    pub(crate) redrive_nudge: RedriveNudge,
    pub(crate) suspect_turn: Arc<Semaphore>,
    pub(crate) heartbeat: Heartbeat,
    pub(crate) heartbeat_interval: Duration,
    /// Names this process to the other members.
    pub(crate) process: Arc<str>,
    pub(crate) shutdown_grace: Duration,
    pub(crate) logger: Logger,
}

/// A consumer. Cheap to clone.
#[derive(Clone)]
pub struct Consumer(Arc<ConsumerState>);

struct ConsumerState {
    id: String,
    config: Arc<ConsumerConfig>,
    instance_id: Option<InstanceId>,
    parts: ConsumerParts,
    subscriptions: AtomicU32,
    progress: SubscriptionProgress,
    events: ConsumerEvents,
    subscription: Mutex<Slot>,
    /// A subscription has started, or failed to.
    started: Notify,
    paused: AtomicBool,
    disconnected: AtomicBool,
}

enum Slot {
    Empty,
    Starting,
    /// It is starting, and is to be closed as soon as it has.
    Cancelled,
    Running(Arc<Subscription>),
}

impl Consumer {
    /// Fails if the configuration does not go together with what is around it.
    pub(crate) fn new(mut config: ConsumerConfig, parts: ConsumerParts) -> Result<Self> {
        config.check_heartbeat(parts.heartbeat_interval)?;
        let instance_id = find_instance_id(config.instance_id.as_deref());
        config.enter_group_of(instance_id.as_ref().map(|instance| instance.name.as_str()))?;
        Ok(Self(Arc::new(ConsumerState {
            id: format!("{}-{}", config.group_id, random::object_id().to_hex()),
            config: Arc::new(config),
            instance_id,
            parts,
            subscriptions: AtomicU32::new(0),
            progress: SubscriptionProgress::default(),
            events: ConsumerEvents::default(),
            subscription: Mutex::new(Slot::Empty),
            started: Notify::new(),
            paused: AtomicBool::new(false),
            disconnected: AtomicBool::new(false),
        })))
    }

    /// Names this member among all members of all groups.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// How it was configured.
    pub fn config(&self) -> &ConsumerConfig {
        &self.0.config
    }

    /// Sets who hears of the consumer's events; `None` for nobody.
    pub fn listen(&self, listener: Option<EventListener>) {
        self.0.events.listen(listener);
    }

    /// Joins the group and begins to deliver. Resolves when every partition that the group has for this member listens: a
    /// message sent from then on is delivered, here or by another member.
    pub async fn subscribe(
        &self,
        handler_config: HandlerConfig,
        handler: Arc<dyn RecordHandler>,
    ) -> Result<()> {
        let number = self.0.subscriptions.fetch_add(1, Ordering::Relaxed) + 1;
        self.refuse_disconnected()?;
        if let Some(earlier) = self.reserve_slot()? {
            // Its partitions are this member's own: claiming them now would refuse the commits of its last messages.
            earlier.closed(self.0.parts.shutdown_grace).await;
        }
        let started = self.start(number, handler_config, handler).await;
        let outcome = self.settle_start(started);
        self.0.started.notify_waiters();
        outcome
    }

    fn settle_start(&self, started: Result<Subscription>) -> Result<()> {
        let mut slot = self.slot();
        let is_cancelled = matches!(*slot, Slot::Cancelled);
        match started {
            Ok(subscription) => {
                if is_cancelled {
                    subscription.begin_close();
                }
                // What was said while it started found nobody. Whoever says it from here on waits for the slot.
                if self.is_paused() {
                    subscription.pause();
                } else {
                    subscription.resume();
                }
                // Also then, so that whoever comes next can wait until it has drained.
                *slot = Slot::Running(Arc::new(subscription));
            }
            Err(error) => {
                *slot = Slot::Empty;
                return Err(error);
            }
        }
        if is_cancelled {
            return Err(Error::new(ErrorCode::Closed, "unsubscribed before everything was listening"));
        }
        Ok(())
    }

    /// Makes sure that a transactional handler can be run: the topic exists, and so does the index of what is processed.
    /// Returns how long messages are kept, in milliseconds.
    pub async fn prepare_transactions(&self) -> Result<u64> {
        let name = &self.0.config.topic;
        let topic = self.0.parts.topics.load(name).await?.ok_or_else(|| {
            let text =
                format!("topic {name} does not exist: create it before its transactional handler subscribes");
            Error::new(ErrorCode::TopicNotFound, text).on_topic(name)
        })?;
        self.0.parts.store.prepare_processed_messages().await?;
        Ok(topic.retention_ms)
    }

    async fn start(
        &self,
        number: u32,
        handler_config: HandlerConfig,
        handler: Arc<dyn RecordHandler>,
    ) -> Result<Subscription> {
        let topic = self.0.parts.topics.load(&self.0.config.topic).await?;
        if topic.is_none() {
            let name = &self.0.config.topic;
            self.0.parts.logger.warn(|| format!("topic {name} does not exist yet; waiting for its messages"));
        }
        subscribed_partitions::choose(topic, &self.0.config)?;
        let parts = SubscriptionParts {
            store: Arc::clone(&self.0.parts.store),
            feed: self.0.parts.feed.clone(),
            catch_up_turns: Arc::clone(&self.0.parts.catch_up_turns),
            commit_pacer: self.0.parts.commit_pacer.clone(),
            redrive_nudge: self.0.parts.redrive_nudge.clone(),
            suspect_turn: Arc::clone(&self.0.parts.suspect_turn),
            config: Arc::clone(&self.0.config),
            handler_config,
            handler,
            membership: self.membership_parts(),
            member_prefix: format!("{}/{number}", self.0.id),
            process: Arc::clone(&self.0.parts.process),
            progress: self.0.progress.clone(),
            events: self.0.events.clone(),
            paused: self.0.paused.load(Ordering::Acquire),
            logger: self.0.parts.logger.clone(),
        };
        Subscription::start(parts).await
    }

    fn membership_parts(&self) -> MembershipParts {
        let config = &self.0.config;
        let pace = Pace {
            interval: self.0.parts.heartbeat_interval,
            session: Duration::from_millis(config.session_timeout_ms),
        };
        MembershipParts {
            store: Arc::clone(&self.0.parts.store),
            topics: self.0.parts.topics.clone(),
            heartbeat: self.0.parts.heartbeat.clone(),
            pace,
            rebalance_delay: Duration::from_millis(config.rebalance_delay_ms),
            instance_id: self.0.instance_id.clone(),
            logger: self.0.parts.logger.clone(),
        }
    }

    /// Takes the slot for a new subscription. Returns the one before it, which has ended or is draining.
    fn reserve_slot(&self) -> Result<Option<Arc<Subscription>>> {
        let mut slot = self.slot();
        let earlier = match &*slot {
            Slot::Running(subscription) if !subscription.is_active() => Some(Some(Arc::clone(subscription))),
            Slot::Running(_) | Slot::Starting | Slot::Cancelled => None,
            Slot::Empty => Some(None),
        };
        if let Some(earlier) = earlier {
            *slot = Slot::Starting;
            return Ok(earlier);
        }
        Err(Error::new(
            ErrorCode::AlreadySubscribed,
            format!(
                "this consumer of {} has a handler; unsubscribe() first, or create another consumer",
                self.0.config.topic
            ),
        )
        .on_topic(&self.0.config.topic))
    }

    /// Stops handing out messages after the one in each handler. Nothing is lost; partitions stay this member's.
    pub fn pause(&self) {
        self.0.paused.store(true, Ordering::Release);
        if let Some(subscription) = self.running() {
            subscription.pause();
        }
    }

    /// Goes on where `pause` stopped.
    pub fn resume(&self) {
        self.0.paused.store(false, Ordering::Release);
        if let Some(subscription) = self.running() {
            subscription.resume();
        }
    }

    /// Whether `pause` was called last.
    pub fn is_paused(&self) -> bool {
        self.0.paused.load(Ordering::Acquire)
    }

    /// Stores the offsets of everything handled. `true` if there was something to store.
    pub async fn commit_offsets(&self) -> Result<bool> {
        match self.running() {
            Some(subscription) => subscription.commit().await,
            None => Ok(false),
        }
    }

    /// Lets the messages in the handlers finish, commits, gives the partitions back. With `wait` false it only
    /// begins to: for calls from inside a handler, which would otherwise wait for itself.
    pub async fn unsubscribe(&self, wait: bool) {
        let started = self.0.started.notified();
        tokio::pin!(started);
        // From here on the news is not missed.
        started.as_mut().enable();
        if self.cancel_start() {
            if !wait {
                return;
            }
            // It may be waiting for a server that does not answer.
            clock::timeout(self.0.parts.shutdown_grace, started).await;
        }
        let Some(subscription) = self.running() else { return };
        subscription.begin_close();
        if wait {
            subscription.closed(self.0.parts.shutdown_grace).await;
        }
    }

    /// Whether a subscription is starting, which is closed then.
    fn cancel_start(&self) -> bool {
        let mut slot = self.slot();
        let is_starting = matches!(*slot, Slot::Starting | Slot::Cancelled);
        if is_starting {
            *slot = Slot::Cancelled;
        }
        is_starting
    }

    /// Unsubscribes, for good.
    pub async fn disconnect(&self, wait: bool) {
        self.0.disconnected.store(true, Ordering::Release);
        self.unsubscribe(wait).await;
    }

    /// Whether it can be used.
    pub fn is_connected(&self) -> bool {
        !self.0.disconnected.load(Ordering::Acquire)
    }

    /// Whether it was disconnected and nothing of it is left to wait for.
    pub(crate) fn has_ended(&self) -> bool {
        let has_ended = match &*self.slot() {
            Slot::Empty => true,
            Slot::Starting | Slot::Cancelled => false,
            Slot::Running(subscription) => subscription.has_ended(),
        };
        has_ended && !self.is_connected()
    }

    /// Whether it delivers messages, or would if it were not paused.
    pub fn is_subscribed(&self) -> bool {
        self.running().is_some_and(|subscription| subscription.is_active())
    }

    /// What has been processed and committed.
    pub fn offset_info(&self) -> OffsetInfo {
        self.running().map_or_else(OffsetInfo::default, |subscription| subscription.offset_info())
    }

    /// What the group gave up on in this topic.
    pub fn dead_letters(&self) -> DeadLetters {
        let config = &self.0.config;
        let scope = LetterScope { group_id: config.group_id.clone(), topic: Some(config.topic.clone()) };
        DeadLetters::new(Arc::clone(&self.0.parts.store), self.0.parts.redrive_nudge.clone(), scope)
    }

    /// How far the group is behind in each of the consumer's partitions, by what is committed, whoever owns them.
    pub async fn lag(&self) -> Result<Vec<PartitionLag>> {
        self.refuse_disconnected()?;
        let config = &self.0.config;
        let topic = self.0.parts.topics.load(&config.topic).await?;
        let (topic, partitions) = subscribed_partitions::choose(topic, config)?;
        let query = LagQuery {
            group_id: &config.group_id,
            topic: &topic,
            partitions: &partitions,
            from_beginning: config.from_beginning,
        };
        partition_lag::measure(&self.0.parts.store, &query).await
    }

    fn refuse_disconnected(&self) -> Result<()> {
        if self.is_connected() {
            return Ok(());
        }
        Err(Error::closed("Consumer not connected: it"))
    }

    fn running(&self) -> Option<Arc<Subscription>> {
        match &*self.slot() {
            Slot::Running(subscription) => Some(Arc::clone(subscription)),
            Slot::Empty | Slot::Starting | Slot::Cancelled => None,
        }
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Slot> {
        self.0.subscription.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
