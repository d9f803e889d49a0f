//! Groups and their members.

use async_trait::async_trait;
use bson::Binary;
use csb_core::error::Result;
use csb_core::group::assignment::MemberPartitions;
use csb_core::group::group_record::{GroupView, MemberRecord, StoredMember};
use csb_core::store::group_contract::GroupStore;

use super::{StoreCall, StoreEffect, WatchedStore};

#[async_trait]
impl GroupStore for WatchedStore {
    async fn join_group(&self, member: &MemberRecord) -> Result<bool> {
        let is_alive = self.inner.join_group(member).await?;
        if is_alive {
            self.watcher.after(StoreEffect::Joined { member })?;
        }
        Ok(is_alive)
    }

    async fn change_member(&self, member: &MemberRecord) -> Result<bool> {
        self.watcher.before(StoreCall::ChangeMember, None).await?;
        self.inner.change_member(member).await
    }

    async fn beat(&self, members: &[String]) -> Result<Vec<String>> {
        self.watcher.before(StoreCall::Beat, None).await?;
        let gone = self.inner.beat(members).await?;
        self.watcher.after(StoreEffect::Beat { members, gone: &gone })?;
        Ok(gone)
    }

    async fn leave_group(&self, member: &str) -> Result<()> {
        self.inner.leave_group(member).await?;
        self.watcher.after(StoreEffect::Left { member })
    }

    async fn load_members(&self, group_id: &str) -> Result<Vec<StoredMember>> {
        self.inner.load_members(group_id).await
    }

    async fn expire_member(&self, member: &str) -> Result<bool> {
        let is_expired = self.inner.expire_member(member).await?;
        if is_expired {
            self.watcher.after(StoreEffect::Fenced { member, replaced_by: None })?;
        }
        Ok(is_expired)
    }

    async fn fence_member(&self, member: &str, replaced_by: Option<&str>) -> Result<bool> {
        let is_fenced = self.inner.fence_member(member, replaced_by).await?;
        if is_fenced {
            self.watcher.after(StoreEffect::Fenced { member, replaced_by })?;
        }
        Ok(is_fenced)
    }

    async fn load_group(&self, group_id: &str) -> Result<GroupView> {
        self.inner.load_group(group_id).await
    }

    async fn lead_group(&self, group_id: &str, member: &str, after_epoch: i64) -> Result<bool> {
        let leads = self.inner.lead_group(group_id, member, after_epoch).await?;
        if leads {
            self.watcher.after(StoreEffect::Led { group_id, member })?;
        }
        Ok(leads)
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
        let is_stored =
            self.inner.assign_partitions(group_id, leader_epoch, after_generation, assignment).await?;
        if is_stored {
            let generation = after_generation + 1;
            self.watcher.after(StoreEffect::Assigned { group_id, generation, assignment })?;
        }
        Ok(is_stored)
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
