//! Order among messages that are handled one after the other: those of a partition, or of a key in a partition.
//!
//! First deliveries follow the stream, and the next message waits until the one before it is finished. After a crash
//! a member may begin further back, but goes on in the same order.

use std::collections::HashMap;
use std::sync::Arc;

use super::expectations::Order;
use super::finding::Finding;
use super::members::{MemberId, Members};
use super::messages::{MessageId, Messages};

pub(super) struct LaneOrder {
    order: Order,
    lanes: HashMap<(u32, Option<Arc<str>>), Lane>,
}

#[derive(Default)]
struct Lane {
    ranks: u64,
    /// The last one that was begun for the first time.
    newest: Option<MessageId>,
    /// The one that stands furthest back in the stream of those delivered so far.
    furthest: Option<MessageId>,
    /// What each member was given last, and in which session.
    given: HashMap<MemberId, (u64, MessageId)>,
}

impl LaneOrder {
    pub(super) fn new(order: Order) -> Self {
        Self { order, lanes: HashMap::new() }
    }

    pub(super) fn begun(
        &mut self,
        (members, messages): (&Members, &mut Messages),
        member: MemberId,
        partition: u32,
        message: MessageId,
        possible_duplicate: bool,
    ) -> Vec<Finding> {
        let key = match self.order {
            Order::Partition => None,
            Order::Key => messages.get(message).key.clone(),
        };
        let lane = self.lanes.entry((partition, key)).or_default();
        let mut findings = Vec::new();
        if messages.get(message).rank.is_none() {
            findings.extend(lane.first_delivery(messages, partition, message));
        }
        let session = members.session(member);
        let before = lane.given.insert(member, (session, message));
        let before = before.filter(|(of_session, _)| *of_session == session && !possible_duplicate);
        if let Some((_, before)) = before
            && messages.get(before).rank > messages.get(message).rank
        {
            findings.push(Finding::WentBack {
                member: members.name(member),
                partition,
                from: messages.value(before),
                to: messages.value(message),
            });
        }
        findings
    }
}

impl Lane {
    fn first_delivery(
        &mut self,
        messages: &mut Messages,
        partition: u32,
        message: MessageId,
    ) -> Option<Finding> {
        messages.get_mut(message).rank = Some(self.ranks);
        self.ranks += 1;
        if let Some(newest) = self.newest.replace(message)
            && !messages.get(newest).is_finished()
        {
            // It may be in the dead letters already and the word of it is on its way, so it is judged later.
            messages.get_mut(newest).overtaken_by.get_or_insert(message);
        }
        let token = messages.get(message).token.clone()?;
        let furthest = self.furthest.and_then(|furthest| messages.get(furthest).token.clone());
        match (furthest, self.furthest) {
            (Some(before), Some(earlier)) if token <= before => Some(Finding::StreamOrder {
                partition,
                earlier: messages.value(earlier),
                later: messages.value(message),
            }),
            _ => {
                self.furthest = Some(message);
                None
            }
        }
    }
}
