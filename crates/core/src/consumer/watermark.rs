//! How far a partition is finished: the place before its oldest unfinished message, and what is finished behind it.
//! Pure.

use std::collections::{BTreeMap, VecDeque};

use bson::{Bson, RawDocument};

use super::checkpoint::Checkpoint;
use super::position::Position;

/// What an earlier owner has finished lies close behind the position. An id that has not come by then does not come
/// any more: retention has deleted its message.
pub(super) const LOOKED_FOR_IN: u64 = 100_000;

/// `_id` of a stored message. One that cannot be read cannot be told from others.
pub(super) fn message_id(document: &RawDocument) -> Option<Bson> {
    Bson::try_from(document.get("_id").ok().flatten()?).ok()
}

/// Ids are compared as they are stored, with their type.
pub(super) fn id_bytes(id: &Bson) -> Vec<u8> {
    bson::serialize_to_vec(&bson::doc! { "": id }).unwrap_or_default()
}

/// A message that was taken in.
struct Entry {
    /// The position once it and everything before it is finished.
    after: Position,
    state: EntryState,
}

enum EntryState {
    Unfinished,
    /// With its id, by which the next owner knows it.
    Finished(Option<Bson>),
}

/// The messages of one partition from the oldest unfinished one on, numbered in their order.
pub struct Watermark {
    /// Number of the first entry.
    first: u64,
    entries: VecDeque<Entry>,
    /// Everything before the first entry is finished.
    position: Position,
    finished_ahead: usize,
    /// Messages that an earlier owner has finished and that have not come yet, by the bytes of their ids.
    inherited: BTreeMap<Vec<u8>, Bson>,
    looked_for_in: u64,
    revision: u64,
}

/// A message that has been taken in.
#[derive(Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Its number.
    pub number: u64,
    /// An earlier owner has finished it.
    pub is_finished: bool,
}

impl Watermark {
    /// Begins behind what is stored.
    pub fn new(stored: Checkpoint) -> Self {
        let inherited = stored.finished_ahead.into_iter().map(|id| (id_bytes(&id), id)).collect();
        Self {
            first: 0,
            entries: VecDeque::new(),
            position: stored.position,
            finished_ahead: 0,
            inherited,
            looked_for_in: 0,
            revision: 0,
        }
    }

    /// Takes the next message in.
    pub fn push(&mut self, after: Position, document: &RawDocument) -> Numbered {
        let number = self.first + self.entries.len() as u64;
        self.entries.push_back(Entry { after, state: EntryState::Unfinished });
        let is_finished = !self.inherited.is_empty() && self.take_inherited(document);
        if is_finished {
            self.finish(number, document);
        }
        Numbered { number, is_finished }
    }

    fn take_inherited(&mut self, document: &RawDocument) -> bool {
        self.looked_for_in += 1;
        if self.looked_for_in > LOOKED_FOR_IN {
            self.inherited.clear();
        }
        message_id(document).is_some_and(|id| self.inherited.remove(&id_bytes(&id)).is_some())
    }

    /// What would be finished if these were, too: number and id, in the order of the numbers.
    pub(super) fn checkpoint_with(&self, finished: &[(u64, Option<Bson>)]) -> Checkpoint {
        let id_of = |number: u64| {
            let index = finished.binary_search_by_key(&number, |(number, _)| *number).ok()?;
            Some(&finished[index].1)
        };
        let states: Vec<_> = (self.first..)
            .zip(&self.entries)
            .map(|(number, entry)| match &entry.state {
                EntryState::Finished(id) => Some(id),
                EntryState::Unfinished => id_of(number),
            })
            .collect();
        let done = states.iter().take_while(|state| state.is_some()).count();
        let last = done.checked_sub(1).and_then(|last| self.entries.get(last));
        let position = last.map_or_else(|| self.position.clone(), |last| last.after.clone());
        let ahead = states.into_iter().skip(done).flatten().filter_map(Clone::clone);
        Checkpoint { position, finished_ahead: ahead.chain(self.inherited.values().cloned()).collect() }
    }

    /// A message is finished. The position moves on when nothing unfinished is left before it.
    pub fn finish(&mut self, number: u64, document: &RawDocument) {
        let id = if number == self.first { None } else { message_id(document) };
        self.settle(number, id);
    }

    /// This is the same message as an unfinished one before it, or behind the end of a replay. It is not known by its id,
    /// which the next owner would take for a word about the other.
    pub(super) fn pass_over(&mut self, number: u64) {
        self.settle(number, None);
    }

    /// As [`finish`](Self::finish), with the id of the message.
    pub(super) fn finish_known(&mut self, number: u64, id: Option<Bson>) {
        self.settle(number, id.filter(|_| number != self.first));
    }

    fn settle(&mut self, number: u64, id: Option<Bson>) {
        let index = number.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        let Some(index) = index.filter(|index| *index < self.entries.len()) else { return };
        if matches!(self.entries[index].state, EntryState::Finished(_)) {
            return;
        }
        self.entries[index].state = EntryState::Finished(id);
        self.finished_ahead += 1;
        self.revision += 1;
        while let Some(entry) =
            self.entries.pop_front_if(|entry| matches!(entry.state, EntryState::Finished(_)))
        {
            self.first += 1;
            self.finished_ahead -= 1;
            self.position = entry.after;
        }
    }

    /// Nothing was sent up to here. Only while no message is taken in.
    pub(super) fn advance_idle(&mut self, position: Position) {
        let is_later = position.stream_token() > self.position.stream_token();
        if self.entries.is_empty() && is_later {
            self.position = position;
            self.revision += 1;
        }
    }

    /// Grows whenever more is finished.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// Everything up to here is finished.
    pub(super) fn position(&self) -> &Position {
        &self.position
    }

    /// Messages finished behind the oldest unfinished one.
    pub(super) fn finished_ahead(&self) -> usize {
        self.finished_ahead
    }

    /// What is finished.
    pub fn checkpoint(&self) -> Checkpoint {
        let mut finished_ahead = Vec::with_capacity(self.finished_ahead + self.inherited.len());
        if self.finished_ahead > 0 {
            finished_ahead.extend(self.entries.iter().filter_map(|entry| match &entry.state {
                EntryState::Finished(id) => id.clone(),
                EntryState::Unfinished => None,
            }));
        }
        finished_ahead.extend(self.inherited.values().cloned());
        Checkpoint { position: self.position.clone(), finished_ahead }
    }
}

#[cfg(test)]
mod tests {
    use bson::{RawDocumentBuf, rawdoc};

    use super::*;
    use crate::feed::stream_token::{ClusterTime, StreamToken};

    fn at(increment: u32) -> Position {
        Position::behind(StreamToken::after(ClusterTime { seconds: 9, increment }))
    }

    fn document(n: u32) -> RawDocumentBuf {
        rawdoc! { "_id": i64::from(n) }
    }

    fn push(watermark: &mut Watermark, n: u32) -> Numbered {
        watermark.push(at(n), &document(n))
    }

    fn ahead(position: u32, ids: &[i64]) -> Checkpoint {
        Checkpoint { position: at(position), finished_ahead: ids.iter().map(|id| Bson::Int64(*id)).collect() }
    }

    #[test]
    fn the_position_never_passes_what_is_unfinished() {
        let mut watermark = Watermark::new(at(0).into());
        let numbers = [1, 2, 3].map(|n| push(&mut watermark, n).number);
        assert_eq!(numbers, [0, 1, 2]);
        assert_eq!(watermark.checkpoint(), ahead(0, &[]));
        watermark.finish(1, &document(2));
        watermark.finish(1, &document(2));
        assert_eq!((watermark.checkpoint(), watermark.revision()), (ahead(0, &[2]), 1));
        watermark.finish(0, &document(1));
        assert_eq!(watermark.checkpoint(), ahead(2, &[]));
        watermark.finish(2, &document(3));
        watermark.finish(0, &document(1));
        watermark.finish(7, &document(8));
        assert_eq!((watermark.checkpoint(), watermark.revision()), (ahead(3, &[]), 3));
        assert_eq!(push(&mut watermark, 4), Numbered { number: 3, is_finished: false });
    }

    #[test]
    fn a_message_read_once_more_says_nothing_about_the_first() {
        let mut watermark = Watermark::new(at(0).into());
        let numbers =
            [(1, 1), (2, 2), (3, 1)].map(|(place, id)| watermark.push(at(place), &document(id)).number);
        watermark.pass_over(numbers[2]);
        assert_eq!(watermark.checkpoint(), ahead(0, &[]));
        watermark.finish(numbers[1], &document(2));
        assert_eq!(watermark.checkpoint(), ahead(0, &[2]));
        watermark.finish(numbers[0], &document(1));
        assert_eq!(watermark.checkpoint(), ahead(3, &[]));
    }

    #[test]
    fn tells_what_would_be_finished() {
        let mut watermark = Watermark::new(ahead(0, &[9]));
        let numbers = [1, 2, 3, 4].map(|n| push(&mut watermark, n).number);
        watermark.finish(numbers[1], &document(2));
        let with = |finished: &[(usize, i64)]| {
            let finished = finished.iter().map(|(index, id)| (numbers[*index], Some(Bson::Int64(*id))));
            watermark.checkpoint_with(&finished.collect::<Vec<_>>())
        };
        assert_eq!(with(&[]), watermark.checkpoint());
        assert_eq!(with(&[(0, 1)]), ahead(2, &[9]));
        assert_eq!(with(&[(3, 4)]), ahead(0, &[2, 4, 9]));
        assert_eq!(with(&[(0, 1), (2, 3), (3, 4)]), ahead(4, &[9]));
        let expected = with(&[(0, 1), (3, 4)]);
        for (index, id) in [(0, 1), (3, 4)] {
            watermark.finish_known(numbers[index], Some(Bson::Int64(id)));
        }
        assert_eq!(watermark.checkpoint(), expected);
    }

    /// An owner may end before it has come to what an earlier one has finished.
    #[test]
    fn what_is_inherited_stays_until_it_comes() {
        let mut watermark = Watermark::new(ahead(0, &[2, 4]));
        assert!(!push(&mut watermark, 1).is_finished);
        watermark.finish(0, &document(1));
        assert_eq!(watermark.checkpoint(), ahead(1, &[2, 4]));
        assert!(push(&mut watermark, 2).is_finished);
        assert_eq!(watermark.checkpoint(), ahead(2, &[4]));
        assert!(!push(&mut watermark, 3).is_finished);
        assert!(push(&mut watermark, 4).is_finished);
        assert_eq!(watermark.checkpoint(), ahead(2, &[4]));
        watermark.finish(2, &document(3));
        assert_eq!(watermark.checkpoint(), ahead(4, &[]));
        assert!(!push(&mut watermark, 2).is_finished, "it is known once");
    }

    #[test]
    fn what_never_comes_is_forgotten() {
        let mut watermark = Watermark::new(ahead(0, &[7]));
        for _ in 0..=LOOKED_FOR_IN {
            let number = push(&mut watermark, 1).number;
            watermark.finish(number, &document(1));
        }
        assert_eq!(watermark.checkpoint(), ahead(1, &[]));
    }

    #[test]
    fn what_cannot_be_told_from_others_is_never_skipped() {
        let mut watermark =
            Watermark::new(Checkpoint { position: at(0), finished_ahead: vec![Bson::Undefined] });
        assert!(!watermark.push(at(1), &rawdoc! {}).is_finished);
        assert!(!watermark.push(at(2), &rawdoc! {}).is_finished);
        watermark.finish(1, &rawdoc! {});
        assert_eq!(watermark.checkpoint().finished_ahead, [Bson::Undefined]);
    }

    #[test]
    fn idle_advances_only_forward_and_only_when_nothing_is_taken_in() {
        let mut watermark = Watermark::new(at(5).into());
        watermark.advance_idle(at(4));
        assert_eq!((watermark.checkpoint(), watermark.revision()), (ahead(5, &[]), 0));
        watermark.advance_idle(at(6));
        assert_eq!((watermark.checkpoint(), watermark.revision()), (ahead(6, &[]), 1));
        push(&mut watermark, 7);
        watermark.advance_idle(at(9));
        assert_eq!(watermark.checkpoint(), ahead(6, &[]));
    }
}
