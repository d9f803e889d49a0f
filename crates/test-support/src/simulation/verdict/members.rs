//! Members: for how long each may deliver, why it is out, and what it is to read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::subscriptions::Subscriptions;
use super::tenures::{Tenure, Tenures};
use crate::faulty_store::FaultRates;
use crate::simulation::event::{ClaimedPartition, Entry, Event, GroupPartition};
use crate::simulation::plan::Plan;
use crate::simulation::scheduler::ProcessId;

#[derive(Debug)]
struct Member {
    group: usize,
    /// When its last heartbeat took effect.
    heard: Duration,
    standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    In,
    /// It has left.
    Left,
    /// It was silent for too long.
    Expired,
    /// Another one has its instance id.
    Replaced,
}

/// What was decided, and when.
struct Decision {
    at: Duration,
    by_partition: BTreeMap<u32, String>,
}

pub(super) struct Members<'a> {
    plan: &'a Plan,
    by_id: BTreeMap<String, Member>,
    decisions: BTreeMap<usize, Vec<Decision>>,
    /// Processes that cannot be heard, or were not until then.
    in_trouble: BTreeSet<ProcessId>,
    last_trouble: BTreeMap<ProcessId, Duration>,
    thawed: BTreeMap<ProcessId, Duration>,
}

impl<'a> Members<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            by_id: BTreeMap::new(),
            decisions: BTreeMap::new(),
            in_trouble: BTreeSet::new(),
            last_trouble: BTreeMap::new(),
            thawed: BTreeMap::new(),
        }
    }

    pub(super) fn see(
        &mut self,
        entry: &Entry,
        subscriptions: &Subscriptions,
        report: &mut impl FnMut(String),
    ) {
        match &entry.event {
            Event::MemberJoined { group, member, .. } => {
                let joined = Member { group: *group, heard: entry.at, standing: Standing::In };
                if self.by_id.insert(member.clone(), joined).is_some_and(|old| old.standing != Standing::In) {
                    report(format!("{member} was out and has joined again under the same id"));
                }
            }
            Event::Beat { members } => {
                for member in members {
                    if let Some(member) = self.by_id.get_mut(member) {
                        member.heard = entry.at;
                    }
                }
            }
            Event::MemberLeft { member } => self.stands(member, Standing::Left),
            Event::MemberFenced { member, replaced_by: Some(_) } => self.stands(member, Standing::Replaced),
            Event::MemberFenced { member, replaced_by: None } => {
                self.judge_expiry(entry.at, member, subscriptions, report);
                self.stands(member, Standing::Expired);
            }
            Event::Assigned { group, assignment, .. } => {
                let pairs = assignment.iter().flat_map(|entry| {
                    entry.partitions.iter().map(|partition| (*partition, entry.member.clone()))
                });
                let decision = Decision { at: entry.at, by_partition: pairs.collect() };
                self.decisions.entry(*group).or_default().push(decision);
            }
            Event::ProcessFrozen(process) | Event::CutOff(process, true) => {
                self.in_trouble.insert(*process);
            }
            Event::ProcessThawed(process) => {
                self.thawed.insert(*process, entry.at);
                self.trouble_ends(*process, entry.at);
            }
            Event::CutOff(process, false) => self.trouble_ends(*process, entry.at),
            _ => {}
        }
    }

    /// A partition that was not given back may be claimed only for a reason.
    pub(super) fn judge_claim(
        &self,
        now: Duration,
        claimed: &ClaimedPartition,
        tenures: &Tenures,
        report: &mut impl FnMut(String),
    ) {
        let (at, owner) = (claimed.claim.at, &claimed.claim.owner);
        if !self.was_assigned(at, owner, Duration::ZERO, now) {
            report(format!("{owner} has claimed {at:?}, which it was never assigned"));
        }
        let Some(before) = tenures.newest_of(at).filter(|before| before.released.is_none()) else { return };
        let is_own = before.owner() == owner;
        let patience = self.plan.groups[at.0].patience();
        if !is_own && !self.is_out(before.owner()) && !self.was_assigned(at, owner, patience, now) {
            report(format!("{owner} has taken {at:?} from {}, which is there and had time", before.owner()));
        }
    }

    /// A message is handed out: only while the member may think that nobody else has the partition.
    pub(super) fn judge_beginning(
        &self,
        entry: &Entry,
        tenure: &Tenure,
        number: i64,
        report: &mut impl FnMut(String),
    ) {
        // What a frozen process had begun to do it does before it sees what time it is.
        if self.thawed.get(&entry.process) == Some(&entry.at) {
            return;
        }
        let owner = tenure.owner();
        let Some(member) = self.by_id.get(owner) else {
            return report(format!("{number} is handled by {owner}, which is no member"));
        };
        if tenure.released.is_some() && !tenure.was_cut_short {
            report(format!("{number} is handled by {owner} after it has given the partition back"));
        }
        let silent = entry.at.saturating_sub(member.heard);
        if silent > self.plan.groups[member.group].sharing.session {
            report(format!("{number} is handled by {owner}, which has been silent for {silent:?}"));
        }
    }

    fn judge_expiry(
        &self,
        now: Duration,
        id: &str,
        subscriptions: &Subscriptions,
        report: &mut impl FnMut(String),
    ) {
        let Some(member) = self.by_id.get(id) else { return };
        let silent = now.saturating_sub(member.heard);
        if silent <= self.plan.groups[member.group].sharing.session {
            report(format!("{id} is out after a silence of {silent:?}"));
        }
        let Some(subscription) = subscriptions.of_member(id) else { return };
        let process = subscription.process;
        let was_hindered = self.in_trouble.contains(&process)
            || self.last_trouble.get(&process).is_some_and(|until| *until >= member.heard);
        if self.plan.rates == FaultRates::CALM && !was_hindered && !subscription.is_ending {
            report(format!("{id} is out, and nothing has kept it from being heard"));
        }
    }

    /// Whether it has left or is fenced, so that what it owns is anybody's.
    fn is_out(&self, member: &str) -> bool {
        self.by_id.get(member).is_none_or(|member| member.standing != Standing::In)
    }

    /// Whether the member was to read the partition in some assignment of at least so long ago.
    fn was_assigned(&self, at: GroupPartition, member: &str, ago: Duration, now: Duration) -> bool {
        let (group, partition) = at;
        let decisions = self.decisions.get(&group).into_iter().flatten();
        let is_meant = |decision: &Decision| {
            decision.by_partition.get(&partition).is_some_and(|assigned| assigned == member)
        };
        decisions.filter(|decision| decision.at + ago <= now).any(is_meant)
    }

    fn stands(&mut self, member: &str, standing: Standing) {
        if let Some(member) = self.by_id.get_mut(member) {
            member.standing = standing;
        }
    }

    fn trouble_ends(&mut self, process: ProcessId, at: Duration) {
        self.in_trouble.remove(&process);
        self.last_trouble.insert(process, at);
    }
}
