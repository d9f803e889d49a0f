//! Members as most runs want them.

use bson::{Document, doc};
use csb_test_support::fault_run::{GROUP, TOPIC};
use csb_test_support::member::{ConsumerRole, ProducerRole};

/// A producer of the whole topic: keys decide about the partition.
pub(crate) fn producer(partitions: u32) -> ProducerRole {
    ProducerRole::new(doc! {
        "topic": TOPIC,
        "partitions": partitions,
        "retentionMs": 86_400_000,
        "partitionStrategy": "key-based",
    })
}

/// A member of the group; `extra` adds to its configuration.
pub(crate) fn consumer(extra: Document) -> ConsumerRole {
    let mut config = doc! { "groupId": GROUP, "topic": TOPIC };
    config.extend(extra);
    ConsumerRole::new(config)
}
