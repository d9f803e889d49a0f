//! What has to be handled before a run is over.

use std::collections::{BTreeMap, BTreeSet};

use csb_core::consumer::position::Position;

use crate::simulation::event::{Entry, Event, GroupPartition};
use crate::simulation::plan::Plan;
use crate::simulation::stored_log::StoredLog;

/// Every stored message, for every group that began before it.
pub(in crate::simulation) struct Obligations<'a> {
    log: &'a StoredLog,
    /// Partitions of which it is not known yet where the group began.
    unknown: BTreeSet<GroupPartition>,
    /// Groups of the subscriptions.
    groups: BTreeMap<u64, usize>,
    finished: BTreeSet<(usize, i64)>,
    open: BTreeSet<(usize, u32, i64)>,
    seen: usize,
}

impl<'a> Obligations<'a> {
    pub(in crate::simulation) fn new(plan: &Plan, log: &'a StoredLog) -> Self {
        let partitions = |group| (0..plan.partitions).map(move |partition| (group, partition));
        Self {
            log,
            unknown: (0..plan.groups.len()).flat_map(partitions).collect(),
            groups: BTreeMap::new(),
            finished: BTreeSet::new(),
            open: BTreeSet::new(),
            seen: 0,
        }
    }

    /// Whether everything is handled or in the dead letters. Looks at what is new among the events.
    pub(in crate::simulation) fn are_met(&mut self, entries: &[Entry]) -> bool {
        for entry in &entries[self.seen..] {
            match &entry.event {
                Event::SubscribeBegan { subscription, group, .. } => {
                    self.groups.insert(*subscription, *group);
                }
                Event::Committed { claim, checkpoint, is_accepted: true } => {
                    self.begins_at(claim.at, &checkpoint.position);
                }
                Event::Buried { claim, number, is_accepted: true, .. } => self.finish(claim.at.0, *number),
                Event::HandlingEnded { subscription, number, is_ok: true, .. } => {
                    self.finish(self.groups[subscription], *number);
                }
                _ => {}
            }
        }
        self.seen = entries.len();
        self.unknown.is_empty() && self.open.is_empty()
    }

    /// What is not met: group, partition, and number; 0 if the group has not begun.
    pub(in crate::simulation) fn open(&self) -> Vec<(usize, u32, i64)> {
        let unknown = self.unknown.iter().map(|(group, partition)| (*group, *partition, 0));
        unknown.chain(self.open.iter().copied()).collect()
    }

    fn begins_at(&mut self, at: GroupPartition, origin: &Position) {
        if !self.unknown.remove(&at) {
            return;
        }
        let (group, partition) = at;
        for message in self.log.in_partition(partition) {
            let is_wanted = message.is_behind(origin) != Some(true);
            if is_wanted && !self.finished.contains(&(group, message.number)) {
                self.open.insert((group, partition, message.number));
            }
        }
    }

    fn finish(&mut self, group: usize, number: i64) {
        self.finished.insert((group, number));
        if let Some(message) = self.log.messages.get(&number) {
            self.open.remove(&(group, message.partition, number));
        }
    }
}
