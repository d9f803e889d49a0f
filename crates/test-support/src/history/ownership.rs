//! Who is handling messages of which partition: at most one member at a time.

use std::collections::{BTreeMap, HashMap};

use super::finding::Finding;
use super::members::{CrashId, MemberId, Members};
use super::messages::{MessageId, Messages};

#[derive(Default)]
pub(super) struct Ownership {
    open: BTreeMap<u32, Vec<Open>>,
    /// When a member last began to handle a message of a partition.
    last_begun: HashMap<u32, HashMap<MemberId, u64>>,
}

/// A handler that is working.
struct Open {
    member: MemberId,
    message: MessageId,
}

impl Ownership {
    /// The freeze after which another member took the partition from this one, which may not know it yet. What it
    /// does meanwhile is what no lease can prevent.
    pub(super) fn stale_since(&self, members: &Members, member: MemberId, partition: u32) -> Option<CrashId> {
        let (crash, frozen_at) = members.frozen(member)?;
        let begun = self.last_begun.get(&partition)?;
        begun.iter().any(|(other, at)| *other != member && *at > frozen_at).then_some(crash)
    }

    pub(super) fn begun(
        &mut self,
        (members, messages): (&Members, &Messages),
        member: MemberId,
        partition: u32,
        message: MessageId,
        now: u64,
    ) -> Option<Finding> {
        let is_stale = self.stale_since(members, member, partition).is_some();
        self.last_begun.entry(partition).or_default().insert(member, now);
        let open = self.open.entry(partition).or_default();
        let conflict = open.iter().find_map(|other| {
            let value = || messages.value(message);
            if other.member == member {
                return (other.message == message)
                    .then(|| Finding::HandledTwiceAtOnce { member: members.name(member), value: value() });
            }
            (!is_stale && members.frozen(other.member).is_none()).then(|| Finding::TwoOwners {
                partition,
                member: members.name(member),
                value: value(),
                other: members.name(other.member),
                other_value: messages.value(other.message),
            })
        });
        open.push(Open { member, message });
        conflict
    }

    /// `false` if it had not begun.
    pub(super) fn ended(&mut self, member: MemberId, partition: u32, message: MessageId) -> bool {
        let open = self.open.entry(partition).or_default();
        let index = open.iter().position(|open| open.member == member && open.message == message);
        index.map(|index| open.swap_remove(index)).is_some()
    }

    /// The member is no more. What it was handling.
    pub(super) fn gone(&mut self, member: MemberId) -> Vec<MessageId> {
        let of_all = self.open.values_mut();
        of_all
            .flat_map(|open| open.extract_if(.., |open| open.member == member))
            .map(|open| open.message)
            .collect()
    }
}
