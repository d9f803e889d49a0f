//! Which partitions a consumer reads. Pure.

use crate::config::ConsumerConfig;
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::store::contract::Topic;

/// The partitions that the configuration names, or all. A consumer that names them may start before the first
/// producer has made the topic; one that does not cannot know how many there are.
pub(super) fn choose(topic: Option<Topic>, config: &ConsumerConfig) -> Result<(Topic, Vec<u32>)> {
    match (topic, &config.partitions) {
        (Some(topic), Some(partitions)) => match partitions.iter().find(|wanted| **wanted >= topic.partitions) {
            Some(missing) => Err(no_such_partition(&topic, *missing)),
            None => Ok((topic, partitions.clone())),
        },
        (Some(topic), None) => {
            let partitions = (0..topic.partitions).collect();
            Ok((topic, partitions))
        }
        (None, Some(partitions)) => Ok((announced_topic(&config.topic, partitions), partitions.clone())),
        (None, None) => Err(Error::new(
            ErrorCode::TopicNotFound,
            format!(
                "topic {} does not exist; create it, start its producer first, or name the `partitions` to read",
                config.topic
            ),
        )
        .on_topic(&config.topic)),
    }
}

fn no_such_partition(topic: &Topic, missing: u32) -> Error {
    let message = format!(
        "partitions: topic {} has no partition {missing}; it has {} (0 to {})",
        topic.name,
        topic.partitions,
        topic.partitions.saturating_sub(1)
    );
    Error::new(ErrorCode::PartitionNotFound, message).on_topic(&topic.name).on_partition(missing)
}

/// A topic that nobody has created yet, as far as a consumer can know it.
fn announced_topic(name: &str, partitions: &[u32]) -> Topic {
    Topic {
        name: name.to_owned(),
        collection: name.to_owned(),
        partitions: partitions.iter().max().map_or(0, |highest| highest + 1),
        retention_ms: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::doc;

    fn topic() -> Topic {
        Topic { name: "orders".into(), collection: "orders_v1".into(), partitions: 3, retention_ms: 1000 }
    }

    fn config(partitions: Option<Vec<i32>>) -> ConsumerConfig {
        let mut document = doc! { "groupId": "g", "topic": "orders" };
        if let Some(partitions) = partitions {
            document.insert("partitions", partitions);
        }
        ConsumerConfig::from_document(&document).expect("valid")
    }

    #[test]
    fn all_or_the_named_ones() {
        assert_eq!(choose(Some(topic()), &config(None)).expect("all").1, [0, 1, 2]);
        assert_eq!(choose(Some(topic()), &config(Some(vec![2, 0]))).expect("named").1, [2, 0]);
    }

    #[test]
    fn a_partition_that_does_not_exist_is_refused() {
        let error = choose(Some(topic()), &config(Some(vec![0, 3]))).expect_err("3 of 3");
        assert_eq!(error.code(), ErrorCode::PartitionNotFound);
        assert_eq!(error.context().partition, Some(3));
    }

    #[test]
    fn a_topic_to_come_must_be_described() {
        let (topic, partitions) = choose(None, &config(Some(vec![1]))).expect("named");
        assert_eq!((topic.collection.as_str(), topic.partitions, partitions), ("orders", 2, vec![1]));
        assert_eq!(choose(None, &config(None)).expect_err("unknown").code(), ErrorCode::TopicNotFound);
    }
}
