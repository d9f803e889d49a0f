//! The calls that members make, and the answers that they get.

use std::rc::Rc;

use super::roll::Roll;
use super::subscription::Claimed;
use crate::group::assignment::MemberPartitions;
use crate::group::group_record::GroupView;
use crate::store::contract::{Claim, CommitOutcome};

pub(super) type Id = Rc<str>;
pub(super) type Assignment = Rc<[MemberPartitions]>;

/// One call to the store, which takes effect at one moment.
#[derive(Debug, Clone, Hash)]
pub(super) enum Call {
    Join(Id),
    Beat(Id),
    LoadGroup,
    Lead { member: Id, after_epoch: i64 },
    LoadMembers,
    Expire(Id),
    Assign { leader_epoch: i64, after_generation: i64, assignment: Assignment },
    LoadOffsets(Vec<u32>),
    Claim { partition: u32, owner: Id, epoch: Option<i64> },
    Commit { claim: Claim, place: u8 },
    Release(Claim),
    SayLeaving(Id),
    Resign(Id),
    Leave(Id),
}

#[derive(Debug)]
pub(super) enum Reply {
    /// Whether it was so, or could be done.
    Is(bool),
    Group(Rc<GroupView>),
    Members(Roll),
    Offsets(Vec<Found>),
    Claimed(Option<Claimed>),
    Outcome(CommitOutcome),
}

/// What a claim is decided from.
#[derive(Debug, Clone, Hash)]
pub(super) struct Found {
    pub(super) partition: u32,
    pub(super) owner: Option<String>,
    /// `None`: there is no document.
    pub(super) epoch: Option<i64>,
}

impl Call {
    /// Whether it can have an effect after its caller has given it up.
    pub(super) fn changes_something(&self) -> bool {
        !matches!(self, Self::LoadGroup | Self::LoadMembers | Self::LoadOffsets(_))
    }
}
