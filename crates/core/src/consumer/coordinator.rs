//! Does what the group wants of a member: gives back what others are to have, claims what it is assigned.
//!
//! One task per subscription. It waits for a signal of the group, and looks by itself once per heartbeat, on which
//! everything rests; the signal only makes it fast.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::partition_opening::{PartitionHome, open_partitions};
use super::partition_set::{EndedPartition, PartitionEnd};
use super::partition_worker::Control;
use super::subscribed_partitions;
use super::subscription::SubscriptionParts;
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::feed::GroupSignal;
use crate::group::group_record::MemberRecord;
use crate::group::{Look, Membership};
use crate::observe::consumer_event::ConsumerEvent;
use crate::runtime::backoff::Backoff;
use crate::runtime::{clock, random};
use crate::store::contract::{Claim, StoredOffset, Topic};

mod claiming;
mod unfenced_writers;

use unfenced_writers::UnfencedWriters;

/// A member that could not begin is given this long to say so to the others.
const LONGEST_LEAVE: Duration = Duration::from_secs(2);
/// Between two looks at whether the group has begun, which nobody says.
const BEGINS_SOON: Duration = Duration::from_millis(200);
/// Between two tries of something that failed.
const RETRY_AFTER: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

pub(super) struct Coordinator {
    parts: Arc<SubscriptionParts>,
    membership: Membership,
    home: PartitionHome,
    ended: mpsc::UnboundedReceiver<EndedPartition>,
    /// What the subscription is to do; `Close` and `Leave` end it.
    control: watch::Receiver<Control>,
    signal: GroupSignal,
    /// Partitions that this subscription cannot read.
    declined: BTreeSet<u32>,
    /// Which member of this subscription it is: one that was fenced is followed by another.
    incarnation: u32,
    unfenced_writers: UnfencedWriters,
    backoff: Backoff,
}

/// What a coordinator begins with.
pub(super) struct CoordinatorParts {
    pub(super) parts: Arc<SubscriptionParts>,
    pub(super) home: PartitionHome,
    pub(super) ended: mpsc::UnboundedReceiver<EndedPartition>,
    pub(super) control: watch::Receiver<Control>,
}

/// What comes next.
enum Step {
    Look,
    Ended(EndedPartition),
    Overdue,
    Lost,
    Close,
}

impl Coordinator {
    /// Joins the group, and begins to read what it is assigned, if the group has something for it now.
    pub(super) async fn start(begin: CoordinatorParts) -> Result<Self> {
        let CoordinatorParts { parts, home, ended, control } = begin;
        let signal = parts.feed.watch_group(&parts.config.group_id);
        let membership =
            Membership::join(parts.membership.clone(), record(&parts, 1, &BTreeSet::new())).await?;
        let backoff = Backoff::new(RETRY_AFTER.0, RETRY_AFTER.1);
        let declined = BTreeSet::new();
        let unfenced_writers = UnfencedWriters::default();
        let mut coordinator = Self {
            parts,
            membership,
            home,
            ended,
            control,
            signal,
            declined,
            incarnation: 1,
            unfenced_writers,
            backoff,
        };
        match coordinator.first_rounds().await {
            Ok(()) => Ok(coordinator),
            Err(error) => {
                // A server that does not answer must not hold the news up.
                let _ = clock::timeout(LONGEST_LEAVE, coordinator.leave()).await;
                Err(error)
            }
        }
    }

    /// Until it reads what it is assigned, or everything that it could read is somebody else's.
    async fn first_rounds(&mut self) -> Result<()> {
        loop {
            let look = self.membership.look().await?;
            let (topic, readable) = self.readable().await?;
            let (claims, failed) = self.reconcile(&look, &topic).await?;
            if let Some((_, error)) = failed.into_iter().next() {
                self.give_back(claims).await;
                return Err(error);
            }
            self.open(&topic, claims).await?;
            let waits = look.assigned.is_none() && readable.iter().any(|number| !look.taken.contains(number));
            let has_begun = self.group_has_begun().await?;
            if !waits && has_begun || self.is_closing() {
                return Ok(());
            }
            let pause = self.pause_after(&look).min(if has_begun { Duration::MAX } else { BEGINS_SOON });
            let mut control = self.control.clone();
            tokio::select! {
                biased;
                // Whoever closes it has to find it.
                _ = control.wait_for(|control| is_end(*control)) => {}
                Ok(()) = self.signal.changed() => {}
                () = clock::sleep(pause) => {}
            }
        }
    }

    /// Whether what is sent from now on is the group's, whoever is to read it: a place where it began is stored. Those
    /// whom everything is assigned to may not have come so far, or be gone.
    async fn group_has_begun(&self) -> Result<bool> {
        let config = &self.parts.config;
        if config.from_beginning || !self.home.set.numbers().is_empty() {
            return Ok(true);
        }
        Ok(self.parts.store.group_birth(&config.group_id, &config.topic).await?.is_some())
    }

    /// Coordinates until the subscription is closed, or has nothing to read any more.
    pub(super) async fn run(mut self) {
        let mut pause = Duration::ZERO;
        loop {
            match self.next_step(pause).await {
                Step::Close => break,
                Step::Look => {}
                Step::Overdue => {
                    self.home.set.leave_overdue(clock::now());
                    continue;
                }
                Step::Ended(ended) => self.partitions_ended(ended).await,
                Step::Lost => {
                    if !self.join_again().await {
                        break;
                    }
                }
            }
            if self.home.set.is_at_its_end() {
                break;
            }
            pause = match self.round().await {
                Ok(pause) => {
                    self.backoff.reset();
                    pause
                }
                Err(error) => {
                    let pause = self.backoff.next_delay(random::next_u32());
                    let group = &self.parts.config.group_id;
                    self.parts.logger.warn(|| format!("group {group}: trying again soon: {error:?}"));
                    pause
                }
            };
        }
        self.leave().await;
    }

    async fn next_step(&mut self, pause: Duration) -> Step {
        let overdue = self.home.set.next_overdue();
        tokio::select! {
            biased;
            // An error says that nobody is there to close it.
            _ = self.control.wait_for(|control| is_end(*control)) => Step::Close,
            () = self.membership.lease().lost() => Step::Lost,
            Some(ended) = self.ended.recv() => Step::Ended(ended),
            () = clock::sleep_until(overdue.unwrap_or_else(clock::now)), if overdue.is_some() => Step::Overdue,
            Ok(()) = self.signal.changed() => Step::Look,
            () = clock::sleep(pause) => Step::Look,
        }
    }

    /// One look at the group, and what follows from it.
    async fn round(&mut self) -> Result<Duration> {
        let look = self.membership.look().await?;
        self.unfenced_writers.look(&self.parts, self.membership.id()).await?;
        let (topic, _) = self.readable().await?;
        let (claims, failed) = self.reconcile(&look, &topic).await?;
        let opened = self.open(&topic, claims).await;
        let mut problem = opened.err();
        for (partition, error) in failed {
            if error.is_retryable() {
                problem = Some(error);
            } else {
                self.give_up_on(partition, error).await?;
            }
        }
        problem.map_or_else(|| Ok(self.pause_after(&look)), Err)
    }

    /// Gives back what is not assigned, claims what is and can be had. Partitions that cannot be read come with why.
    async fn reconcile(
        &self,
        look: &Look,
        topic: &Topic,
    ) -> Result<(Vec<(Claim, StoredOffset)>, Vec<(u32, Error)>)> {
        let assigned: BTreeSet<_> = look.assigned.iter().flatten().copied().collect();
        let held = self.home.set.numbers();
        let until = clock::now() + self.parts.handover_timeout();
        for partition in held.difference(&assigned) {
            self.home.set.revoke(*partition, until);
        }
        let is_wanted = |partition: &u32| !held.contains(partition) && !self.declined.contains(partition);
        let wanted: Vec<_> = assigned.into_iter().filter(is_wanted).collect();
        if wanted.is_empty() || self.is_closing() {
            return Ok((Vec::new(), Vec::new()));
        }
        self.claim(&topic.name, wanted, look.assigned_ms_ago).await
    }

    async fn open(&self, topic: &Topic, claims: Vec<(Claim, StoredOffset)>) -> Result<()> {
        if claims.is_empty() {
            return Ok(());
        }
        open_partitions(&self.parts, &self.home, self.membership.lease(), topic, claims).await
    }

    async fn readable(&self) -> Result<(Topic, Vec<u32>)> {
        let topic = self.parts.membership.topics.load(&self.parts.config.topic).await?;
        subscribed_partitions::choose(topic, &self.parts.config)
    }

    async fn partitions_ended(&mut self, first: EndedPartition) {
        let mut failed = Vec::new();
        let mut next = Some(first);
        while let Some(EndedPartition { partition, end }) = next {
            self.home.set.remove(partition);
            self.home.stall_watches.remove(partition);
            if end == PartitionEnd::Failed {
                failed.push(partition);
            }
            next = self.ended.try_recv().ok();
        }
        self.declined.extend(&failed);
        let told = if failed.is_empty() {
            self.membership.signal().await
        } else {
            self.membership.decline(&failed).await
        };
        if let Err(error) = told {
            // The others look by themselves before long.
            self.parts
                .logger
                .warn(|| format!("the group could not be told of partitions given back: {error:?}"));
        }
    }

    async fn give_up_on(&mut self, partition: u32, error: Error) -> Result<()> {
        self.declined.insert(partition);
        self.home.set.failed(partition);
        self.report(&error);
        self.membership.decline(&[partition]).await
    }

    /// The member is out. What it had ends by itself, refused whatever it tries to store; another one comes in its place.
    async fn join_again(&mut self) -> bool {
        let group = self.parts.config.group_id.clone();
        self.membership.forget();
        self.incarnation += 1;
        let mut backoff = Backoff::new(RETRY_AFTER.0, RETRY_AFTER.1);
        while !self.is_closing() {
            let error = match self.try_to_join().await {
                Ok(membership) => {
                    let id = membership.id().to_owned();
                    self.parts.logger.warn(|| format!("group {group}: was out, joined again as {id}"));
                    self.membership = membership;
                    return true;
                }
                Err(error) => error,
            };
            if !error.is_retryable() {
                self.home.set.give_up();
                self.report(&error);
                return false;
            }
            self.parts.logger.warn(|| format!("group {group}: cannot join again yet: {error:?}"));
            let pause = backoff.next_delay(random::next_u32());
            tokio::select! {
                biased;
                _ = self.control.wait_for(|control| is_end(*control)) => {}
                () = clock::sleep(pause) => {}
            }
        }
        false
    }

    async fn try_to_join(&self) -> Result<Membership> {
        if let Some(successor) = self.membership.replaced_by().await? {
            return Err(replaced(&self.parts, &successor));
        }
        let record = record(&self.parts, self.incarnation, &self.declined);
        Membership::join(self.parts.membership.clone(), record).await
    }

    fn report(&self, error: &Error) {
        self.parts.logger.error(|| format!("{}: {error:?}", self.parts.config.group_id));
        self.parts.events.emit(|| ConsumerEvent::Failed(error.clone()));
        self.parts.handler.consumer_failed(error);
    }

    /// Says that nothing more is wanted, gives everything back, and goes. What the server has not answered in time is
    /// left to the others, who find out by themselves.
    async fn leave(&mut self) {
        self.home.set.end_all(match *self.control.borrow() {
            Control::Leave => Control::Leave,
            _ => Control::Close,
        });
        let begun = self.membership.begin_to_leave().await;
        self.try_once("say that it leaves", begun);
        while !self.home.set.numbers().is_empty() {
            let Some(ended) = self.ended.recv().await else { break };
            self.partitions_ended(ended).await;
        }
        self.try_once("leave", self.membership.leave().await);
    }

    fn try_once(&self, what: &str, outcome: Result<()>) {
        if let Err(error) = outcome {
            let group = &self.parts.config.group_id;
            self.parts.logger.warn(|| format!("group {group}: could not {what}: {error:?}"));
        }
    }

    fn is_closing(&self) -> bool {
        is_end(*self.control.borrow())
    }

    /// Not all members at once.
    fn pause_after(&self, look: &Look) -> Duration {
        let part = 0.8 + 0.2 * f64::from(random::next_u32()) / f64::from(u32::MAX);
        let usual = self.parts.membership.pace.interval.mul_f64(part);
        look.next.map_or(usual, |next| next.min(usual))
    }
}

fn is_end(control: Control) -> bool {
    matches!(control, Control::Close | Control::Leave)
}

fn record(parts: &SubscriptionParts, incarnation: u32, declined: &BTreeSet<u32>) -> MemberRecord {
    let config = &parts.config;
    MemberRecord {
        id: format!("{}/{incarnation}", parts.member_prefix),
        group_id: config.group_id.clone(),
        topic: config.topic.clone(),
        instance_id: None,
        process: parts.process.to_string(),
        partitions: config.partitions.clone(),
        declined: declined.iter().copied().collect(),
        is_manual: config.is_manual(),
        session_timeout_ms: config.session_timeout_ms,
        handover_timeout_ms: config.handover_timeout_ms,
        state: crate::group::group_record::MemberState::Active,
        replaced_by: None,
        transaction_sessions: Vec::new(),
    }
}

fn replaced(parts: &SubscriptionParts, successor: &str) -> Error {
    let config = &parts.config;
    let name = parts.membership.instance_id.as_ref().map_or("", |instance| instance.name.as_str());
    let message = format!(
        "member {successor} has the instanceId {name} now, so this one is out; give each running process an instanceId \
         of its own, or none"
    );
    Error::new(ErrorCode::InstanceReplaced, message).on_topic(&config.topic).in_group(&config.group_id)
}
