//! The members of the group as somebody has seen them.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use super::TOPIC;
use super::call::{Assignment, Id};
use crate::group::assignment::{Candidate, assign};
use crate::group::group_record::{MemberState, StoredMember};

/// Two are the same if whatever is decided from them is.
#[derive(Debug, Clone)]
pub(super) struct Roll(Rc<Vec<StoredMember>>);

impl Roll {
    pub(super) fn new(members: Vec<StoredMember>) -> Self {
        Self(Rc::new(members))
    }

    pub(super) fn members(&self) -> &[StoredMember] {
        &self.0
    }

    pub(super) fn overdue(&self) -> Vec<Id> {
        let overdue = self.0.iter().filter(|member| member.is_overdue());
        overdue.map(|member| member.record.id.as_str().into()).collect()
    }

    pub(super) fn fence(&mut self, id: &str) {
        for member in Rc::make_mut(&mut self.0) {
            if member.record.id == id {
                member.record.state = MemberState::Fenced;
            }
        }
    }

    /// What a leader that has seen this wants.
    pub(super) fn assign(&self, partitions: u32, before: &Assignment) -> Assignment {
        let active = self.0.iter().filter(|member| member.record.state == MemberState::Active);
        let candidates: Vec<_> = active.map(candidate).collect();
        let counts = BTreeMap::from([(TOPIC.to_owned(), partitions)]);
        assign(&candidates, &counts, before).into()
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

impl Hash for Roll {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for member in self.0.iter() {
            (&member.record.id, member.record.state, member.is_overdue()).hash(state);
        }
    }
}
