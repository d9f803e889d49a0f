//! What each group is done with.

use std::collections::BTreeMap;

use crate::simulation::event::{ClaimName, GroupPartition};

/// When a message was handled, and by which subscription.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handled {
    pub(super) subscription: u64,
    pub(super) index: usize,
}

/// Messages by group. `None`: it is in the dead letters.
#[derive(Default)]
pub(super) struct Finished(BTreeMap<(usize, i64), Option<Handled>>);

impl Finished {
    pub(super) fn is_finished(&self, group: usize, number: i64) -> bool {
        self.0.contains_key(&(group, number))
    }

    /// Whether it was not finished before.
    pub(super) fn buried(&mut self, claim: &ClaimName, number: i64) -> bool {
        let is_new = !self.is_finished(claim.at.0, number);
        self.0.entry((claim.at.0, number)).or_insert(None);
        is_new
    }

    /// Returns how it was finished before, if it was.
    pub(super) fn handled(
        &mut self,
        (group, _): GroupPartition,
        number: i64,
        subscription: u64,
        index: usize,
    ) -> Option<Option<Handled>> {
        self.0.insert((group, number), Some(Handled { subscription, index }))
    }
}
