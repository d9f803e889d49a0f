//! The messages of a send as commands that a client of the user's makes of them.

use bson::{RawArrayBuf, RawDocumentBuf, rawdoc};
use csb_core::store::contract::PartitionMessages;

/// A command has less than 16 MiB, and so has a message: one that is larger than this is alone in its command.
const MOST_BYTES: usize = 8 << 20;
/// The server takes 100,000.
const MOST_MESSAGES: usize = 50_000;

/// One document `{ collection, documents }` for each command, in order.
pub(crate) fn prepared_inserts(partitions: Vec<PartitionMessages>) -> RawDocumentBuf {
    let mut inserts = RawArrayBuf::new();
    for PartitionMessages { collection, documents } in partitions {
        for documents in in_commands(documents) {
            let documents: RawArrayBuf = documents.into_iter().collect();
            inserts.push(rawdoc! { "collection": collection.as_str(), "documents": documents });
        }
    }
    rawdoc! { "inserts": inserts }
}

fn in_commands(documents: Vec<RawDocumentBuf>) -> Vec<Vec<RawDocumentBuf>> {
    let mut commands: Vec<Vec<RawDocumentBuf>> = Vec::new();
    let mut bytes = 0;
    for document in documents {
        let size = document.as_bytes().len();
        bytes += size;
        match commands.last_mut() {
            Some(command) if bytes <= MOST_BYTES && command.len() < MOST_MESSAGES => command.push(document),
            _ => {
                bytes = size;
                commands.push(vec![document]);
            }
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(messages: &[usize]) -> Vec<usize> {
        let document = |bytes: &usize| rawdoc! { "m": "x".repeat(*bytes) };
        in_commands(messages.iter().map(document).collect()).iter().map(Vec::len).collect()
    }

    #[test]
    fn none_is_larger_than_the_server_takes_and_none_is_empty() {
        const MIB: usize = 1 << 20;
        assert_eq!(sizes(&[]), Vec::<usize>::new());
        assert_eq!(sizes(&[5, 6, 7]), [3]);
        assert_eq!(sizes(&[3 * MIB, 4 * MIB, 3 * MIB, 4 * MIB]), [2, 2]);
        assert_eq!(sizes(&[5, 15 * MIB, 5, 15 * MIB]), [1, 1, 1, 1]);
        assert_eq!(sizes(&vec![1; MOST_MESSAGES + 2]), [MOST_MESSAGES, 2]);
    }
}
