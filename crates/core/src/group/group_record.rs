//! What is stored about a group and its members.

use bson::Binary;

use super::assignment::MemberPartitions;

/// How a member stands in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MemberState {
    /// It reads what it is assigned.
    Active,
    /// It finishes what it has and gives its partitions back; it is assigned nothing more.
    Leaving,
    /// It is out: whatever it still owns is anybody's. For good: another member has another id.
    Fenced,
}

/// A member of a group: one subscription of one consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRecord {
    /// Names the member; never used again.
    pub id: String,
    /// Its group.
    pub group_id: String,
    /// The topic that it reads.
    pub topic: String,
    /// Name that outlives a restart, if it has one.
    pub instance_id: Option<String>,
    /// The process that it lives in, as far as others can tell.
    pub process: String,
    /// Partitions that it reads; `None`: all of the topic.
    pub partitions: Option<Vec<u32>>,
    /// Partitions that it could not read.
    pub declined: Vec<u32>,
    /// It reads exactly what it names, whoever else is there.
    pub is_manual: bool,
    /// Without a heartbeat for longer than this it counts as gone. Milliseconds.
    pub session_timeout_ms: u64,
    /// As long as this it may take to give a partition back. Milliseconds.
    pub handover_timeout_ms: u64,
    /// How it stands.
    pub state: MemberState,
    /// The member that took its place under the same instance id, if that is why it is fenced.
    pub replaced_by: Option<String>,
    /// Sessions in which it writes offsets within transactions. When it is gone they can be ended.
    pub transaction_sessions: Vec<Binary>,
}

impl MemberRecord {
    /// Whether it may still own partitions.
    pub fn is_alive(&self) -> bool {
        self.state != MemberState::Fenced
    }
}

/// A member, and how long it has been silent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMember {
    /// The member.
    pub record: MemberRecord,
    /// Since its last heartbeat, by the server's clock. Milliseconds.
    pub silent_ms: u64,
}

impl StoredMember {
    /// Whether it counts as gone, though nobody has said so yet.
    pub fn is_overdue(&self) -> bool {
        self.record.is_alive() && self.silent_ms > self.record.session_timeout_ms
    }
}

/// Who leads a group, and what was decided last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupRecord {
    /// The member that assigns partitions, if there is one.
    pub leader: Option<String>,
    /// Grows with every change of the leader.
    pub leader_epoch: i64,
    /// Grows with every assignment.
    pub generation: i64,
    /// Who reads what.
    pub assignment: Vec<MemberPartitions>,
    /// Since the assignment, by the server's clock. Milliseconds.
    pub assigned_ms_ago: u64,
}

/// A group as a member sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupView {
    /// The group; all empty if nothing is stored.
    pub group: GroupRecord,
    /// Whether the leader is a member that is not overdue.
    pub is_led: bool,
}
