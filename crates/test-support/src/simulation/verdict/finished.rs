//! What each group is done with.

use std::collections::BTreeMap;

use super::tenures::TenureId;
use crate::simulation::event::ClaimName;

/// Messages by group, and under which claim they were handled last. `None`: it is in the dead letters.
#[derive(Default)]
pub(super) struct Finished(BTreeMap<(usize, i64), Option<TenureId>>);

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

    /// Returns how it was finished before, if it was. Of several claims the newest one counts.
    pub(super) fn handled(&mut self, number: i64, by: TenureId) -> Option<Option<TenureId>> {
        let (at, _) = by;
        let before = self.0.get(&(at.0, number)).copied();
        let newest = before.flatten().map_or(by, |before| before.max(by));
        self.0.insert((at.0, number), Some(newest));
        before
    }
}
