//! What is known of each message.

use std::collections::HashMap;
use std::sync::Arc;

use super::members::{CrashId, MemberId};

/// A message, by the order in which the history names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct MessageId(usize);

/// How its send ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// No send of it is told.
    Never,
    /// It began and no end is told, or the end is unknown.
    Unknown,
    Acknowledged,
    NotWritten,
}

/// The last time that it was finished.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finish {
    pub(super) at: u64,
    pub(super) by: MemberId,
    /// The freeze after which `by` no longer owned the partition.
    pub(super) stale: Option<CrashId>,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts that different events tell, in any combination")]
pub(super) struct Message {
    pub(super) value: Arc<str>,
    pub(super) key: Option<Arc<str>>,
    pub(super) partition: Option<u32>,
    pub(super) sent: Sent,
    pub(super) sender: Option<MemberId>,
    pub(super) begun_at: Option<u64>,
    pub(super) acknowledged_at: Option<u64>,
    pub(super) token: Option<Arc<str>>,
    /// Its place in the order of first deliveries of its lane.
    pub(super) rank: Option<u64>,
    pub(super) deliveries: u32,
    /// Failed attempts since the last crash that may have made them forgotten.
    pub(super) failures: u32,
    /// Crashes since the first of them, while it was not finished.
    pub(super) crashes: u32,
    pub(super) handled: bool,
    /// Its last delivery said that it may have been handled before.
    pub(super) is_marked: bool,
    pub(super) finish: Option<Finish>,
    pub(super) is_dead_letter: bool,
    pub(super) skipped: bool,
    /// A later message of its lane was begun while this one was not finished.
    pub(super) overtaken_by: Option<MessageId>,
    /// A commit covered it while it was not finished.
    pub(super) covered_unfinished: bool,
}

#[derive(Default)]
pub(super) struct Messages {
    ids: HashMap<Arc<str>, MessageId>,
    messages: Vec<Message>,
}

impl Messages {
    pub(super) fn id(&mut self, value: &str) -> MessageId {
        if let Some(id) = self.ids.get(value) {
            return *id;
        }
        let (id, value) = (MessageId(self.messages.len()), Arc::<str>::from(value));
        self.ids.insert(Arc::clone(&value), id);
        self.messages.push(Message {
            value,
            key: None,
            partition: None,
            sent: Sent::Never,
            sender: None,
            begun_at: None,
            acknowledged_at: None,
            token: None,
            rank: None,
            deliveries: 0,
            failures: 0,
            crashes: 0,
            handled: false,
            is_marked: false,
            finish: None,
            is_dead_letter: false,
            skipped: false,
            overtaken_by: None,
            covered_unfinished: false,
        });
        id
    }

    pub(super) fn get(&self, id: MessageId) -> &Message {
        &self.messages[id.0]
    }

    pub(super) fn get_mut(&mut self, id: MessageId) -> &mut Message {
        &mut self.messages[id.0]
    }

    pub(super) fn value(&self, id: MessageId) -> String {
        self.get(id).value.to_string()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (MessageId, &Message)> {
        self.messages.iter().enumerate().map(|(index, message)| (MessageId(index), message))
    }
}

impl Message {
    /// Handled, given up, or passed over.
    pub(super) fn is_finished(&self) -> bool {
        self.finish.is_some() || self.is_dead_letter || self.skipped
    }
}
