//! Where a producer sends to.

use bson::Document;

use super::config_fields::{ConfigCheck, ConfigFields};
use super::topic_config::{PARTITIONS, RETENTION_MS, TOPIC_NAME};
use crate::error::Result;

/// How a message's partition is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "config.d.ts", rename_all = "kebab-case"))]
pub enum PartitionStrategy {
    /// By the key; without one by the value, so that equal values share a partition.
    #[default]
    Hash,
    /// Each message to the next partition. Messages of one key are spread, so their order is not kept.
    RoundRobin,
    /// As `hash`; the name says that keys are meant to be given.
    KeyBased,
}

impl PartitionStrategy {
    const NAMES: [(&'static str, Self); 3] =
        [("hash", Self::Hash), ("round-robin", Self::RoundRobin), ("key-based", Self::KeyBased)];
}

/// A producer of one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "config.d.ts", rename_all = "camelCase"))]
pub struct ProducerConfig {
    /// Topic to send to, with the limits of a topic's name. `autoCreateTopics` creates it.
    pub topic: String,
    /// Number of partitions that messages are spread over, 1 to 1024.
    pub partitions: u32,
    /// How long messages are kept, in milliseconds: 1000 (a second) to 2147483641000 (68 years), counted in whole
    /// seconds. It takes effect when `autoCreateTopics` creates or updates the topic.
    #[cfg_attr(test, ts(type = "number"))]
    pub retention_ms: u64,
    /// How a message's partition is chosen.
    ///
    /// @default `'hash'`
    #[cfg_attr(test, ts(optional = nullable, type = "PartitionStrategy | undefined"))]
    pub partition_strategy: PartitionStrategy,
}

impl ProducerConfig {
    /// Checks and reads what `createProducer` was given.
    pub fn from_document(document: &Document) -> Result<Self> {
        let mut fields = ConfigFields::new(document);
        let config = Self::read(&mut fields);
        fields.finish("The producer configuration", config)
    }

    /// Only checks it.
    pub fn check(document: &Document) -> ConfigCheck {
        let mut fields = ConfigFields::new(document);
        Self::read(&mut fields);
        fields.into_check()
    }

    fn read(fields: &mut ConfigFields<'_>) -> Self {
        Self {
            topic: fields.required_text("topic", &TOPIC_NAME),
            partitions: fields.required_integer("partitions", PARTITIONS),
            retention_ms: fields.required_integer("retentionMs", RETENTION_MS),
            partition_strategy: fields
                .one_of("partitionStrategy", &PartitionStrategy::NAMES, str::eq)
                .unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    #[test]
    fn reads_every_strategy() {
        let mut document = doc! { "topic": "a", "partitions": 1, "retentionMs": 1000 };
        assert_eq!(
            ProducerConfig::from_document(&document).unwrap().partition_strategy,
            PartitionStrategy::Hash
        );
        for (name, strategy) in PartitionStrategy::NAMES {
            document.insert("partitionStrategy", name);
            assert_eq!(ProducerConfig::from_document(&document).unwrap().partition_strategy, strategy);
        }
    }

    #[test]
    fn names_every_bad_field() {
        let document = doc! { "topic": 5, "partitions": 2.5, "partitionStrategy": "HASH" };
        let error = ProducerConfig::from_document(&document).unwrap_err();
        let lines: Vec<_> = error.message().lines().skip(1).collect();
        assert!(lines[0].starts_with("- topic is 5: give 1 to 120 bytes"), "{error}");
        assert_eq!(lines[1], "- partitions is 2.5: give an integer from 1 to 1024");
        assert_eq!(lines[2], "- retentionMs is missing: give an integer from 1000 to 2147483641000");
        assert_eq!(
            lines[3],
            "- partitionStrategy is \"HASH\": give one of \"hash\", \"round-robin\", \"key-based\""
        );
        assert_eq!(lines.len(), 4);
    }
}
