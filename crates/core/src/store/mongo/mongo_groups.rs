//! The verbs of [`GroupStore`] on MongoDB: each in the file of its subject.

use async_trait::async_trait;
use bson::Binary;

use super::mongo_store::MongoStore;
use super::{group_collection, member_collection, offset_collection, transaction_sessions};
use crate::error::Result;
use crate::group::assignment::MemberPartitions;
use crate::group::group_record::{GroupView, MemberRecord, StoredMember};
use crate::store::group_contract::GroupStore;

#[async_trait]
impl GroupStore for MongoStore {
    async fn join_group(&self, member: &MemberRecord) -> Result<bool> {
        member_collection::join(self.with_member_indexes().await?, member).await
    }

    async fn change_member(&self, member: &MemberRecord) -> Result<bool> {
        member_collection::change(self.open_connection()?, member).await
    }

    async fn beat(&self, members: &[String]) -> Result<Vec<String>> {
        member_collection::beat(self.open_connection()?, members).await
    }

    async fn leave_group(&self, member: &str) -> Result<()> {
        member_collection::leave(self.open_connection()?, member).await
    }

    async fn load_members(&self, group_id: &str) -> Result<Vec<StoredMember>> {
        member_collection::load(self.open_connection()?, group_id).await
    }

    async fn expire_member(&self, member: &str) -> Result<bool> {
        member_collection::expire(self.open_connection()?, member).await
    }

    async fn fence_member(&self, member: &str, replaced_by: Option<&str>) -> Result<bool> {
        member_collection::fence(self.open_connection()?, member, replaced_by).await
    }

    async fn load_group(&self, group_id: &str) -> Result<GroupView> {
        group_collection::load(self.open_connection()?, group_id).await
    }

    async fn lead_group(&self, group_id: &str, member: &str, after_epoch: i64) -> Result<bool> {
        group_collection::lead(self.open_connection()?, group_id, member, after_epoch).await
    }

    async fn resign_leadership(&self, group_id: &str, member: &str) -> Result<()> {
        group_collection::resign(self.open_connection()?, group_id, member).await
    }

    async fn assign_partitions(
        &self,
        group_id: &str,
        leader_epoch: i64,
        after_generation: i64,
        assignment: &[MemberPartitions],
    ) -> Result<bool> {
        let connection = self.open_connection()?;
        group_collection::assign(connection, group_id, leader_epoch, after_generation, assignment).await
    }

    async fn signal_group(&self, group_id: &str) -> Result<()> {
        group_collection::signal(self.open_connection()?, group_id).await
    }

    async fn owned_partitions(&self, group_id: &str, topic: &str, owner: &str) -> Result<Vec<u32>> {
        offset_collection::owned_partitions(self.open_connection()?, group_id, topic, owner).await
    }

    async fn unfenced_writes(&self, group_id: &str, topic: &str, owner: &str) -> Result<Vec<u32>> {
        offset_collection::unfenced_writes(self.open_connection()?, group_id, topic, owner).await
    }

    async fn transaction_sessions(&self) -> Result<Vec<Binary>> {
        let (client, sessions) = self.open_connection()?.transactional();
        sessions.ids(&client).await
    }

    async fn end_sessions(&self, sessions: &[Binary]) -> Result<()> {
        transaction_sessions::end(self.open_connection()?, sessions).await
    }
}
