//! Messages as they are stored: checked, laid out, their partitions chosen.

use bson::{RawDocument, RawDocumentBuf};

use crate::error::Result;
use crate::partition::partitioner::Partitioner;
use crate::record::{message, record_layout};

/// What the messages of one call are encoded with.
pub(super) struct MessageEncoder<'a> {
    pub(super) topic: &'a str,
    pub(super) partitioner: &'a Partitioner,
    /// Timestamp of messages that have none.
    pub(super) now_ms: i64,
}

/// A message to store, and where.
pub(super) struct EncodedMessage {
    pub(super) partition: u32,
    pub(super) document: RawDocumentBuf,
}

impl MessageEncoder<'_> {
    /// Everything is checked before anything is stored.
    pub(super) fn encode(&self, parts: &[&RawDocument]) -> Result<Vec<EncodedMessage>> {
        let mut encoded = Vec::new();
        for part in parts {
            for outgoing in message::parse_messages(part, encoded.len(), self.now_ms)? {
                let (message, hash_input) = (outgoing.message, outgoing.hash_input);
                let partition = self.partitioner.choose(message.key, hash_input, message.value);
                let document = record_layout::encode(&message, partition).map_err(|error| {
                    error.about(format_args!("message {}", encoded.len())).on_topic(self.topic)
                })?;
                encoded.push(EncodedMessage { partition, document });
            }
        }
        Ok(encoded)
    }
}
