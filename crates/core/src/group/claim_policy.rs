//! Whether a member may claim a partition that it is assigned. Pure.

use std::time::Duration;

use bson::Binary;

use super::group_record::StoredMember;

/// An owner that should have given the partition back is waited for as long as it said that it needs, and this much longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What to do about the partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClaimDecision {
    /// Nobody has it.
    Claim,
    /// Whoever has it is gone, or does not let go. Transactions that it may have left open are in these sessions.
    TakeOver { sessions: Vec<Binary> },
    /// Its owner is giving it back.
    Wait,
}

/// `owner` is who the offset document names; `assigned_ms_ago` says since when it should belong to somebody else.
pub(crate) fn decide(owner: Option<&str>, members: &[StoredMember], assigned_ms_ago: u64) -> ClaimDecision {
    let Some(owner) = owner else { return ClaimDecision::Claim };
    let Some(holder) = members.iter().find(|member| member.record.id == owner) else {
        return ClaimDecision::TakeOver { sessions: Vec::new() };
    };
    let patience_ms = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
    let gives_back_within = holder.record.handover_timeout_ms.saturating_add(patience_ms);
    if holder.record.is_alive() && assigned_ms_ago <= gives_back_within {
        return ClaimDecision::Wait;
    }
    ClaimDecision::TakeOver { sessions: holder.record.transaction_sessions.clone() }
}

#[cfg(test)]
mod tests {
    use bson::spec::BinarySubtype;

    use super::*;
    use crate::group::group_record::{MemberRecord, MemberState};

    fn member(state: MemberState) -> StoredMember {
        let record = MemberRecord {
            id: "m".into(),
            group_id: "g".into(),
            topic: "t".into(),
            instance_id: None,
            process: "p".into(),
            partitions: None,
            declined: vec![],
            is_manual: false,
            session_timeout_ms: 15_000,
            handover_timeout_ms: 30_000,
            state,
            replaced_by: None,
            transaction_sessions: vec![Binary { subtype: BinarySubtype::Uuid, bytes: vec![1; 16] }],
        };
        StoredMember { record, silent_ms: 0 }
    }

    #[test]
    fn what_is_free_or_left_behind_is_taken() {
        let of_nobody = ClaimDecision::TakeOver { sessions: vec![] };
        assert_eq!(decide(None, &[], 0), ClaimDecision::Claim);
        assert_eq!(decide(Some("stranger"), &[member(MemberState::Active)], 0), of_nobody);
        let fenced = member(MemberState::Fenced);
        let sessions = fenced.record.transaction_sessions.clone();
        assert_eq!(decide(Some("m"), &[fenced], 0), ClaimDecision::TakeOver { sessions });
    }

    #[test]
    fn a_living_owner_is_waited_for_but_not_for_ever() {
        for state in [MemberState::Active, MemberState::Leaving] {
            assert_eq!(decide(Some("m"), &[member(state)], 40_000), ClaimDecision::Wait);
            assert!(matches!(decide(Some("m"), &[member(state)], 40_001), ClaimDecision::TakeOver { .. }));
        }
    }
}
