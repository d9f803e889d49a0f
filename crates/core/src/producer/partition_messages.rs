//! Messages that are stored together, in a transaction: by their collections.

use super::message_encoder::EncodedMessage;
use crate::store::contract::PartitionMessages;

/// Partitions in the order of their first messages.
pub(super) fn by_partition(
    messages: Vec<EncodedMessage>,
    collection: impl Fn(u32) -> String,
) -> Vec<PartitionMessages> {
    let mut partitions: Vec<(u32, PartitionMessages)> = Vec::new();
    for EncodedMessage { partition, document } in messages {
        match partitions.iter_mut().find(|(known, _)| *known == partition) {
            Some((_, messages)) => messages.documents.push(document),
            None => partitions.push((
                partition,
                PartitionMessages { collection: collection(partition), documents: vec![document] },
            )),
        }
    }
    partitions.into_iter().map(|(_, messages)| messages).collect()
}

#[cfg(test)]
mod tests {
    use bson::rawdoc;

    use super::*;

    #[test]
    fn keeps_the_order_within_each_partition() {
        let message = |partition, n: i32| EncodedMessage { partition, document: rawdoc! { "_id": n } };
        let messages = vec![message(2, 0), message(0, 1), message(2, 2)];
        let partitions = by_partition(messages, |partition| format!("t_p{partition}"));
        let expected = [("t_p2", vec![0, 2]), ("t_p0", vec![1])].map(|(collection, ids)| PartitionMessages {
            collection: collection.to_owned(),
            documents: ids.into_iter().map(|n: i32| rawdoc! { "_id": n }).collect(),
        });
        assert_eq!(partitions, expected);
    }
}
