//! Sends on their way into the queues.

use std::collections::BTreeMap;
use std::sync::Arc;

use bson::RawDocument;

use super::message_encoder::{EncodedMessage, MessageEncoder};
use super::partition_writer::QueuedMessage;
use super::send_group::{FailedSend, OpenGroup, SendGroup};
use super::send_outcome::SendOutcome;
use super::unsent_bytes::UnsentBytes;
use crate::error::{Error, Result};
use crate::runtime::clock::Instant;

/// What sends are queued with.
pub(super) struct Queueing<'a> {
    pub(super) encoder: MessageEncoder<'a>,
    pub(super) unsent: &'a UnsentBytes,
    pub(super) deadline: Instant,
}

/// Sends of one call, by where their messages go.
#[derive(Default)]
pub(super) struct QueuedSends {
    by_partition: BTreeMap<u32, PartitionQueue>,
    groups: Vec<OpenGroup>,
}

#[derive(Default)]
struct PartitionQueue {
    messages: Vec<QueuedMessage>,
    /// Index of the group of the sends that have no other partition.
    group: Option<usize>,
}

impl QueuedSends {
    /// Adds a send with all its messages, or as one that has failed.
    pub(super) fn add(&mut self, number: u32, parts: &[&RawDocument], with: &Queueing<'_>) {
        let queued = with.encoder.encode(parts).and_then(|messages| self.queue(number, messages, with));
        if let Err(error) = queued {
            self.fail(number, error);
        }
    }

    /// Adds a send that has failed.
    pub(super) fn fail(&mut self, number: u32, error: Error) {
        let mut group = OpenGroup::new();
        group.add(number).failed(FailedSend::whole(number, error));
        self.groups.push(group);
    }

    fn queue(&mut self, number: u32, messages: Vec<EncodedMessage>, with: &Queueing<'_>) -> Result<()> {
        let bytes = messages.iter().map(|message| message.document.as_bytes().len()).sum();
        let held = with.unsent.hold(bytes)?;
        let group = self.group_of(&messages);
        let outcome = SendOutcome::new(held, messages.len(), number, self.groups[group].add(number));
        for (index, EncodedMessage { partition, document }) in (0..).zip(messages) {
            let message =
                QueuedMessage { document, index, outcome: Arc::clone(&outcome), deadline: with.deadline };
            self.by_partition.entry(partition).or_default().messages.push(message);
        }
        Ok(())
    }

    fn group_of(&mut self, messages: &[EncodedMessage]) -> usize {
        let first = messages.first().map(|message| message.partition);
        let only = first.filter(|first| messages.iter().all(|message| message.partition == *first));
        let next = self.groups.len();
        let group = match only {
            Some(partition) => *self.by_partition.entry(partition).or_default().group.get_or_insert(next),
            None => next,
        };
        if group == next {
            self.groups.push(OpenGroup::new());
        }
        group
    }

    /// The messages of each partition, in order, and the groups in which the sends settle.
    pub(super) fn finish(self) -> (impl Iterator<Item = (u32, Vec<QueuedMessage>)>, Vec<SendGroup>) {
        let queues = self.by_partition.into_iter().map(|(partition, queue)| (partition, queue.messages));
        (queues, self.groups.into_iter().map(OpenGroup::close).collect())
    }
}
