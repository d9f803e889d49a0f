//! What the engine needs from a database to coordinate groups. Part of [`Store`](super::contract::Store).
//!
//! Times are the server's. Whatever changes a group is a signal to its members, which every feed passes on
//! ([`FeedBatch::changed_groups`](super::contract::FeedBatch)).

use async_trait::async_trait;
use bson::Binary;

use crate::error::Result;
use crate::group::assignment::MemberPartitions;
use crate::group::group_record::{GroupView, MemberRecord, StoredMember};

/// The verbs on groups and members. Each has a deadline of its own and fails with a typed error.
#[async_trait]
pub trait GroupStore: Send + Sync + 'static {
    /// Stores a new member, which is its first heartbeat. Storing it twice makes one. Whether it lives: the first try may
    /// take effect long before the second, and one that has been fenced meanwhile stays fenced.
    async fn join_group(&self, member: &MemberRecord) -> Result<bool>;

    /// Replaces `declined` and `state` of a member that is not fenced. Whether there is one.
    async fn change_member(&self, member: &MemberRecord) -> Result<bool>;

    /// A heartbeat of all these members. Returns those that are fenced or gone.
    async fn beat(&self, members: &[String]) -> Result<Vec<String>>;

    /// Deletes a member.
    async fn leave_group(&self, member: &str) -> Result<()>;

    /// The members of a group, those that are fenced too, in the order of their ids.
    async fn load_members(&self, group_id: &str) -> Result<Vec<StoredMember>>;

    /// Fences a member that has been silent for longer than its session. Whether it was.
    async fn expire_member(&self, member: &str) -> Result<bool>;

    /// Fences a member, however lately it was heard, because another takes its place, or because its process is known
    /// to be gone. Whether it was not fenced before.
    async fn fence_member(&self, member: &str, replaced_by: Option<&str>) -> Result<bool>;

    /// The group, all empty if there is none.
    async fn load_group(&self, group_id: &str) -> Result<GroupView>;

    /// Makes the member the leader under the epoch behind this one. Whether it is; nothing was written if the group has
    /// another epoch.
    async fn lead_group(&self, group_id: &str, member: &str, after_epoch: i64) -> Result<bool>;

    /// Gives the leadership up, if the member has it.
    async fn resign_leadership(&self, group_id: &str, member: &str) -> Result<()>;

    /// Stores an assignment as the generation behind this one, if the leader's epoch and the generation are still
    /// these. Whether they are.
    async fn assign_partitions(
        &self,
        group_id: &str,
        leader_epoch: i64,
        after_generation: i64,
        assignment: &[MemberPartitions],
    ) -> Result<bool>;

    /// Tells the members of a group to look again.
    async fn signal_group(&self, group_id: &str) -> Result<()>;

    /// Partitions that are stored as this owner's. Ascending.
    async fn owned_partitions(&self, group_id: &str, topic: &str, owner: &str) -> Result<Vec<u32>>;

    /// Partitions of an owner whose offset has been written by somebody who does not ask who owns them, as 1.4.2 does, and
    /// is later than what an owner has stored. Ascending.
    async fn unfenced_writes(&self, group_id: &str, topic: &str, owner: &str) -> Result<Vec<u32>>;

    /// The sessions in which this store writes offsets within transactions.
    async fn transaction_sessions(&self) -> Result<Vec<Binary>>;

    /// Ends sessions of a member that is gone, and with them its open transactions.
    async fn end_sessions(&self, sessions: &[Binary]) -> Result<()>;
}
