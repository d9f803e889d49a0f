//! The dead letters of the embedded store. Pure: the caller brings the time.

use std::collections::{BTreeMap, BTreeSet};

use bson::{Bson, DateTime, Document};

use super::bson_order::MessageId;
use crate::dead_letter::{
    DeadLetter, LetterFilter, LetterHolder, LetterId, LetterOrder, LetterPage, LetterPosition, LetterQuery,
    PendingRedrive, RedriveFailure, RedriveMark, RedrivePlan, StoredLetter,
};
use crate::feed::stream_token::StreamToken;
use crate::store::contract::{Claim, CommitOutcome, OffsetKey};
use crate::store::dead_letter_document::encode_id;

/// A page ends after so many bytes of messages.
const MOST_PAGE_BYTES: usize = 16 << 20;

/// Letters by their ids, and in the order of their messages.
#[derive(Debug, Default)]
pub(super) struct DeadLetterTable {
    letters: BTreeMap<MessageId, StoredLetter>,
    places: BTreeSet<Place>,
    /// No letter expires before.
    next_expiry: Option<DateTime>,
}

type Place = (Option<StreamToken>, MessageId);

impl DeadLetterTable {
    pub(super) fn len(&self) -> usize {
        self.letters.len()
    }

    /// Stores a new letter, in place of an earlier one of the same message.
    pub(super) fn bury(&mut self, letter: DeadLetter) {
        let letter = StoredLetter::buried(letter);
        self.remove(&letter.id);
        self.insert(letter);
    }

    /// Deletes the letters whose time has come.
    pub(super) fn expire(&mut self, now: DateTime) {
        if self.next_expiry.is_none_or(|next| next > now) {
            return;
        }
        let is_over = |letter: &&StoredLetter| letter.expires_at.is_some_and(|at| at <= now);
        let over: Vec<_> = self.letters.values().filter(is_over).map(|letter| letter.id.clone()).collect();
        for id in &over {
            self.remove(id);
        }
        self.next_expiry = self.letters.values().filter_map(|letter| letter.expires_at).min();
    }

    pub(super) fn list(&self, query: &LetterQuery) -> LetterPage {
        let after = query.after.as_ref().map(place_of);
        let is_behind = |place: &&Place| match (&after, query.order) {
            (None, _) => true,
            (Some(after), LetterOrder::Newest) => *place < after,
            (Some(after), LetterOrder::Oldest) => *place > after,
        };
        let places: Box<dyn Iterator<Item = &Place>> = match query.order {
            LetterOrder::Newest => Box::new(self.places.iter().rev()),
            LetterOrder::Oldest => Box::new(self.places.iter()),
        };
        let found = places.filter(is_behind).filter_map(|(_, id)| self.letters.get(id));
        let mut page = LetterPage { letters: Vec::new(), is_last: true };
        let mut bytes = 0;
        for letter in found.filter(|letter| query.filter.matches(letter)) {
            if page.letters.len() >= query.limit as usize || bytes >= MOST_PAGE_BYTES {
                page.is_last = false;
                break;
            }
            bytes += letter.message.as_ref().map_or(0, |message| message.as_bytes().len());
            page.letters.push(letter.clone());
        }
        page
    }

    pub(super) fn count(&self, filter: &LetterFilter) -> u64 {
        self.letters.values().filter(|letter| filter.matches(letter)).count() as u64
    }

    pub(super) fn purge(&mut self, filter: &LetterFilter) -> u64 {
        let meant = self.meant(filter);
        for id in &meant {
            self.remove(id);
        }
        meant.len() as u64
    }

    pub(super) fn request_redrive(
        &mut self,
        filter: &LetterFilter,
        plan: &RedrivePlan,
        now: DateTime,
    ) -> u64 {
        let mut marked = 0;
        for id in self.meant(filter) {
            self.change(&id, |letter| {
                if letter.redrive.is_some() {
                    return;
                }
                let not_before = now.timestamp_millis().saturating_add(plan.turn_after_ms(marked));
                marked += 1;
                letter.redrive = Some(RedriveMark {
                    id: plan.id.clone(),
                    requested_at: now,
                    not_before: DateTime::from_millis(not_before),
                    holder: None,
                    interruptions: 0,
                    expires_at: letter.expires_at.take(),
                });
            });
        }
        marked
    }

    pub(super) fn cancel_redrive(&mut self, filter: &LetterFilter) -> u64 {
        let mut cancelled = 0;
        for id in self.meant(filter) {
            self.change(&id, |letter| {
                if let Some(mark) = letter.redrive.take_if(|mark| mark.holder.is_none()) {
                    letter.expires_at = mark.expires_at;
                    cancelled += 1;
                }
            });
        }
        cancelled
    }

    pub(super) fn has_redrives(&self, group_id: &str, topic: &str) -> bool {
        let is_pending = |letter: &StoredLetter| {
            letter.redrive.is_some() && letter.id.key.group_id == group_id && letter.id.key.topic == topic
        };
        self.letters.values().any(is_pending)
    }

    pub(super) fn next_redrive(&self, key: &OffsetKey, now: DateTime) -> Option<PendingRedrive> {
        let mut letters = self.places.iter().filter_map(|(_, id)| self.letters.get(id));
        letters.find_map(|letter| {
            let mark = letter.redrive.clone().filter(|_| letter.id.key == *key)?;
            let due_in_ms = mark.not_before.timestamp_millis() - now.timestamp_millis();
            Some(PendingRedrive { letter: letter.id.clone(), mark, due_in_ms })
        })
    }

    pub(super) fn take_redrive(&mut self, claim: &Claim, pending: &PendingRedrive) -> Option<StoredLetter> {
        let is_unchanged = |letter: &&StoredLetter| letter.redrive.as_ref() == Some(&pending.mark);
        self.letters.get(&key_of(&pending.letter)).filter(is_unchanged)?;
        self.change(&pending.letter, |letter| {
            letter.redrive = letter.redrive.take().map(|mark| mark.taken(claim));
        });
        self.letters.get(&key_of(&pending.letter)).cloned()
    }

    pub(super) fn finish_redrive(&mut self, claim: &Claim, letter: &StoredLetter) -> CommitOutcome {
        if !self.is_taken(claim, letter) {
            return CommitOutcome::Fenced;
        }
        self.remove(&letter.id);
        CommitOutcome::Committed
    }

    pub(super) fn fail_redrive(
        &mut self,
        claim: &Claim,
        letter: &StoredLetter,
        failure: &RedriveFailure,
    ) -> CommitOutcome {
        if !self.is_taken(claim, letter) {
            return CommitOutcome::Fenced;
        }
        self.change(&letter.id, |letter| *letter = letter.clone().failed_again(failure));
        CommitOutcome::Committed
    }

    pub(super) fn return_redrive(&mut self, claim: &Claim, letter: &StoredLetter) -> CommitOutcome {
        if !self.is_taken(claim, letter) {
            return CommitOutcome::Fenced;
        }
        self.change(&letter.id, |letter| {
            if let Some(mark) = &mut letter.redrive {
                mark.holder = None;
            }
        });
        CommitOutcome::Committed
    }

    fn is_taken(&self, claim: &Claim, letter: &StoredLetter) -> bool {
        let stored = self.letters.get(&key_of(&letter.id)).and_then(|stored| stored.redrive.as_ref());
        let request = letter.redrive.as_ref().map(|mark| mark.id.as_str());
        stored.is_some_and(|mark| {
            Some(mark.id.as_str()) == request && mark.holder == Some(LetterHolder::of(claim))
        })
    }

    /// In the order of their messages.
    fn meant(&self, filter: &LetterFilter) -> Vec<LetterId> {
        let letters = self.places.iter().filter_map(|(_, id)| self.letters.get(id));
        letters.filter(|letter| filter.matches(letter)).map(|letter| letter.id.clone()).collect()
    }

    fn insert(&mut self, letter: StoredLetter) {
        let key = key_of(&letter.id);
        self.note_expiry(&letter);
        self.places.insert((letter.place.clone(), key.clone()));
        self.letters.insert(key, letter);
    }

    fn remove(&mut self, id: &LetterId) {
        let key = key_of(id);
        if let Some(letter) = self.letters.remove(&key) {
            self.places.remove(&(letter.place, key));
        }
    }

    /// Its place stays.
    fn change(&mut self, id: &LetterId, change: impl FnOnce(&mut StoredLetter)) {
        let Some(letter) = self.letters.get_mut(&key_of(id)) else { return };
        change(letter);
        let letter = letter.clone();
        self.note_expiry(&letter);
    }

    fn note_expiry(&mut self, letter: &StoredLetter) {
        self.next_expiry = self.next_expiry.into_iter().chain(letter.expires_at).min();
    }
}

fn key_of(id: &LetterId) -> MessageId {
    document_key(encode_id(id))
}

fn place_of(position: &LetterPosition) -> Place {
    (position.place.clone(), document_key(position.id.clone()))
}

fn document_key(id: Document) -> MessageId {
    MessageId(Bson::Document(id))
}

#[cfg(test)]
mod tests {
    use bson::rawdoc;

    use super::*;
    use crate::dead_letter::LetterScope;

    fn at(seconds: i64) -> DateTime {
        DateTime::from_millis(seconds * 1000)
    }

    fn bury(table: &mut DeadLetterTable, id: i32, retention_seconds: Option<u64>) {
        table.bury(DeadLetter {
            key: OffsetKey { group_id: "g".into(), topic: "t".into(), partition: 0 },
            message: rawdoc! { "_id": id },
            token: None,
            attempts: Vec::new(),
            forgotten: 0,
            at: at(100),
            retention_ms: retention_seconds.map(|seconds| seconds * 1000),
        });
    }

    fn everything() -> LetterFilter {
        LetterScope { group_id: "g".into(), topic: None }.everything()
    }

    #[test]
    fn letters_expire_each_at_its_time() {
        let mut table = DeadLetterTable::default();
        for (id, retention) in [(1, Some(20)), (2, None), (3, Some(10)), (4, Some(30))] {
            bury(&mut table, id, retention);
        }
        let mut left = |seconds| {
            table.expire(at(seconds));
            (table.len(), table.places.len())
        };
        assert_eq!(
            [109, 110, 119, 120, 129, 130, 999].map(&mut left),
            [(4, 4), (3, 3), (3, 3), (2, 2), (2, 2), (1, 1), (1, 1)]
        );
    }

    #[test]
    fn a_letter_that_waits_for_its_redrive_does_not_expire() {
        let mut table = DeadLetterTable::default();
        bury(&mut table, 1, Some(10));
        let plan = RedrivePlan { id: "r".into(), rate_per_second: None };
        assert_eq!(table.request_redrive(&everything(), &plan, at(105)), 1);
        table.expire(at(999));
        assert_eq!((table.len(), table.cancel_redrive(&everything())), (1, 1));
        table.expire(at(999));
        assert_eq!(table.len(), 0);
    }
}
