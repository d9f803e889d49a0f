//! Attempts that earlier owners have made of messages that have not come yet. Pure.

use std::collections::BTreeMap;

use bson::{DateTime, RawDocument};

use super::Inheritance;
use crate::consumer::caution;
use crate::consumer::checkpoint::MessageAttempts;
use crate::consumer::watermark::{LOOKED_FOR_IN, id_bytes, message_id};

pub(super) struct InheritedAttempts {
    by_id: BTreeMap<Vec<u8>, MessageAttempts>,
    looked_for_in: u64,
}

impl InheritedAttempts {
    /// A mark is an attempt that its owner did not survive, if that owner did not end in order: otherwise it only
    /// could not take the mark back.
    pub(super) fn new(inheritance: Inheritance, now: DateTime) -> Self {
        let is_interruption = inheritance.unclean_ends > 0;
        let attempts = inheritance.attempts.into_iter().map(|mut one| {
            if std::mem::take(&mut one.in_flight) && is_interruption {
                one.failed.push(caution::interruption(now));
            }
            one
        });
        let by_id =
            attempts.filter(|one| one.count() > 0).map(|one| (id_bytes(&one.message_id), one)).collect();
        Self { by_id, looked_for_in: 0 }
    }

    /// Those of a message that has come.
    pub(super) fn take(&mut self, document: &RawDocument) -> Option<MessageAttempts> {
        if self.by_id.is_empty() {
            return None;
        }
        self.looked_for_in += 1;
        if self.looked_for_in > LOOKED_FOR_IN {
            self.by_id.clear();
        }
        self.by_id.remove(&id_bytes(&message_id(document)?))
    }

    /// Those of messages that have not come.
    pub(super) fn iter(&self) -> impl Iterator<Item = &MessageAttempts> {
        self.by_id.values()
    }
}

#[cfg(test)]
mod tests {
    use bson::{Bson, rawdoc};

    use super::*;

    const NOW: DateTime = DateTime::from_millis(5);

    fn noted(n: i64, failed: usize, in_flight: bool) -> MessageAttempts {
        MessageAttempts {
            message_id: Bson::Int64(n),
            failed: vec![caution::interruption(NOW); failed],
            forgotten: 0,
            in_flight,
        }
    }

    fn counts(attempts: Vec<MessageAttempts>, unclean_ends: u32) -> Vec<(Bson, u32, bool)> {
        let inherited = InheritedAttempts::new(Inheritance { attempts, unclean_ends }, NOW);
        inherited.iter().map(|one| (one.message_id.clone(), one.count(), one.in_flight)).collect()
    }

    #[test]
    fn a_mark_counts_after_an_unclean_end_only() {
        let attempts = vec![noted(1, 0, true), noted(2, 1, true), noted(3, 2, false)];
        let after_a_crash =
            [(Bson::Int64(1), 1, false), (Bson::Int64(2), 2, false), (Bson::Int64(3), 2, false)];
        assert_eq!(counts(attempts.clone(), 1), after_a_crash);
        let after_a_release = [(Bson::Int64(2), 1, false), (Bson::Int64(3), 2, false)];
        assert_eq!(counts(attempts, 0), after_a_release);
    }

    #[test]
    fn are_taken_once_and_only_by_their_message() {
        let attempts =
            vec![noted(1, 1, false), MessageAttempts { message_id: Bson::Undefined, ..noted(1, 1, false) }];
        let mut inherited = InheritedAttempts::new(Inheritance { attempts, unclean_ends: 0 }, NOW);
        assert!(inherited.take(&rawdoc! { "_id": 1 }).is_none(), "ids of another type are other ids");
        assert!(inherited.take(&rawdoc! {}).is_none());
        assert_eq!(inherited.take(&rawdoc! { "_id": 1_i64 }).map(|one| one.count()), Some(1));
        assert!(inherited.take(&rawdoc! { "_id": 1_i64 }).is_none());
    }
}
