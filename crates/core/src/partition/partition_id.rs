//! Names of partitions.

use std::fmt;
use std::sync::Arc;

/// The collection of a partition. 1.4.2 uses the same names.
pub fn collection_name(topic_collection: &str, partition: u32) -> String {
    format!("{topic_collection}_p{partition}")
}

/// One partition of one topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// Topic name.
    pub topic: Arc<str>,
    /// Partition number, from 0.
    pub partition: u32,
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.topic, self.partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_collection_as_1_4_2_does() {
        assert_eq!(collection_name("purchases.new-purchase", 12), "purchases.new-purchase_p12");
    }

    #[test]
    fn prints_topic_and_number() {
        assert_eq!(TopicPartition { topic: "orders".into(), partition: 3 }.to_string(), "orders[3]");
    }
}
