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
use crate::feed::GroupSignal;
use crate::group::{Look, Membership};
use crate::observe::consumer_event::ConsumerEvent;
use crate::runtime::backoff::Backoff;
use crate::runtime::clock::Instant;
use crate::runtime::{clock, random};
use crate::store::contract::{Claim, StoredOffset, Topic};

mod beginning;
mod claiming;
mod joining;
mod leaving;
mod ownership;
mod unfenced_writers;

use joining::{joined_too_late, record};
use unfenced_writers::UnfencedWriters;

/// A member that could not begin is given this long to say so to the others.
const LONGEST_LEAVE: Duration = Duration::from_secs(2);
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
    /// When it was seen last that its partitions are its own.
    owned_at: Option<Instant>,
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
    Signal,
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
        let joined = Membership::join(parts.membership.clone(), record(&parts, 1, &BTreeSet::new())).await?;
        let membership = joined.ok_or_else(|| joined_too_late(&parts))?;
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
            owned_at: None,
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

    /// Coordinates until the subscription is closed, or has nothing to read any more.
    pub(super) async fn run(mut self) {
        let mut pause = Duration::ZERO;
        loop {
            match self.next_step(pause).await {
                Step::Close => break,
                Step::Look => self.check_ownership_now_and_then().await,
                Step::Signal => self.check_ownership().await,
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
            Ok(()) = self.signal.changed() => Step::Signal,
            () = clock::sleep(pause) => Step::Look,
        }
    }

    /// One look at the group, and what follows from it.
    async fn round(&mut self) -> Result<Duration> {
        let look = self.membership.look().await?;
        self.unfenced_writers.look(&self.parts, self.membership.id()).await?;
        let (claims, failed) = self.reconcile(&look).await?;
        let mut problem = self.open_now(claims).await.err();
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
    async fn reconcile(&self, look: &Look) -> Result<(Vec<(Claim, StoredOffset)>, Vec<(u32, Error)>)> {
        let assigned: BTreeSet<_> = look.assigned.iter().flatten().copied().collect();
        let held = self.home.set.numbers();
        if look.assigned.is_none() && !held.is_empty() {
            // Others have its partitions already: nothing is left to hand over in good order.
            self.membership.doubt();
            return Ok((Vec::new(), Vec::new()));
        }
        let until = clock::now() + self.parts.handover_timeout();
        for partition in held.difference(&assigned) {
            self.home.set.revoke(*partition, until);
        }
        let is_wanted = |partition: &u32| !held.contains(partition) && !self.declined.contains(partition);
        let wanted: Vec<_> = assigned.into_iter().filter(is_wanted).collect();
        if wanted.is_empty() || self.is_closing() {
            return Ok((Vec::new(), Vec::new()));
        }
        self.claim(wanted, look.assigned_ms_ago).await
    }

    /// With the topic as it is now: it may have grown.
    async fn open_now(&self, claims: Vec<(Claim, StoredOffset)>) -> Result<()> {
        if claims.is_empty() {
            return Ok(());
        }
        match self.readable().await {
            Ok((topic, _)) => self.open(&topic, claims).await,
            Err(error) => {
                self.give_back(claims).await;
                Err(error)
            }
        }
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

    fn report(&self, error: &Error) {
        self.parts.logger.error(|| format!("{}: {error:?}", self.parts.config.group_id));
        self.parts.events.emit(|| ConsumerEvent::Failed(error.clone()));
        self.parts.handler.consumer_failed(error);
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
