//! The verbs of [`GroupStore`] on the embedded store.

use async_trait::async_trait;
use bson::Binary;

use super::group_table::GroupTable;
use super::memory_store::MemoryStore;
use crate::error::Result;
use crate::group::assignment::MemberPartitions;
use crate::group::group_record::{GroupView, MemberRecord, StoredMember};
use crate::runtime::clock;
use crate::store::group_contract::GroupStore;

impl MemoryStore {
    fn on_groups<T>(&self, verb: impl FnOnce(&mut GroupTable, i64) -> T) -> Result<T> {
        let database = self.database()?;
        let (outcome, has_changed) = {
            let mut state = database.state();
            let before = state.groups.revision();
            let outcome = verb(&mut state.groups, clock::unix_millis());
            (outcome, state.groups.revision() != before)
        };
        if has_changed {
            database.wake_feeds();
        }
        Ok(outcome)
    }
}

#[async_trait]
impl GroupStore for MemoryStore {
    async fn join_group(&self, member: &MemberRecord) -> Result<bool> {
        self.on_groups(|groups, now| groups.join(member, now))
    }

    async fn change_member(&self, member: &MemberRecord) -> Result<bool> {
        self.on_groups(|groups, _| groups.change(member))
    }

    async fn beat(&self, members: &[String]) -> Result<Vec<String>> {
        self.on_groups(|groups, now| groups.beat(members, now))
    }

    async fn leave_group(&self, member: &str) -> Result<()> {
        self.on_groups(|groups, _| groups.leave(member))
    }

    async fn load_members(&self, group_id: &str) -> Result<Vec<StoredMember>> {
        self.on_groups(|groups, now| groups.load_members(group_id, now))
    }

    async fn expire_member(&self, member: &str) -> Result<bool> {
        self.on_groups(|groups, now| groups.expire(member, now))
    }

    async fn fence_member(&self, member: &str, replaced_by: Option<&str>) -> Result<bool> {
        self.on_groups(|groups, _| groups.fence(member, replaced_by))
    }

    async fn load_group(&self, group_id: &str) -> Result<GroupView> {
        self.on_groups(|groups, now| groups.load_group(group_id, now))
    }

    async fn lead_group(&self, group_id: &str, member: &str, after_epoch: i64) -> Result<bool> {
        self.on_groups(|groups, _| groups.lead(group_id, member, after_epoch))
    }

    async fn resign_leadership(&self, group_id: &str, member: &str) -> Result<()> {
        self.on_groups(|groups, _| groups.resign(group_id, member))
    }

    async fn assign_partitions(
        &self,
        group_id: &str,
        leader_epoch: i64,
        after_generation: i64,
        assignment: &[MemberPartitions],
    ) -> Result<bool> {
        let after = (leader_epoch, after_generation);
        self.on_groups(|groups, now| groups.assign(group_id, after, assignment, now))
    }

    async fn signal_group(&self, group_id: &str) -> Result<()> {
        self.on_groups(|groups, _| groups.signal(group_id))
    }

    async fn owned_partitions(&self, group_id: &str, topic: &str, owner: &str) -> Result<Vec<u32>> {
        Ok(self.database()?.state().offsets.owned_partitions(group_id, topic, owner))
    }

    async fn unfenced_writes(&self, group_id: &str, topic: &str, owner: &str) -> Result<Vec<u32>> {
        Ok(self.database()?.state().offsets.unfenced_writes(group_id, topic, owner))
    }

    /// There are no transactions that outlive a call.
    async fn transaction_sessions(&self) -> Result<Vec<Binary>> {
        self.database().map(|_| Vec::new())
    }

    async fn end_sessions(&self, _: &[Binary]) -> Result<()> {
        self.database().map(drop)
    }
}
