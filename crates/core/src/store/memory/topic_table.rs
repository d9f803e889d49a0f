//! The topics. Pure.

use std::collections::BTreeMap;

use crate::store::contract::Topic;

/// Topics by name.
#[derive(Debug, Default)]
pub(super) struct TopicTable {
    topics: BTreeMap<String, Topic>,
}

impl TopicTable {
    pub(super) fn len(&self) -> usize {
        self.topics.len()
    }

    pub(super) fn load(&self, name: &str) -> Option<Topic> {
        self.topics.get(name).cloned()
    }

    /// Creates or changes a topic; its partitions never shrink.
    pub(super) fn save(&mut self, topic: &Topic) {
        let partitions =
            self.topics.get(&topic.name).map_or(0, |stored| stored.partitions).max(topic.partitions);
        self.topics.insert(topic.name.clone(), Topic { partitions, ..topic.clone() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_only_grow_and_the_rest_changes() {
        let mut table = TopicTable::default();
        let topic = |partitions, retention_ms| Topic {
            name: "orders".into(),
            collection: "orders".into(),
            partitions,
            retention_ms,
        };
        table.save(&topic(2, 1000));
        table.save(&topic(4, 1000));
        table.save(&topic(3, 5000));
        assert_eq!(table.load("orders"), Some(topic(4, 5000)));
        assert_eq!((table.load("invoices"), table.len()), (None, 1));
    }
}
