//! Messages with the same key are handled in the order in which they were sent.
//!
//! The order of two messages is certain if the one was acknowledged before the other's send began, or if the same
//! process began both sends and both succeeded.

use std::collections::HashMap;
use std::sync::Arc;

use super::finding::Finding;
use super::members::MemberId;
use super::messages::{MessageId, Messages, Sent};

#[derive(Default)]
pub(super) struct KeyOrder {
    keys: HashMap<Arc<str>, Handled>,
    /// Wrong if the send of the first one succeeded, which may not be known yet.
    suspects: Vec<(MessageId, MessageId)>,
}

/// Of the handled messages of a key the one whose send began last: of all, and of each sender.
#[derive(Default)]
struct Handled {
    last: Option<(u64, MessageId)>,
    last_of: HashMap<MemberId, (u64, MessageId)>,
}

impl KeyOrder {
    /// A message is handled for the first time.
    pub(super) fn handled(&mut self, messages: &Messages, id: MessageId) -> Option<Finding> {
        let message = messages.get(id);
        let key = message.key.as_ref()?;
        let handled = self.keys.entry(Arc::clone(key)).or_default();
        let (begun, sender) = (message.begun_at?, message.sender?);

        let overtaken = handled.last.filter(|(last, _)| message.acknowledged_at.is_some_and(|at| at < *last));
        let of_sender = handled.last_of.get(&sender).filter(|(last, _)| begun < *last);
        if let (None, Some((_, later))) = (overtaken, of_sender) {
            self.suspects.push((id, *later));
        }

        let this = Some((begun, id));
        handled.last = handled.last.max(this);
        let last_of_sender = handled.last_of.get(&sender).copied().max(this);
        handled.last_of.extend(last_of_sender.map(|last| (sender, last)));
        overtaken.map(|(_, later)| finding(messages, id, later))
    }

    pub(super) fn at_the_end(&self, messages: &Messages) -> Vec<Finding> {
        let acknowledged = |id: MessageId| messages.get(id).sent == Sent::Acknowledged;
        let broken =
            self.suspects.iter().filter(|(earlier, later)| acknowledged(*earlier) && acknowledged(*later));
        broken.map(|(earlier, later)| finding(messages, *earlier, *later)).collect()
    }
}

fn finding(messages: &Messages, earlier: MessageId, later: MessageId) -> Finding {
    let key = messages.get(earlier).key.as_ref().map_or_else(String::new, ToString::to_string);
    Finding::KeyOrder { key, earlier: messages.value(earlier), later: messages.value(later) }
}
