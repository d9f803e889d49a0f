//! The tables of the embedded store, and what they answer.

use std::hash::{Hash, Hasher};
use std::rc::Rc;

use bson::DateTime;

use super::call::{Call, Found, Reply};
use super::roll::Roll;
use super::scope::Flaw;
use super::subscription::Claimed;
use super::{GROUP, HANDOVER_RAN_OUT_MS, TOPIC, offset_key, place, position};
use crate::feed::stream_token::ClusterTime;
use crate::group::group_record::{GroupView, MemberRecord, MemberState};
use crate::store::contract::{Claim, StoredOffset};
use crate::store::memory::group_table::GroupTable;
use crate::store::memory::offset_table::OffsetTable;

/// A member takes this long to give a partition back; the patience of those who wait comes on top.
const HANDOVER_MS: u64 = 30_000;
pub(super) const SESSION_MS: u64 = 1_500;

/// Tables that are shared until they are written to, and what is in them, which is read much more often.
#[derive(Clone)]
pub(super) struct Tables {
    groups: Rc<GroupTable>,
    offsets: Rc<OffsetTable>,
    now: i64,
    group: Rc<GroupView>,
    roll: Roll,
    stored: Rc<Vec<Option<Stored>>>,
}

/// An offset document.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Stored {
    pub(super) owner: Option<String>,
    pub(super) epoch: i64,
    pub(super) revision: i64,
    /// How far the group has come; `None` if it has not begun.
    pub(super) place: Option<u8>,
}

impl Stored {
    pub(super) fn is_held_by(&self, claim: &Claim) -> bool {
        self.owner.as_ref() == Some(&claim.owner) && self.epoch == claim.epoch
    }
}

impl Tables {
    pub(super) fn new(partitions: u32) -> Self {
        Self {
            groups: Rc::default(),
            offsets: Rc::default(),
            now: 0,
            group: Rc::default(),
            roll: Roll::new(Vec::new()),
            stored: Rc::new(vec![None; partitions as usize]),
        }
    }

    pub(super) fn group(&self) -> &GroupView {
        &self.group
    }

    pub(super) fn members(&self) -> &Roll {
        &self.roll
    }

    pub(super) fn offset(&self, partition: u32) -> Option<&Stored> {
        self.stored[partition as usize].as_ref()
    }

    pub(super) fn offsets(&self) -> &[Option<Stored>] {
        &self.stored
    }

    pub(super) fn pass(&mut self, milliseconds: u64) {
        self.now += i64::try_from(milliseconds).unwrap();
        self.read_groups();
    }

    fn read_groups(&mut self) {
        self.group = Rc::new(self.groups.load_group(GROUP, self.now));
        self.roll = Roll::new(self.groups.load_members(GROUP, self.now));
    }

    fn read_offset(&mut self, partition: u32) {
        let stored = self.offsets.load(&offset_key(partition)).unwrap();
        Rc::make_mut(&mut self.stored)[partition as usize] = stored.map(|stored| {
            let place = place_of(&stored);
            Stored { owner: stored.owner, epoch: stored.epoch, revision: stored.revision, place }
        });
    }

    pub(super) fn answer(&mut self, call: &Call, flaw: Option<Flaw>) -> Reply {
        match call {
            Call::LoadGroup => Reply::Group(Rc::clone(&self.group)),
            Call::LoadMembers => Reply::Members(self.roll.clone()),
            Call::LoadOffsets(partitions) => {
                Reply::Offsets(partitions.iter().map(|partition| self.found(*partition)).collect())
            }
            Call::Claim { partition, owner, epoch } => self.claim(*partition, (owner, *epoch), flaw),
            Call::Commit { claim, place } => self.commit(claim, *place, flaw),
            Call::Release(claim) => {
                let outcome = Rc::make_mut(&mut self.offsets).release(claim, 0);
                self.read_offset(claim.key.partition);
                Reply::Outcome(outcome)
            }
            _ => {
                let reply = write_groups(Rc::make_mut(&mut self.groups), call, self.now);
                self.read_groups();
                reply
            }
        }
    }

    fn found(&self, partition: u32) -> Found {
        let stored = self.offset(partition);
        let owner = stored.and_then(|stored| stored.owner.clone());
        Found { partition, owner, epoch: stored.map(|stored| stored.epoch) }
    }

    fn claim(&mut self, partition: u32, (owner, epoch): (&str, Option<i64>), flaw: Option<Flaw>) -> Reply {
        let epoch = match flaw {
            Some(Flaw::ClaimsUnderAnyEpoch) => self.offset(partition).map(|stored| stored.epoch),
            _ => epoch,
        };
        let claimed = Rc::make_mut(&mut self.offsets).claim_after(
            &offset_key(partition),
            (owner, epoch),
            ClusterTime { seconds: 1, increment: 1 },
            DateTime::from_millis(0),
        );
        self.read_offset(partition);
        let claimed = claimed.unwrap().and_then(|stored| {
            let place = place_of(&stored);
            Some(Claimed { claim: Claim::of(&stored)?, place })
        });
        Reply::Claimed(claimed)
    }

    fn commit(&mut self, claim: &Claim, place: u8, flaw: Option<Flaw>) -> Reply {
        let mut claim = claim.clone();
        let present = self.offset(claim.key.partition).filter(|_| flaw == Some(Flaw::CommitsUnderAnyEpoch));
        if let Some(Stored { owner: Some(owner), epoch, revision, .. }) = present {
            (claim.owner, claim.epoch, claim.revision) = (owner.clone(), *epoch, *revision);
        }
        let checkpoint = position(place).into();
        let offsets = Rc::make_mut(&mut self.offsets);
        let outcome = offsets.commit(&claim, &checkpoint, DateTime::from_millis(0));
        self.read_offset(claim.key.partition);
        Reply::Outcome(outcome)
    }
}

fn write_groups(groups: &mut GroupTable, call: &Call, now: i64) -> Reply {
    let done = match call {
        Call::Beat(id) => groups.beat(&[id.to_string()], now).is_empty(),
        Call::Lead { member, after_epoch } => groups.lead(GROUP, member, *after_epoch),
        Call::Expire(id) => groups.expire(id, now),
        Call::Assign { leader_epoch, after_generation, assignment } => {
            groups.assign(GROUP, (*leader_epoch, *after_generation), assignment, now)
        }
        Call::SayLeaving(id) => groups.change(&MemberRecord { state: MemberState::Leaving, ..record(id) }),
        Call::Join(id) => groups.join(&record(id), now),
        Call::Resign(id) => {
            groups.resign(GROUP, id);
            true
        }
        Call::Leave(id) => {
            groups.leave(id);
            true
        }
        call => unreachable!("{call:?} is not about groups"),
    };
    Reply::Is(done)
}

fn place_of(stored: &StoredOffset) -> Option<u8> {
    stored.position.as_ref().map(place)
}

/// Two are the same if every decision is.
impl Hash for Tables {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let group = &self.group.group;
        let handover_ran_out = group.assigned_ms_ago >= HANDOVER_RAN_OUT_MS;
        (&group.leader, group.leader_epoch, group.generation, &group.assignment, handover_ran_out)
            .hash(state);
        self.roll.hash(state);
        self.stored.hash(state);
    }
}

fn record(id: &str) -> MemberRecord {
    MemberRecord {
        id: id.to_owned(),
        group_id: GROUP.to_owned(),
        topic: TOPIC.to_owned(),
        instance_id: None,
        process: id.to_owned(),
        partitions: None,
        declined: Vec::new(),
        is_manual: false,
        session_timeout_ms: SESSION_MS,
        handover_timeout_ms: HANDOVER_MS,
        state: MemberState::Active,
        replaced_by: None,
        transaction_sessions: Vec::new(),
    }
}
