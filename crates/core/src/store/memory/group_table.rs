//! Members and groups. Pure, and told the time.

use std::collections::BTreeMap;

use crate::group::assignment::MemberPartitions;
use crate::group::group_record::{GroupRecord, GroupView, MemberRecord, MemberState, StoredMember};

/// What `consumer_members` and `consumer_groups` hold.
#[derive(Debug, Clone, Default)]
pub(super) struct GroupTable {
    members: BTreeMap<String, Member>,
    groups: BTreeMap<String, Group>,
    revision: u64,
}

#[derive(Debug, Clone)]
struct Member {
    record: MemberRecord,
    heartbeat_at: i64,
}

#[derive(Debug, Clone, Default)]
struct Group {
    record: GroupRecord,
    assigned_at: i64,
    /// The revision of the table in which it changed last.
    changed_in: u64,
}

impl GroupTable {
    /// Grows with every change of a group.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn changed_since(&self, revision: u64) -> Vec<String> {
        let changed = self.groups.iter().filter(|(_, group)| group.changed_in > revision);
        changed.map(|(id, _)| id.clone()).collect()
    }

    /// Documents of members and of groups.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.members.len(), self.groups.len())
    }

    pub(super) fn join(&mut self, member: &MemberRecord, now: i64) -> bool {
        let mut record = member.clone();
        if let Some(known) = self.members.get(&member.id).filter(|known| !known.record.is_alive()) {
            record.state = known.record.state;
            record.replaced_by.clone_from(&known.record.replaced_by);
        }
        let is_alive = record.is_alive();
        self.members.insert(member.id.clone(), Member { record, heartbeat_at: now });
        is_alive
    }

    pub(super) fn change(&mut self, member: &MemberRecord) -> bool {
        let Some(stored) = self.living(&member.id) else { return false };
        stored.record.declined.clone_from(&member.declined);
        stored.record.state = member.state;
        true
    }

    pub(super) fn beat(&mut self, ids: &[String], now: i64) -> Vec<String> {
        let mut gone = Vec::new();
        for id in ids {
            match self.living(id) {
                Some(member) => member.heartbeat_at = now,
                None => gone.push(id.clone()),
            }
        }
        gone
    }

    pub(super) fn leave(&mut self, id: &str) {
        self.members.remove(id);
    }

    pub(super) fn load_members(&self, group_id: &str, now: i64) -> Vec<StoredMember> {
        let of_group = self.members.values().filter(|member| member.record.group_id == group_id);
        of_group.map(|member| member.seen_at(now)).collect()
    }

    pub(super) fn expire(&mut self, id: &str, now: i64) -> bool {
        let is_overdue = self.living(id).is_some_and(|member| member.seen_at(now).is_overdue());
        is_overdue && self.fence(id, None)
    }

    pub(super) fn fence(&mut self, id: &str, replaced_by: Option<&str>) -> bool {
        let Some(member) = self.living(id) else { return false };
        member.record.state = MemberState::Fenced;
        member.record.replaced_by = replaced_by.map(str::to_owned);
        true
    }

    pub(super) fn load_group(&self, group_id: &str, now: i64) -> GroupView {
        let Some(group) = self.groups.get(group_id) else { return GroupView::default() };
        let leader = group.record.leader.as_ref().and_then(|leader| self.members.get(leader));
        let is_led = leader.is_some_and(|leader| {
            leader.record.state == MemberState::Active && !leader.seen_at(now).is_overdue()
        });
        let assigned_ms_ago = u64::try_from(now - group.assigned_at).unwrap_or_default();
        GroupView { group: GroupRecord { assigned_ms_ago, ..group.record.clone() }, is_led }
    }

    pub(super) fn lead(&mut self, group_id: &str, member: &str, after_epoch: i64) -> bool {
        let stored = self.groups.get(group_id).map_or(0, |group| group.record.leader_epoch);
        if stored != after_epoch {
            return false;
        }
        let group = self.groups.entry(group_id.to_owned()).or_default();
        group.record.leader = Some(member.to_owned());
        group.record.leader_epoch += 1;
        self.signal(group_id);
        true
    }

    pub(super) fn resign(&mut self, group_id: &str, member: &str) {
        let Some(group) = self.groups.get_mut(group_id) else { return };
        if group.record.leader.as_deref() == Some(member) {
            group.record.leader = None;
            self.signal(group_id);
        }
    }

    pub(super) fn assign(
        &mut self,
        group_id: &str,
        (leader_epoch, after_generation): (i64, i64),
        assignment: &[MemberPartitions],
        now: i64,
    ) -> bool {
        let Some(group) = self.groups.get_mut(group_id) else { return false };
        let record = &mut group.record;
        if (record.leader_epoch, record.generation) != (leader_epoch, after_generation) {
            return false;
        }
        record.generation += 1;
        record.assignment = assignment.to_vec();
        group.assigned_at = now;
        self.signal(group_id);
        true
    }

    pub(super) fn signal(&mut self, group_id: &str) {
        if let Some(group) = self.groups.get_mut(group_id) {
            self.revision += 1;
            group.changed_in = self.revision;
        }
    }

    fn living(&mut self, id: &str) -> Option<&mut Member> {
        self.members.get_mut(id).filter(|member| member.record.is_alive())
    }
}

impl Member {
    fn seen_at(&self, now: i64) -> StoredMember {
        let silent_ms = u64::try_from(now - self.heartbeat_at).unwrap_or_default();
        StoredMember { record: self.record.clone(), silent_ms }
    }
}
