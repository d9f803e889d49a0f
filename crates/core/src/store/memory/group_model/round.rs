//! What a coordinator makes of an answer, as `membership.rs`, `leadership.rs` and `coordinator/claiming.rs` do.

use std::collections::BTreeSet;

use super::HANDOVER_RAN_OUT_MS;
use super::call::{Found, Reply};
use super::held_partition::HeldPartition;
use super::roll::Roll;
use super::scope::{Flaw, Scope};
use super::subscription::{Basis, Claimed, Stage, Subscription, Wanted};
use crate::group::group_record::{GroupRecord, GroupView};
use crate::group::{ClaimDecision, LeaseStatus, decide_claim};
use crate::store::contract::CommitOutcome;

impl Subscription {
    /// The answer to the call that the stage has asked for.
    pub(super) fn answered(&mut self, reply: Reply, scope: &Scope) {
        let stage = std::mem::replace(&mut self.stage, Stage::Looking);
        self.stage = match (stage, reply) {
            (Stage::Joining, Reply::Is(is_alive)) => {
                self.lease = if is_alive { LeaseStatus::Held } else { LeaseStatus::Lost };
                Stage::Looking
            }
            (Stage::Looking, Reply::Group(view)) => self.looked(&view, scope),
            (Stage::Electing { .. }, _) => Stage::LookingAgain,
            (Stage::LookingAgain, Reply::Group(view)) => self.may_lead(&view.group, scope),
            (Stage::Gathering(basis), Reply::Members(roll)) => {
                let overdue = roll.overdue();
                let overdue = if scope.flaw == Some(Flaw::ExpiresNobody) { Vec::new() } else { overdue };
                self.expire_next(Stage::Expiring { basis, roll, overdue }, scope)
            }
            (Stage::Expiring { basis, mut roll, mut overdue }, Reply::Is(is_out)) => {
                let id = overdue.remove(0);
                if is_out {
                    roll.fence(&id);
                }
                self.expire_next(Stage::Expiring { basis, roll, overdue }, scope)
            }
            (Stage::Assigning { basis, assignment }, Reply::Is(true)) => {
                self.reconcile(&Basis { assignment, handover_ran_out: false, ..basis }, scope)
            }
            (Stage::Assigning { basis, .. }, _) => self.reconcile(&basis, scope),
            (Stage::LoadingOffsets { wanted, roll: None }, Reply::Offsets(found)) => {
                Stage::LoadingMembers { wanted, found: Some(found) }
            }
            (Stage::LoadingMembers { wanted, found: Some(found) }, Reply::Members(roll))
            | (Stage::LoadingOffsets { wanted, roll: Some(roll) }, Reply::Offsets(found)) => {
                self.decide_or_look(found, roll, wanted.handover_ran_out, scope)
            }
            (Stage::LookingOnceMore { found, roll }, Reply::Group(view)) => {
                let basis = basis(&view.group);
                let assigned = self.assigned(&basis);
                let ran_out = |found: &Found| basis.handover_ran_out && assigned.contains(&found.partition);
                let left = self.decide(found, &roll, ran_out, scope);
                self.claim_next(left, Vec::new())
            }
            (Stage::LoadingMembers { wanted, found: None }, Reply::Members(roll)) => {
                Stage::LoadingOffsets { wanted, roll: Some(roll) }
            }
            (Stage::Claiming { mut left, mut claimed }, Reply::Claimed(offset)) => {
                left.remove(0);
                claimed.extend(offset);
                self.claim_next(left, claimed)
            }
            (Stage::Beginning { mut left, mut claimed }, Reply::Outcome(CommitOutcome::Committed)) => {
                let Claimed { claim, .. } = left.remove(0);
                claimed.push(Claimed { claim, place: Some(0) });
                self.begin_next(left, claimed)
            }
            (Stage::Beginning { left, claimed }, _) => give_back(left, claimed),
            (Stage::GivingBack(left), _) => give_back_next(left),
            (Stage::SayingItLeaves, _) => Stage::Resigning,
            (Stage::Resigning, _) => Stage::Draining,
            (Stage::Leaving, _) => Stage::Gone,
            (stage, reply) => unreachable!("{reply:?} is no answer to {stage:?}"),
        };
    }

    /// The call may have been made or not, now or later. The coordinator tries again from its look, where it does.
    pub(super) fn unanswered(&mut self) {
        let stage = std::mem::replace(&mut self.stage, Stage::Looking);
        self.stage = match stage {
            // `subscribe` fails.
            Stage::Joining if self.id.ends_with("/1") => Stage::Gone,
            Stage::Joining => Stage::Joining,
            Stage::Claiming { mut left, claimed } => {
                left.remove(0);
                self.claim_next(left, claimed)
            }
            Stage::Beginning { left, claimed } => give_back(left, claimed),
            Stage::GivingBack(left) => give_back_next(left),
            Stage::SayingItLeaves | Stage::Resigning => Stage::Draining,
            Stage::Leaving => Stage::Gone,
            _ => Stage::Looking,
        };
    }

    fn looked(&mut self, GroupView { group, is_led }: &GroupView, scope: &Scope) -> Stage {
        if self.lease != LeaseStatus::Held {
            return self.reconcile(&basis(group), scope);
        }
        if *is_led {
            self.may_lead(group, scope)
        } else {
            Stage::Electing { after_epoch: group.leader_epoch }
        }
    }

    fn may_lead(&mut self, group: &GroupRecord, scope: &Scope) -> Stage {
        if group.leader.as_deref() == Some(&*self.id) {
            return Stage::Gathering(basis(group));
        }
        self.reconcile(&basis(group), scope)
    }

    fn expire_next(&mut self, stage: Stage, scope: &Scope) -> Stage {
        match stage {
            Stage::Expiring { basis, roll, overdue } if overdue.is_empty() => {
                let assignment = roll.assign(scope.partitions, &basis.assignment);
                if assignment == basis.assignment {
                    return self.reconcile(&basis, scope);
                }
                Stage::Assigning { basis, assignment }
            }
            stage => stage,
        }
    }

    fn assigned(&self, basis: &Basis) -> BTreeSet<u32> {
        let own = basis.assignment.iter().filter(|entry| entry.member == *self.id);
        own.flat_map(|entry| &entry.partitions).copied().collect()
    }

    /// Lets go of what is not assigned, and wants what is.
    fn reconcile(&mut self, basis: &Basis, scope: &Scope) -> Stage {
        let assigned = self.assigned(basis);
        for (number, partition) in &mut self.partitions {
            if !assigned.contains(number) {
                partition.drain();
            }
        }
        let partitions: Vec<_> =
            assigned.into_iter().filter(|number| !self.partitions.contains_key(number)).collect();
        if partitions.is_empty() || self.is_closing {
            return Stage::Looking;
        }
        let wanted = Wanted { partitions, handover_ran_out: basis.handover_ran_out };
        if scope.flaw == Some(Flaw::LoadsMembersFirst) {
            return Stage::LoadingMembers { wanted, found: None };
        }
        Stage::LoadingOffsets { wanted, roll: None }
    }

    fn decide_or_look(&mut self, found: Vec<Found>, roll: Roll, ran_out: bool, scope: &Scope) -> Stage {
        let patient = self.decide(found.clone(), &roll, |_| false, scope);
        let left = self.decide(found.clone(), &roll, |_| ran_out, scope);
        if patient.len() == left.len() || scope.flaw == Some(Flaw::TrustsAnOldLook) {
            return self.claim_next(left, Vec::new());
        }
        Stage::LookingOnceMore { found, roll }
    }

    /// Those that may be claimed.
    fn decide(
        &self,
        mut found: Vec<Found>,
        roll: &Roll,
        ran_out: impl Fn(&Found) -> bool,
        scope: &Scope,
    ) -> Vec<Found> {
        found.retain(|found| {
            let owner = found.owner.as_deref().filter(|owner| *owner != &*self.id);
            let assigned_ms_ago = if ran_out(found) { HANDOVER_RAN_OUT_MS } else { 0 };
            let decision = decide_claim(owner, roll.members(), assigned_ms_ago);
            decision != ClaimDecision::Wait || scope.flaw == Some(Flaw::ClaimsFromTheLiving)
        });
        found
    }

    fn claim_next(&mut self, left: Vec<Found>, claimed: Vec<Claimed>) -> Stage {
        if !left.is_empty() {
            return Stage::Claiming { left, claimed };
        }
        let (begun, new) = claimed.into_iter().partition(|claimed| claimed.place.is_some());
        self.begin_next(new, begun)
    }

    fn begin_next(&mut self, left: Vec<Claimed>, claimed: Vec<Claimed>) -> Stage {
        if !left.is_empty() {
            return Stage::Beginning { left, claimed };
        }
        for Claimed { claim, place } in claimed {
            let number = claim.key.partition;
            let mut partition = HeldPartition::new(claim, place.unwrap_or_default());
            if self.lease == LeaseStatus::Lost {
                partition.lose();
            }
            self.partitions.insert(number, partition);
        }
        Stage::Looking
    }
}

fn basis(group: &GroupRecord) -> Basis {
    Basis {
        leader_epoch: group.leader_epoch,
        generation: group.generation,
        assignment: group.assignment.as_slice().into(),
        handover_ran_out: group.assigned_ms_ago >= HANDOVER_RAN_OUT_MS,
    }
}

fn give_back(left: Vec<Claimed>, claimed: Vec<Claimed>) -> Stage {
    Stage::GivingBack(claimed.into_iter().chain(left).collect())
}

fn give_back_next(mut left: Vec<Claimed>) -> Stage {
    left.remove(0);
    if left.is_empty() { Stage::Looking } else { Stage::GivingBack(left) }
}
