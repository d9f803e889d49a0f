//! What the leader of a group does: clears away who is gone, and assigns the partitions.
//!
//! An assignment is one write, refused if somebody else has led or assigned since. So a leader that dies leaves the old one
//! or the new one, and of two leaders one finds out.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use super::assignment::{Candidate, MemberPartitions, assign};
use super::group_record::{GroupRecord, MemberState, StoredMember};
use super::heartbeat::Pace;
use super::lease::Lease;
use super::rebalance_policy::{RebalanceDecision, RebalancePolicy};
use crate::error::Result;
use crate::observe::log::Logger;
use crate::runtime::clock;
use crate::store::contract::Store;
use crate::topic::TopicCatalog;

/// A fenced member's sessions may matter as long as it may have left a transaction open, which is a minute.
const FENCED_IS_KEPT_MS: u64 = 600_000;
/// After another leader has been found out.
const LOOK_AFTER_CONFLICT: Duration = Duration::from_millis(100);

/// What a leader works with.
pub(super) struct LeadershipParts {
    pub(super) store: Arc<dyn Store>,
    pub(super) topics: TopicCatalog,
    pub(super) group_id: String,
    pub(super) pace: Pace,
    pub(super) rebalance_delay: Duration,
    pub(super) logger: Logger,
}

/// The leader's memory between two rounds.
pub(super) struct Leadership {
    parts: LeadershipParts,
    policy: RebalancePolicy,
    /// From what the present assignment follows, so that a group that stays as it is costs no computing.
    settled: Option<Basis>,
}

/// What an assignment is made from.
#[derive(PartialEq)]
struct Basis {
    candidates: Vec<Candidate>,
    partition_counts: BTreeMap<String, u32>,
    leader_epoch: i64,
    generation: i64,
}

/// What came of a round.
pub(super) struct Round {
    /// The group as it is now.
    pub(super) group: GroupRecord,
    /// When there is something to do again without anybody saying so.
    pub(super) next: Option<Duration>,
}

impl Leadership {
    pub(super) fn new(parts: LeadershipParts) -> Self {
        Self { parts, policy: RebalancePolicy::default(), settled: None }
    }

    /// One look at the members. `lease` is the leader's own.
    pub(super) async fn round(&mut self, mut group: GroupRecord, lease: &Lease) -> Result<Round> {
        let mut members = self.parts.store.load_members(&self.parts.group_id).await?;
        let next_expiry = self.clear_away(&mut members, lease).await?;
        let candidates: Vec<_> = members
            .iter()
            .filter(|member| member.record.state == MemberState::Active)
            .map(candidate)
            .collect();
        let partition_counts = self.partition_counts(&candidates).await?;
        let GroupRecord { leader_epoch, generation, .. } = group;
        let basis = Basis { candidates, partition_counts, leader_epoch, generation };
        if self.settled.as_ref() == Some(&basis) {
            return Ok(Round { group, next: next_expiry });
        }
        let assignment = assign(&basis.candidates, &basis.partition_counts, &group.assignment);
        if assignment == group.assignment {
            self.policy.settled();
            self.settled = Some(basis);
            return Ok(Round { group, next: next_expiry });
        }
        let is_urgent = attends_to_more(&basis.candidates, &group.assignment, &assignment);
        let change = fingerprint(&assignment);
        match self.policy.decide(change, is_urgent, self.parts.rebalance_delay, clock::now()) {
            RebalanceDecision::After(wait) => {
                let next = next_expiry.map_or(wait, |expiry| expiry.min(wait));
                Ok(Round { group, next: Some(next) })
            }
            RebalanceDecision::Now => {
                let (store, group_id) = (&self.parts.store, &self.parts.group_id);
                if !store.assign_partitions(group_id, leader_epoch, generation, &assignment).await? {
                    return Ok(Round { group, next: Some(LOOK_AFTER_CONFLICT) });
                }
                self.parts.logger.info(|| {
                    format!(
                        "group {}: generation {} for {} members",
                        self.parts.group_id,
                        generation + 1,
                        assignment.len()
                    )
                });
                group = GroupRecord { generation: generation + 1, assignment, assigned_ms_ago: 0, ..group };
                Ok(Round { group, next: next_expiry })
            }
        }
    }

    /// Fences who has been silent for too long. Says when the next one may be due.
    async fn clear_away(&self, members: &mut [StoredMember], lease: &Lease) -> Result<Option<Duration>> {
        // After an outage everybody has been silent: who lives is heard of within a beat.
        let is_fair = lease.steady_for() >= self.parts.pace.fair_hearing();
        let mut next: Option<u64> = None;
        for member in members {
            let record = &member.record;
            if !record.is_alive() {
                if member.silent_ms > FENCED_IS_KEPT_MS {
                    self.parts.store.leave_group(&record.id).await?;
                }
            } else if !member.is_overdue() {
                let due = record.session_timeout_ms - member.silent_ms + 1;
                next = Some(next.map_or(due, |next| next.min(due)));
            } else if is_fair && self.parts.store.expire_member(&record.id).await? {
                let (id, silent_ms) = (record.id.clone(), member.silent_ms);
                self.parts
                    .logger
                    .warn(|| format!("member {id} has been silent for {silent_ms} ms: it is out"));
                member.record.state = MemberState::Fenced;
            }
        }
        Ok(next.map(Duration::from_millis))
    }

    async fn partition_counts(&self, candidates: &[Candidate]) -> Result<BTreeMap<String, u32>> {
        let topics: BTreeSet<_> = candidates.iter().map(|candidate| candidate.topic.as_str()).collect();
        let mut counts = BTreeMap::new();
        for name in topics {
            if let Some(topic) = self.parts.topics.load(name).await? {
                counts.insert(name.to_owned(), topic.partitions);
            }
        }
        Ok(counts)
    }
}

fn candidate(member: &StoredMember) -> Candidate {
    let record = member.record.clone();
    Candidate {
        id: record.id,
        instance_id: record.instance_id,
        process: record.process,
        topic: record.topic,
        partitions: record.partitions,
        declined: record.declined,
        is_manual: record.is_manual,
    }
}

/// Whether a partition gets a reader that had none who is still there.
fn attends_to_more(
    candidates: &[Candidate],
    before: &[MemberPartitions],
    after: &[MemberPartitions],
) -> bool {
    let is_there = |member: &str| candidates.iter().any(|candidate| candidate.id == member);
    let cared_for: BTreeSet<_> =
        before.iter().filter(|entry| is_there(&entry.member)).flat_map(partitions_of).collect();
    after.iter().flat_map(partitions_of).any(|partition| !cared_for.contains(&partition))
}

fn partitions_of(entry: &MemberPartitions) -> impl Iterator<Item = (&str, u32)> {
    entry.partitions.iter().map(|partition| (entry.topic.as_str(), *partition))
}

fn fingerprint(assignment: &[MemberPartitions]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for entry in assignment {
        (&entry.member, &entry.partitions).hash(&mut hasher);
    }
    hasher.finish()
}
