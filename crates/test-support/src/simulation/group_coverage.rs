//! What happened to groups in a run.

use std::collections::{BTreeMap, BTreeSet};

use super::event::{Event, GroupPartition};

/// Follows the groups of one run.
#[derive(Default)]
pub(super) struct GroupCoverage {
    /// Members that are not out.
    members: BTreeSet<String>,
    leaders: BTreeMap<usize, String>,
    /// Who was in the newest assignment.
    assigned: BTreeMap<usize, BTreeSet<String>>,
    /// Who has claimed each partition last, and whether he still has it.
    owners: BTreeMap<GroupPartition, (String, bool)>,
}

impl GroupCoverage {
    pub(super) fn holds(&self, at: GroupPartition) -> bool {
        self.owners.get(&at).is_some_and(|(_, holds)| *holds)
    }

    pub(super) fn see(&mut self, event: &Event, mut note: impl FnMut(&'static str)) {
        match event {
            Event::MemberJoined { member, .. } => {
                self.members.insert(member.clone());
                if !member.ends_with("/1") {
                    note("a member joined again after a fence");
                }
            }
            Event::MemberFenced { member, replaced_by } => {
                self.members.remove(member);
                let is_replaced = replaced_by.is_some();
                note(if is_replaced { "a member replaced" } else { "a member expired" });
            }
            Event::MemberLeft { member } => _ = self.members.remove(member),
            Event::Led { group, member } => {
                let before = self.leaders.insert(*group, member.clone());
                if before.is_some_and(|before| before != *member) {
                    note("a change of the leader");
                }
            }
            Event::Assigned { group, assignment, .. } => {
                let now: BTreeSet<_> = assignment.iter().map(|entry| entry.member.clone()).collect();
                let before = self.assigned.insert(*group, now.clone()).unwrap_or_default();
                if before.intersection(&now).next().is_some() && !now.is_subset(&before) {
                    note("a rebalance because a member joined");
                }
                if !before.is_subset(&now) {
                    note("a rebalance because a member was gone");
                }
            }
            Event::Claimed(claimed) => {
                let (at, owner) = (claimed.claim.at, &claimed.claim.owner);
                if let Some((before, holds)) = self.owners.insert(at, (owner.clone(), true)) {
                    self.changes_hands(&before, holds, owner).into_iter().for_each(note);
                }
            }
            Event::Released { claim, is_accepted: true } => {
                if let Some((owner, holds)) = self.owners.get_mut(&claim.at) {
                    *holds = *holds && *owner != claim.owner;
                }
            }
            _ => {}
        }
    }

    fn changes_hands(&self, before: &str, holds: bool, after: &str) -> Option<&'static str> {
        match (holds, before == after, self.members.contains(before)) {
            (true, true, _) => Some("a claim lost and made again"),
            (true, false, true) => Some("a forced takeover"),
            (true, false, false) => Some("a partition taken over from a member that was gone"),
            (false, false, true) => Some("a planned move"),
            (false, ..) => None,
        }
    }
}
