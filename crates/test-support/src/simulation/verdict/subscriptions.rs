//! Who subscribed to what, under which claims.

use std::collections::BTreeMap;

use crate::simulation::event::{ClaimName, ClaimedPartition, Entry, Event};
use crate::simulation::scheduler::ProcessId;

/// A call of `subscribe`, and what came of it.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) number: u64,
    pub(super) group: usize,
    pub(super) owner: String,
    pub(super) partitions: Vec<u32>,
    pub(super) process: Option<ProcessId>,
    /// Claims of its owner that may be its own. Usually one per partition; a claim that was answered too late belongs to
    /// the subscription after it, too.
    pub(super) claims: Vec<ClaimedPartition>,
    /// When `subscribe` resolved.
    pub(super) began: Option<usize>,
    /// When `unsubscribe` resolved.
    pub(super) ended: Option<usize>,
}

/// All of them.
#[derive(Default)]
pub(super) struct Subscriptions {
    by_number: BTreeMap<u64, Subscription>,
    /// Claims of each owner since its last successful subscription.
    recent: BTreeMap<String, Vec<ClaimedPartition>>,
    claimed: Vec<(usize, ClaimName)>,
    released: Vec<(usize, ClaimName)>,
    /// Where a process ended without giving its partitions back.
    aborted: Vec<(usize, ProcessId)>,
    /// Where it gave partitions back while handlers were still at work, with what it said. Nobody heard how they ended.
    left: Vec<(usize, ProcessId, String)>,
    killed: BTreeMap<ProcessId, usize>,
}

impl Subscriptions {
    pub(super) fn get(&self, number: u64) -> Option<&Subscription> {
        self.by_number.get(&number)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Subscription> {
        self.by_number.values()
    }

    pub(super) fn see(&mut self, index: usize, entry: &Entry) {
        match &entry.event {
            Event::SubscribeBegan { subscription, group, owner, partitions } => {
                let begun = Subscription {
                    number: *subscription,
                    group: *group,
                    owner: owner.clone(),
                    partitions: partitions.clone(),
                    process: None,
                    claims: Vec::new(),
                    began: None,
                    ended: None,
                };
                self.by_number.insert(*subscription, begun);
            }
            Event::Claimed(claimed) => {
                self.claimed.push((index, claimed.claim.clone()));
                self.recent.entry(claimed.claim.owner.clone()).or_default().push(claimed.clone());
            }
            Event::Released { claim, is_accepted: true } => self.released.push((index, claim.clone())),
            Event::Subscribed { subscription } => {
                if let Some(begun) = self.by_number.get_mut(subscription) {
                    begun.began = Some(index);
                    begun.process = Some(entry.process);
                }
                self.attach_claims(*subscription);
            }
            Event::HandlingBegan(handling) => self.attach_claims(handling.subscription),
            Event::UnsubscribeEnded { subscription } => {
                if let Some(ended) = self.by_number.get_mut(subscription) {
                    ended.ended = Some(index);
                }
            }
            Event::Logged(text) if text.contains("partitions are not released") => {
                self.aborted.push((index, entry.process));
            }
            Event::Logged(text) if text.contains("a handler did not finish in time for the end") => {
                self.left.push((index, entry.process, text.clone()));
            }
            Event::ProcessKilled(process) => _ = self.killed.insert(*process, index),
            _ => {}
        }
    }

    /// The first message may be handled before `subscribe` has told that it is ready.
    fn attach_claims(&mut self, subscription: u64) {
        let Some(subscription) = self.by_number.get_mut(&subscription) else { return };
        if subscription.claims.is_empty() {
            subscription.claims = self.recent.remove(&subscription.owner).unwrap_or_default();
        }
    }

    /// How the subscription let go of this partition before this event, after it had handled something there.
    pub(super) fn end_of(&self, number: u64, partition: u32, from: usize, until: usize) -> End {
        let Some(subscription) = self.get(number) else { return End::Unclean };
        let within = from..until;
        if self.has_left(subscription, partition, from) {
            return End::Unclean;
        }
        let released = self.released.iter().find(|(at, claim)| {
            within.contains(at)
                && subscription.claims.iter().any(|claimed| claimed.claim == *claim)
                && claim.at.1 == partition
        });
        let until = released.map_or(until, |(at, _)| *at);
        if self.is_superseded(subscription, partition, until) {
            return End::Unclean;
        }
        let is_killed = subscription.process.is_some_and(|process| self.killed.contains_key(&process));
        let is_aborted = self
            .aborted
            .iter()
            .any(|(at, process)| (from..until).contains(at) && Some(*process) == subscription.process);
        match released {
            Some(_) => End::Released,
            None if is_killed || is_aborted => End::Unclean,
            None if subscription.ended.is_some_and(|ended| ended < until) => End::Unreleased,
            None => End::Unclean,
        }
    }

    /// Whether the subscription had given the partition back already, without waiting for its handlers.
    fn has_left(&self, subscription: &Subscription, partition: u32, until: usize) -> bool {
        let name = format!("group group-{} on numbers[{partition}]: ", subscription.group);
        self.left.iter().any(|(at, process, text)| {
            subscription.began.is_some_and(|began| began < *at)
                && *at < until
                && Some(*process) == subscription.process
                && text.starts_with(&name)
        })
    }

    /// Whether another claim came after all that may be the subscription's own.
    pub(super) fn is_superseded(&self, subscription: &Subscription, partition: u32, until: usize) -> bool {
        let at = (subscription.group, partition);
        let own = subscription.claims.iter().filter(|claimed| claimed.claim.at == at);
        let own = own.map(|claimed| claimed.claim.epoch).max();
        let mut earlier = self.claimed.iter().filter(|(index, claim)| *index < until && claim.at == at);
        own.is_some_and(|own| earlier.any(|(_, claim)| claim.epoch > own))
    }
}

/// How a subscription let go of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// In good order.
    Released,
    /// Nothing went wrong with it, and the partition was not given back.
    Unreleased,
    /// Somebody took the partition over, the process was killed, a handler did not end: what was not stored by then
    /// comes again.
    Unclean,
}
