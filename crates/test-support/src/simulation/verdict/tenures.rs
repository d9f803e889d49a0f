//! Claims, and what became of them: each is a tenure, the time for which a member holds a partition.

use std::collections::BTreeMap;

use super::subscriptions::Subscriptions;
use crate::simulation::event::{ClaimName, ClaimedPartition, Entry, Event, GroupPartition};
use crate::simulation::scheduler::ProcessId;

/// Names a tenure: epochs grow with every claim of a partition.
pub(super) type TenureId = (GroupPartition, i64);

/// One claim.
#[derive(Debug)]
pub(super) struct Tenure {
    pub(super) claimed: ClaimedPartition,
    process: Option<ProcessId>,
    /// When it gave the partition back.
    pub(super) released: Option<usize>,
    /// When the next member claimed the partition.
    pub(super) superseded: Option<usize>,
    /// It gave up on handlers that were at work, or on its last writes: what was not stored by then comes again.
    pub(super) was_cut_short: bool,
}

impl Tenure {
    pub(super) fn id(&self) -> TenureId {
        (self.claimed.claim.at, self.claimed.claim.epoch)
    }

    pub(super) fn owner(&self) -> &str {
        &self.claimed.claim.owner
    }

    /// Whether it gave everything back, with all that was handled stored.
    pub(super) fn ended_in_good_order(&self) -> bool {
        self.released.is_some() && !self.was_cut_short
    }
}

/// All of them.
#[derive(Default)]
pub(super) struct Tenures {
    /// Of each partition, in the order of their epochs.
    by_place: BTreeMap<GroupPartition, Vec<Tenure>>,
    /// That of each subscription in each partition which began last.
    newest: BTreeMap<(u64, u32), TenureId>,
    /// Under which tenure a delivery of a subscription began.
    deliveries: BTreeMap<(u64, u32), TenureId>,
}

impl Tenures {
    pub(super) fn get(&self, (at, epoch): TenureId) -> Option<&Tenure> {
        self.by_place.get(&at)?.iter().find(|tenure| tenure.claimed.claim.epoch == epoch)
    }

    /// The last one in this partition.
    pub(super) fn newest_of(&self, at: GroupPartition) -> Option<&Tenure> {
        self.by_place.get(&at)?.last()
    }

    /// The tenure under which this delivery of a subscription began.
    pub(super) fn of_delivery(&self, subscription: u64, delivery: u32) -> Option<&Tenure> {
        self.get(*self.deliveries.get(&(subscription, delivery))?)
    }

    pub(super) fn see(&mut self, index: usize, entry: &Entry, subscriptions: &Subscriptions) {
        match &entry.event {
            Event::Claimed(claimed) => self.begin(index, claimed, subscriptions),
            Event::Released { claim, is_accepted: true } => self.release(index, claim),
            Event::HandlingBegan(handling) => {
                let (delivery, _, _) = handling.delivery;
                let newest = self.newest.get(&(handling.subscription, handling.partition)).copied();
                if let Some(tenure) = newest {
                    self.deliveries.entry((handling.subscription, delivery)).or_insert(tenure);
                }
            }
            Event::Logged(text) => self.hear(entry.process, text),
            _ => {}
        }
    }

    fn begin(&mut self, index: usize, claimed: &ClaimedPartition, subscriptions: &Subscriptions) {
        let subscription = subscriptions.of_member(&claimed.claim.owner);
        let tenure = Tenure {
            claimed: claimed.clone(),
            process: subscription.map(|subscription| subscription.process),
            released: None,
            superseded: None,
            was_cut_short: false,
        };
        let at = claimed.claim.at;
        if let Some(subscription) = subscription {
            self.newest.insert((subscription.number, at.1), tenure.id());
        }
        let tenures = self.by_place.entry(at).or_default();
        if let Some(before) = tenures.last_mut() {
            before.superseded = Some(index);
        }
        tenures.push(tenure);
    }

    fn release(&mut self, index: usize, claim: &ClaimName) {
        let tenures = self.by_place.get_mut(&claim.at).into_iter().flatten();
        for tenure in tenures.filter(|tenure| tenure.claimed.claim == *claim) {
            tenure.released.get_or_insert(index);
        }
    }

    /// What a process says about its partitions when it does not end them as it should.
    fn hear(&mut self, process: ProcessId, text: &str) {
        let is_of_all = text.contains("partitions are not released");
        let is_of_one = text.contains("a handler did not finish in time for the end")
            || text.contains("could not be left in good order")
            || text.contains("failed, its messages will be delivered again");
        if !is_of_all && !is_of_one {
            return;
        }
        for ((group, partition), tenures) in &mut self.by_place {
            let is_meant =
                is_of_all || text.contains(&format!("group group-{group} on numbers[{partition}]"));
            let of_process = |tenure: &&mut Tenure| tenure.process == Some(process);
            for tenure in tenures.iter_mut().filter(of_process).filter(|_| is_meant) {
                if tenure.released.is_none() {
                    tenure.was_cut_short = true;
                }
            }
        }
    }
}
