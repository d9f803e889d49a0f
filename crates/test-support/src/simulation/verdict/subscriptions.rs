//! Who subscribed to what.

use std::collections::BTreeMap;

use crate::simulation::event::{Entry, Event};
use crate::simulation::scheduler::ProcessId;

/// A call of `subscribe`, and what came of it.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) number: u64,
    pub(super) group: usize,
    pub(super) process: ProcessId,
    pub(super) partitions: Vec<u32>,
    /// When `subscribe` resolved.
    pub(super) began: Option<usize>,
    /// It was told to end, or its process was.
    pub(super) is_ending: bool,
}

/// All of them.
#[derive(Default)]
pub(super) struct Subscriptions {
    by_number: BTreeMap<u64, Subscription>,
    /// What the ids of their members begin with.
    by_member: BTreeMap<String, u64>,
}

impl Subscriptions {
    pub(super) fn get(&self, number: u64) -> Option<&Subscription> {
        self.by_number.get(&number)
    }

    /// The subscription that this member is of.
    pub(super) fn of_member(&self, member: &str) -> Option<&Subscription> {
        let (prefix, _incarnation) = member.rsplit_once('/')?;
        self.get(*self.by_member.get(prefix)?)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Subscription> {
        self.by_number.values()
    }

    pub(super) fn see(&mut self, index: usize, entry: &Entry) {
        match &entry.event {
            Event::SubscribeBegan { subscription, group, process, member, partitions } => {
                let begun = Subscription {
                    number: *subscription,
                    group: *group,
                    process: *process,
                    partitions: partitions.clone(),
                    began: None,
                    is_ending: false,
                };
                self.by_number.insert(*subscription, begun);
                self.by_member.insert(member.clone(), *subscription);
            }
            Event::Subscribed { subscription } => {
                if let Some(begun) = self.by_number.get_mut(subscription) {
                    begun.began = Some(index);
                }
            }
            Event::SubscribeFailed { subscription, .. }
            | Event::UnsubscribeBegan { subscription }
            | Event::ConsumerFailed { subscription, .. } => self.ends(|other| other.number == *subscription),
            Event::ProcessKilled(process) => self.ends(|other| other.process == *process),
            Event::DisconnectBegan => self.ends(|other| other.process == entry.process),
            _ => {}
        }
    }

    fn ends(&mut self, is_meant: impl Fn(&Subscription) -> bool) {
        for subscription in self.by_number.values_mut().filter(|other| is_meant(other)) {
            subscription.is_ending = true;
        }
    }
}
