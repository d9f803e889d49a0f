//! Who reads the feed: a table from collection to members. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use super::partition_buffer::{Offer, PartitionBuffer};
use super::stream_token::StreamToken;
use crate::store::contract::FeedEvent;

/// Names a member of the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MemberId(u64);

struct Member {
    id: MemberId,
    /// Events up to here are not this member's: it has them, or reads them on its own.
    from: StreamToken,
    buffer: Arc<PartitionBuffer>,
}

/// The members of a feed, by collection. Two groups of one process are two members of the same collection.
#[derive(Default)]
pub(super) struct FeedMembers {
    by_collection: HashMap<Arc<str>, Vec<Member>>,
    last_id: u64,
}

impl FeedMembers {
    pub(super) fn add(
        &mut self,
        collection: Arc<str>,
        from: StreamToken,
        buffer: Arc<PartitionBuffer>,
    ) -> MemberId {
        self.last_id += 1;
        let id = MemberId(self.last_id);
        self.by_collection.entry(collection).or_default().push(Member { id, from, buffer });
        id
    }

    /// Removes a member and ends its link.
    pub(super) fn remove(&mut self, id: MemberId) {
        self.retain(|member| member.id != id);
    }

    /// Removes every member: they go on by themselves.
    pub(super) fn remove_all(&mut self) {
        self.retain(|_| false);
    }

    fn retain(&mut self, keep: impl Fn(&Member) -> bool) {
        for members in self.by_collection.values_mut() {
            members.retain(|member| {
                let stays = keep(member);
                if !stays {
                    member.buffer.detach();
                }
                stays
            });
        }
        self.by_collection.retain(|_, members| !members.is_empty());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_collection.is_empty()
    }

    pub(super) fn collections(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_collection.keys()
    }

    /// Gives an event to everybody who wants it, and returns those who have no room for it yet. Members that take nothing
    /// any more are removed.
    pub(super) fn dispatch(&mut self, event: FeedEvent) -> Vec<WithoutRoom> {
        let mut without_room = Vec::new();
        let Some(members) = self.by_collection.get_mut(&event.collection) else { return without_room };
        let collection = Arc::clone(&event.collection);
        let mut event = Some(event);
        let last = members.len();
        let mut index = 0;
        members.retain(|member| {
            index += 1;
            let Some(offered) = (if index == last { event.take() } else { event.clone() }) else {
                return true;
            };
            if offered.token <= member.from {
                return true;
            }
            match member.buffer.offer(offered) {
                Offer::Taken => true,
                Offer::Full(event) => {
                    let buffer = Arc::clone(&member.buffer);
                    without_room.push(WithoutRoom { member: member.id, buffer, event });
                    true
                }
                Offer::Refused => {
                    member.buffer.detach();
                    false
                }
            }
        });
        if members.is_empty() {
            self.by_collection.remove(&collection);
        }
        without_room
    }

    pub(super) fn has(&self, id: MemberId) -> bool {
        self.all().any(|member| member.id == id)
    }

    /// Whether somebody else has nothing to do, and may be waiting for what the feed reads next.
    pub(super) fn has_idle_others(&self, id: MemberId) -> bool {
        self.all().any(|member| member.id != id && member.buffer.is_empty())
    }

    fn all(&self) -> impl Iterator<Item = &Member> {
        self.by_collection.values().flatten()
    }
}

/// A member whose buffer is full, and the event that it has not got.
pub(super) struct WithoutRoom {
    pub(super) member: MemberId,
    pub(super) buffer: Arc<PartitionBuffer>,
    pub(super) event: FeedEvent,
}
