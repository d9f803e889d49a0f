//! What a topic is made of.

use std::ops::RangeInclusive;

use bson::Document;

use super::config_fields::{ConfigCheck, ConfigFields, TextRule};
use crate::error::Result;

/// How many partitions a topic may have.
pub(crate) const PARTITIONS: RangeInclusive<u32> = 1..=1024;
/// How long messages may be kept; the upper end is the longest time that a TTL index takes.
pub(crate) const RETENTION_MS: RangeInclusive<u64> = 1_000..=2_147_483_641_000;

/// The broker's own collections, next to those of the partitions.
const OWN_COLLECTIONS: [&str; 5] =
    ["topics", "consumer_offsets", "consumer_members", "consumer_groups", "dead_letters"];

/// What a topic may be called: `<name>_p<n>` are its collections, for this library and for 1.4.2.
pub(crate) const TOPIC_NAME: TextRule = TextRule {
    demand: "give 1 to 120 bytes without `$`, `..` or control characters, which neither begin with `system.` nor \
             begin or end with `.`, and which are no collection of the broker itself (topics, consumer_offsets, \
             consumer_members, consumer_groups, dead_letters)",
    accepts: is_topic_name,
};

fn is_topic_name(name: &str) -> bool {
    (1..=120).contains(&name.len())
        && !name.contains(|char: char| char == '$' || char.is_control())
        && !name.contains("..")
        && !name.starts_with("system.")
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !OWN_COLLECTIONS.contains(&name)
}

/// A topic to create. If it exists already, its partitions may only become more; its retention is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "config.d.ts", rename_all = "camelCase"))]
pub struct TopicConfig {
    /// Name that producers and consumers use: 1 to 120 bytes without `$`, `..` or control characters, neither
    /// beginning with `system.` nor beginning or ending with `.`.
    pub name: String,
    /// Prefix of the partition collections, `<collection>_p<n>`, with the same limits as `name`. Leave it out:
    /// 1.4.2 finds messages only under the topic's name.
    ///
    /// @default the topic's name
    #[cfg_attr(test, ts(optional = nullable, type = "string | undefined"))]
    pub collection: String,
    /// Number of partitions, 1 to 1024.
    pub partitions: u32,
    /// How long messages are kept, in milliseconds: 1000 (a second) to 2147483641000 (68 years). The server counts
    /// whole seconds, so a fraction is cut off, and removes expired messages once a minute.
    #[cfg_attr(test, ts(type = "number"))]
    pub retention_ms: u64,
}

impl TopicConfig {
    /// Checks and reads what `createTopic` was given.
    pub fn from_document(document: &Document) -> Result<Self> {
        let mut fields = ConfigFields::new(document);
        let config = Self::read(&mut fields);
        fields.finish("The topic configuration", config)
    }

    /// Only checks it.
    pub fn check(document: &Document) -> ConfigCheck {
        let mut fields = ConfigFields::new(document);
        Self::read(&mut fields);
        fields.into_check()
    }

    fn read(fields: &mut ConfigFields<'_>) -> Self {
        let name = fields.required_text("name", &TOPIC_NAME);
        Self {
            collection: fields.optional_text("collection", &TOPIC_NAME).unwrap_or_else(|| name.clone()),
            partitions: fields.required_integer("partitions", PARTITIONS),
            retention_ms: fields.required_integer("retentionMs", RETENTION_MS),
            name,
        }
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    #[test]
    fn reads_a_topic_and_defaults_its_collection() {
        let document =
            doc! { "name": "purchases.new-purchase", "partitions": 3, "retentionMs": 604_800_000_i64 };
        let expected = TopicConfig {
            name: "purchases.new-purchase".into(),
            collection: "purchases.new-purchase".into(),
            partitions: 3,
            retention_ms: 604_800_000,
        };
        assert_eq!(TopicConfig::from_document(&document).unwrap(), expected);
        let document = doc! { "name": "a", "collection": "b", "partitions": 1.0, "retentionMs": 1000.0 };
        assert_eq!(TopicConfig::from_document(&document).unwrap().collection, "b");
    }

    #[test]
    fn knows_good_names_from_bad() {
        let longest = "x".repeat(120);
        for good in
            ["a", "é", "purchases.new-purchase", "system", "systems.x", "topics_", "_p0", "a b", &longest]
        {
            assert!(is_topic_name(good), "{good}");
        }
        let too_long = "x".repeat(121);
        let bad =
            ["", "$a", "a$", "a\0b", "a\nb", "system.a", ".a", "a.", "a..b", "topics", "consumer_offsets"];
        for bad in bad.into_iter().chain(OWN_COLLECTIONS).chain([too_long.as_str()]) {
            assert!(!is_topic_name(bad), "{bad}");
        }
    }

    #[test]
    fn the_message_names_our_collections() {
        assert!(OWN_COLLECTIONS.iter().all(|collection| TOPIC_NAME.demand.contains(collection)));
    }

    #[test]
    fn refuses_what_is_out_of_limits() {
        let good = doc! { "name": "a", "partitions": 1024, "retentionMs": 2_147_483_641_000_i64 };
        assert!(TopicConfig::from_document(&good).is_ok());
        for (field, bad) in [
            ("name", "system.x".into()),
            ("collection", "".into()),
            ("partitions", bson::Bson::Int32(0)),
            ("partitions", 1025.into()),
            ("retentionMs", 999.into()),
            ("retentionMs", 2_147_483_641_001_i64.into()),
        ] {
            let mut document = good.clone();
            document.insert(field, bad);
            let error = TopicConfig::from_document(&document).unwrap_err();
            assert!(
                error.message().starts_with(&format!("The topic configuration is invalid: {field} is ")),
                "{error}"
            );
        }
    }
}
