//! What is done with groups passes through.

use async_trait::async_trait;
use bson::Binary;
use csb_core::error::Result;
use csb_core::group::assignment::MemberPartitions;
use csb_core::group::group_record::{GroupView, MemberRecord, StoredMember};
use csb_core::store::group_contract::GroupStore;

use super::{StubbornStore, Verb};

#[async_trait]
impl GroupStore for StubbornStore {
    async fn join_group(&self, member: &MemberRecord) -> Result<bool> {
        self.inner.join_group(member).await
    }

    async fn change_member(&self, member: &MemberRecord) -> Result<bool> {
        let refused = self.refuse_if_told(Verb::ChangeMember);
        // Whoever waits for the call may rely on its having been refused.
        self.rules.send_modify(|rules| *rules.calls.entry(Verb::ChangeMember).or_default() += 1);
        refused?;
        self.inner.change_member(member).await
    }

    async fn beat(&self, members: &[String]) -> Result<Vec<String>> {
        self.refuse_if_told(Verb::Beat)?;
        self.inner.beat(members).await
    }

    async fn leave_group(&self, member: &str) -> Result<()> {
        self.inner.leave_group(member).await
    }

    async fn load_members(&self, group_id: &str) -> Result<Vec<StoredMember>> {
        self.inner.load_members(group_id).await
    }

    async fn expire_member(&self, member: &str) -> Result<bool> {
        self.inner.expire_member(member).await
    }

    async fn fence_member(&self, member: &str, replaced_by: Option<&str>) -> Result<bool> {
        self.inner.fence_member(member, replaced_by).await
    }

    async fn load_group(&self, group_id: &str) -> Result<GroupView> {
        self.inner.load_group(group_id).await
    }

    async fn lead_group(&self, group_id: &str, member: &str, after_epoch: i64) -> Result<bool> {
        self.inner.lead_group(group_id, member, after_epoch).await
    }

    async fn resign_leadership(&self, group_id: &str, member: &str) -> Result<()> {
        self.inner.resign_leadership(group_id, member).await
    }

    async fn assign_partitions(
        &self,
        group_id: &str,
        leader_epoch: i64,
        after_generation: i64,
        assignment: &[MemberPartitions],
    ) -> Result<bool> {
        self.inner.assign_partitions(group_id, leader_epoch, after_generation, assignment).await
    }

    async fn signal_group(&self, group_id: &str) -> Result<()> {
        self.inner.signal_group(group_id).await
    }

    async fn owned_partitions(&self, group_id: &str, topic: &str, owner: &str) -> Result<Vec<u32>> {
        self.inner.owned_partitions(group_id, topic, owner).await
    }

    async fn unfenced_writes(&self, group_id: &str, topic: &str, owner: &str) -> Result<Vec<u32>> {
        self.inner.unfenced_writes(group_id, topic, owner).await
    }

    async fn transaction_sessions(&self) -> Result<Vec<Binary>> {
        self.inner.transaction_sessions().await
    }

    async fn end_sessions(&self, sessions: &[Binary]) -> Result<()> {
        self.inner.end_sessions(sessions).await
    }
}
