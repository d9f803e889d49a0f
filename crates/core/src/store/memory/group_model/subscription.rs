//! A subscription: the coordinator as a machine whose steps are its calls to the store, and its partitions.

use std::collections::BTreeMap;

use super::call::{Assignment, Call, Found, Id};
use super::held_partition::{Doing, HeldPartition};
use super::roll::Roll;
use crate::group::LeaseStatus;
use crate::store::contract::Claim;

/// Where the coordinator is, and what it knows there, however old that is.
#[derive(Debug, Clone, Hash)]
pub(super) enum Stage {
    Joining,
    Looking,
    Electing {
        after_epoch: i64,
    },
    /// It may lead: the look before has said so.
    LookingAgain,
    Gathering(Basis),
    Expiring {
        basis: Basis,
        roll: Roll,
        overdue: Vec<Id>,
    },
    Assigning {
        basis: Basis,
        assignment: Assignment,
    },
    LoadingOffsets {
        wanted: Wanted,
        roll: Option<Roll>,
    },
    LoadingMembers {
        wanted: Wanted,
        found: Option<Vec<Found>>,
    },
    /// Only patience with an owner that lives decides.
    LookingOnceMore {
        found: Vec<Found>,
        roll: Roll,
    },
    Claiming {
        left: Vec<Found>,
        claimed: Vec<Claimed>,
    },
    /// Places where reading begins are stored, before it does.
    Beginning {
        left: Vec<Claimed>,
        claimed: Vec<Claimed>,
    },
    GivingBack(Vec<Claimed>),
    SayingItLeaves,
    Resigning,
    Draining,
    Leaving,
    /// It has left or crashed.
    Gone,
}

/// The group as the member has seen it.
#[derive(Debug, Clone, Hash)]
pub(super) struct Basis {
    pub(super) leader_epoch: i64,
    pub(super) generation: i64,
    pub(super) assignment: Assignment,
    /// Whether owners of before had all the time that they may take.
    pub(super) handover_ran_out: bool,
}

#[derive(Debug, Clone, Hash)]
pub(super) struct Wanted {
    pub(super) partitions: Vec<u32>,
    pub(super) handover_ran_out: bool,
}

#[derive(Debug, Clone, Hash)]
pub(super) struct Claimed {
    pub(super) claim: Claim,
    /// Where the group is; `None` if it has not begun.
    pub(super) place: Option<u8>,
}

#[derive(Debug, Clone, Hash)]
pub(super) struct Subscription {
    pub(super) number: usize,
    incarnation: u32,
    pub(super) id: Id,
    pub(super) stage: Stage,
    pub(super) lease: LeaseStatus,
    pub(super) is_closing: bool,
    pub(super) partitions: BTreeMap<u32, HeldPartition>,
}

impl Subscription {
    pub(super) fn new(number: usize) -> Self {
        Self {
            number,
            incarnation: 1,
            id: id(number, 1),
            stage: Stage::Joining,
            lease: LeaseStatus::Held,
            is_closing: false,
            partitions: BTreeMap::new(),
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        matches!(self.stage, Stage::Gone)
    }

    /// Whether it sends heartbeats.
    pub(super) fn beats(&self) -> bool {
        !matches!(self.stage, Stage::Joining | Stage::Leaving | Stage::Gone)
            && self.lease != LeaseStatus::Lost
    }

    pub(super) fn is_within_a_round(&self) -> bool {
        !matches!(self.stage, Stage::Joining | Stage::Looking | Stage::Draining | Stage::Gone)
    }

    pub(super) fn crash(&mut self) {
        self.stage = Stage::Gone;
        self.partitions.clear();
    }

    /// A heartbeat was answered: whether the member is still one.
    pub(super) fn heard(&mut self, is_one: bool) {
        if is_one {
            self.lease = LeaseStatus::Held;
            return;
        }
        self.lease = LeaseStatus::Lost;
        for partition in self.partitions.values_mut() {
            partition.lose();
        }
    }

    /// What the coordinator does between two rounds, without asking anybody.
    pub(super) fn before_round(&mut self) {
        if !matches!(self.stage, Stage::Looking) {
            return;
        }
        if self.is_closing {
            self.partitions.values_mut().for_each(HeldPartition::drain);
            self.stage = Stage::SayingItLeaves;
        } else if self.lease == LeaseStatus::Lost {
            self.incarnation += 1;
            self.id = id(self.number, self.incarnation);
            self.stage = Stage::Joining;
        }
        self.partitions.retain(|_, partition| partition.doing != Doing::Ended);
    }

    /// What the coordinator asks for next; `None` if it waits for its partitions, or is gone.
    pub(super) fn next_call(&mut self) -> Option<Call> {
        self.before_round();
        let id = Id::clone(&self.id);
        let call = match &self.stage {
            Stage::Joining => Call::Join(id),
            Stage::Looking | Stage::LookingAgain | Stage::LookingOnceMore { .. } => Call::LoadGroup,
            Stage::Electing { after_epoch } => Call::Lead { member: id, after_epoch: *after_epoch },
            Stage::Gathering(_) | Stage::LoadingMembers { .. } => Call::LoadMembers,
            Stage::Expiring { overdue, .. } => Call::Expire(Id::clone(overdue.first()?)),
            Stage::Assigning { basis, assignment } => Call::Assign {
                leader_epoch: basis.leader_epoch,
                after_generation: basis.generation,
                assignment: Assignment::clone(assignment),
            },
            Stage::LoadingOffsets { wanted, .. } => Call::LoadOffsets(wanted.partitions.clone()),
            Stage::Claiming { left, .. } => {
                let Found { partition, epoch, .. } = *left.first()?;
                Call::Claim { partition, owner: id, epoch }
            }
            Stage::Beginning { left, .. } => Call::Commit { claim: left.first()?.claim.clone(), place: 0 },
            Stage::GivingBack(left) => Call::Release(left.first()?.claim.clone()),
            Stage::SayingItLeaves => Call::SayLeaving(id),
            Stage::Resigning => Call::Resign(id),
            Stage::Draining => {
                if self.partitions.values().any(|partition| partition.doing != Doing::Ended) {
                    return None;
                }
                self.partitions.clear();
                self.stage = Stage::Leaving;
                Call::Leave(id)
            }
            Stage::Leaving => Call::Leave(id),
            Stage::Gone => return None,
        };
        Some(call)
    }
}

fn id(number: usize, incarnation: u32) -> Id {
    format!("{number}/{incarnation}").into()
}
