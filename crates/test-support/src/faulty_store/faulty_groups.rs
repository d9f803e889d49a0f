//! Groups and members, with the same faults.

use async_trait::async_trait;
use bson::Binary;
use csb_core::error::Result;
use csb_core::group::assignment::MemberPartitions;
use csb_core::group::group_record::{GroupView, MemberRecord, StoredMember};
use csb_core::store::group_contract::GroupStore;

use super::FaultyStore;

#[async_trait]
impl GroupStore for FaultyStore {
    async fn join_group(&self, member: &MemberRecord) -> Result<bool> {
        let member = member.clone();
        self.change(|inner| async move { inner.join_group(&member).await }).await
    }

    async fn change_member(&self, member: &MemberRecord) -> Result<bool> {
        let member = member.clone();
        self.change(|inner| async move { inner.change_member(&member).await }).await
    }

    async fn beat(&self, members: &[String]) -> Result<Vec<String>> {
        let members = members.to_vec();
        self.change(|inner| async move { inner.beat(&members).await }).await
    }

    async fn leave_group(&self, member: &str) -> Result<()> {
        let member = member.to_owned();
        self.change(|inner| async move { inner.leave_group(&member).await }).await
    }

    async fn load_members(&self, group_id: &str) -> Result<Vec<StoredMember>> {
        self.read(self.inner.load_members(group_id)).await
    }

    async fn expire_member(&self, member: &str) -> Result<bool> {
        let member = member.to_owned();
        self.change(|inner| async move { inner.expire_member(&member).await }).await
    }

    async fn fence_member(&self, member: &str, replaced_by: Option<&str>) -> Result<bool> {
        let (member, replaced_by) = (member.to_owned(), replaced_by.map(str::to_owned));
        self.change(|inner| async move { inner.fence_member(&member, replaced_by.as_deref()).await }).await
    }

    async fn load_group(&self, group_id: &str) -> Result<GroupView> {
        self.read(self.inner.load_group(group_id)).await
    }

    async fn lead_group(&self, group_id: &str, member: &str, after_epoch: i64) -> Result<bool> {
        let (group_id, member) = (group_id.to_owned(), member.to_owned());
        self.change(move |inner| async move { inner.lead_group(&group_id, &member, after_epoch).await }).await
    }

    async fn resign_leadership(&self, group_id: &str, member: &str) -> Result<()> {
        let (group_id, member) = (group_id.to_owned(), member.to_owned());
        self.change(|inner| async move { inner.resign_leadership(&group_id, &member).await }).await
    }

    async fn assign_partitions(
        &self,
        group_id: &str,
        leader_epoch: i64,
        after_generation: i64,
        assignment: &[MemberPartitions],
    ) -> Result<bool> {
        let (group_id, assignment) = (group_id.to_owned(), assignment.to_vec());
        self.change(move |inner| async move {
            inner.assign_partitions(&group_id, leader_epoch, after_generation, &assignment).await
        })
        .await
    }

    async fn signal_group(&self, group_id: &str) -> Result<()> {
        let group_id = group_id.to_owned();
        self.change(|inner| async move { inner.signal_group(&group_id).await }).await
    }

    async fn owned_partitions(&self, group_id: &str, topic: &str, owner: &str) -> Result<Vec<u32>> {
        self.read(self.inner.owned_partitions(group_id, topic, owner)).await
    }

    async fn unfenced_writes(&self, group_id: &str, topic: &str, owner: &str) -> Result<Vec<u32>> {
        self.read(self.inner.unfenced_writes(group_id, topic, owner)).await
    }

    async fn transaction_sessions(&self) -> Result<Vec<Binary>> {
        self.read(self.inner.transaction_sessions()).await
    }

    async fn end_sessions(&self, sessions: &[Binary]) -> Result<()> {
        let sessions = sessions.to_vec();
        self.change(|inner| async move { inner.end_sessions(&sessions).await }).await
    }
}
