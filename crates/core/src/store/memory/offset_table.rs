//! The offset documents and the rule that only the owner under the current epoch may commit. Pure.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use bson::{Bson, DateTime, Document, Timestamp, doc};

use crate::consumer::checkpoint::{Checkpoint, MessageAttempts};
use crate::consumer::position::Position;
use crate::error::Result;
use crate::feed::stream_token::ClusterTime;
use crate::store::attempts_document::attempts_update;
use crate::store::contract::{Claim, CommitOutcome, OffsetKey, OffsetRecord, StoredOffset};
use crate::store::offset_document::{
    BORN_AT, RESET_FORGETS, birth, checkpoint_update, decode, decode_record, key_fields, numbered,
    record_fields, reset_fields, restored,
};

/// Documents as they would be in `consumer_offsets`, so that both stores read them by the same code.
#[derive(Debug, Clone, Default)]
pub(super) struct OffsetTable {
    documents: HashMap<OffsetKey, Document>,
}

impl OffsetTable {
    pub(super) fn len(&self) -> usize {
        self.documents.len()
    }

    pub(super) fn load(&self, key: &OffsetKey) -> Result<Option<StoredOffset>> {
        self.documents.get(key).map(decode).transpose()
    }

    /// Gives the partition to `owner` under the epoch behind this one, if it has that. Changes nothing if the stored
    /// position is unusable.
    pub(super) fn claim_after(
        &mut self,
        key: &OffsetKey,
        (owner, epoch): (&str, Option<i64>),
        born_at: ClusterTime,
        now: DateTime,
    ) -> Result<Option<StoredOffset>> {
        if self.load(key)?.map(|offset| offset.epoch) != epoch {
            return Ok(None);
        }
        let epoch = epoch.unwrap_or_default() + 1;
        let document = self.documents.entry(key.clone()).or_insert_with(|| {
            let mut document = new_document(key, now);
            document.insert(BORN_AT, Timestamp::from(born_at));
            document
        });
        document.extend(doc! { "owner": owner, "epoch": epoch });
        apply(document, &doc! { "$inc": { "revision": 1_i64, "uncleanEnds": 1_i64 } });
        decode(document).map(Some)
    }

    /// Since when a group has been reading a topic.
    pub(super) fn birth(&self, group_id: &str, topic: &str) -> Option<ClusterTime> {
        let of_group =
            self.documents.iter().filter(|(key, _)| key.group_id == group_id && key.topic == topic);
        of_group.filter_map(|(_, document)| birth(document)).min()
    }

    /// Sets a position under the epoch behind this one, whoever owned the partition.
    pub(super) fn reset(
        &mut self,
        key: &OffsetKey,
        epoch: Option<i64>,
        position: &Position,
        (born_at, now): (ClusterTime, DateTime),
    ) -> Result<bool> {
        if self.load(key)?.map(|offset| offset.epoch) != epoch {
            return Ok(false);
        }
        let document = self.documents.entry(key.clone()).or_insert_with(|| {
            let mut document = new_document(key, now);
            document.insert(BORN_AT, Timestamp::from(born_at));
            document
        });
        document.extend(reset_fields(position, epoch));
        for field in RESET_FORGETS {
            document.remove(field);
        }
        apply(document, &doc! { "$inc": { "revision": 1_i64 } });
        document.insert("timestamp", now);
        Ok(true)
    }

    /// Makes a document again that was deleted.
    pub(super) fn restore(
        &mut self,
        claim: &Claim,
        checkpoint: &Checkpoint,
        born_at: ClusterTime,
        now: DateTime,
    ) -> CommitOutcome {
        match self.documents.entry(claim.key.clone()) {
            Entry::Occupied(_) => CommitOutcome::Fenced,
            Entry::Vacant(vacant) => {
                let document = vacant.insert(restored(claim, checkpoint, now));
                document.insert(BORN_AT, Timestamp::from(born_at));
                CommitOutcome::Committed
            }
        }
    }

    /// Partitions of an owner whose `offset` is later than what an owner has stored.
    pub(super) fn unfenced_writes(&self, group_id: &str, topic: &str, owner: &str) -> Vec<u32> {
        self.partitions_of(group_id, topic, owner, |document| {
            let text =
                |field, inner| document.get_document(field).and_then(|field| field.get_str(inner)).ok();
            text("offset", "_data") > text("position", "token")
        })
    }

    pub(super) fn owned_partitions(&self, group_id: &str, topic: &str, owner: &str) -> Vec<u32> {
        self.partitions_of(group_id, topic, owner, |_| true)
    }

    fn partitions_of(
        &self,
        group_id: &str,
        topic: &str,
        owner: &str,
        is_meant: impl Fn(&Document) -> bool,
    ) -> Vec<u32> {
        let found = self.documents.iter().filter(|(key, document)| {
            key.group_id == group_id
                && key.topic == topic
                && document.get_str("owner").is_ok_and(|stored| stored == owner)
                && is_meant(document)
        });
        let mut partitions: Vec<_> = found.map(|(key, _)| key.partition).collect();
        partitions.sort_unstable();
        partitions
    }

    pub(super) fn delete(&mut self, key: &OffsetKey) {
        self.documents.remove(key);
    }

    pub(super) fn commit(&mut self, claim: &Claim, checkpoint: &Checkpoint, now: DateTime) -> CommitOutcome {
        let outcome = self.change_if_held(claim, &checkpoint_update(checkpoint));
        if outcome == CommitOutcome::Committed
            && let Some(document) = self.documents.get_mut(&claim.key)
        {
            document.insert("timestamp", now);
        }
        outcome
    }

    pub(super) fn record_attempts(&mut self, claim: &Claim, attempts: &[MessageAttempts]) -> CommitOutcome {
        self.change_if_held(claim, &attempts_update(attempts))
    }

    pub(super) fn forget_unclean_ends(&mut self, claim: &Claim) -> CommitOutcome {
        self.change_if_held(claim, &doc! { "$set": { "uncleanEnds": 1_i64 } })
    }

    /// Numbers the document with this claim, and returns it.
    pub(super) fn settle(&mut self, claim: &Claim) -> Result<Option<StoredOffset>> {
        match self.change_if_held(claim, &Document::new()) {
            CommitOutcome::Committed => self.load(&claim.key),
            CommitOutcome::Fenced => Ok(None),
        }
    }

    /// Takes the owner off. The epoch and the position stay. The last write: none of this owner overtakes it.
    pub(super) fn release(&mut self, claim: &Claim, unclean_ends: u32) -> CommitOutcome {
        let Some(document) = self.documents.get_mut(&claim.key).filter(|document| is_owner(document, claim))
        else {
            return CommitOutcome::Fenced;
        };
        document.extend(doc! { "owner": Bson::Null, "uncleanEnds": i64::from(unclean_ends) });
        CommitOutcome::Committed
    }

    /// The offsets of a group, newest first.
    pub(super) fn list(&self, group_id: &str) -> Result<Vec<OffsetRecord>> {
        let of_group = self.documents.iter().filter(|(key, _)| key.group_id == group_id);
        let mut records =
            of_group.map(|(_, document)| decode_record(document)).collect::<Result<Vec<_>>>()?;
        records.sort_by_key(|record| std::cmp::Reverse(record.timestamp));
        Ok(records)
    }

    pub(super) fn read_record(&self, key: &OffsetKey) -> Result<Option<OffsetRecord>> {
        self.documents.get(key).map(decode_record).transpose()
    }

    /// Sets an offset whoever owns the partition. It replaces our position, also when that is later.
    pub(super) fn write_record(&mut self, record: &OffsetRecord, now: DateTime) {
        let document =
            self.documents.entry(record.key.clone()).or_insert_with(|| new_document(&record.key, now));
        document.extend(record_fields(record));
        document.remove("position");
        document.remove("finishedAhead");
    }

    fn change_if_held(&mut self, claim: &Claim, update: &Document) -> CommitOutcome {
        let Some(document) = self.documents.get_mut(&claim.key) else { return CommitOutcome::Fenced };
        let is_overtaken = document.get_i64("revision").is_ok_and(|stored| stored > claim.revision);
        if !is_owner(document, claim) || is_overtaken {
            return CommitOutcome::Fenced;
        }
        apply(document, &numbered(update.clone(), claim));
        CommitOutcome::Committed
    }
}

fn is_owner(document: &Document, claim: &Claim) -> bool {
    let (owner, epoch) = (document.get_str("owner").ok(), document.get_i64("epoch").ok());
    owner == Some(&claim.owner) && epoch == Some(claim.epoch)
}

fn new_document(key: &OffsetKey, now: DateTime) -> Document {
    let mut document = key_fields(key);
    document.extend(doc! { "offset": Bson::Null, "timestamp": now, "createdAt": now });
    document
}

/// What the server does with an update of these operators on top-level fields.
fn apply(document: &mut Document, update: &Document) {
    let fields = |operator| update.get_document(operator).into_iter().flatten();
    for (name, value) in fields("$set") {
        document.insert(name, value.clone());
    }
    for (name, _) in fields("$unset") {
        document.remove(name);
    }
    for (name, value) in fields("$max") {
        // Tokens, or nothing.
        let token = |value: Option<&Bson>| value?.as_document()?.get_str("_data").ok().map(str::to_owned);
        if token(document.get(name)) < token(Some(value)) {
            document.insert(name, value.clone());
        }
    }
    for (name, step) in fields("$inc") {
        let value = document.get_i64(name).unwrap_or_default() + step.as_i64().unwrap_or_default();
        document.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::position::Position;
    use crate::error_code::ErrorCode;
    use crate::feed::stream_token::StreamToken;

    const BORN: ClusterTime = ClusterTime { seconds: 1, increment: 1 };
    const EARLY: &str = "826B04662D000000062B0229296E04";
    const LATE: &str = "826B04662E000000062B0229296E04";

    fn key(partition: u32) -> OffsetKey {
        OffsetKey { group_id: "g".into(), topic: "t".into(), partition }
    }

    fn now(unix_millis: i64) -> DateTime {
        DateTime::from_millis(unix_millis)
    }

    fn after(token: &str) -> Position {
        Position::behind(StreamToken::parse(token).expect("a token"))
    }

    fn claim(table: &mut OffsetTable, owner: &str) -> Claim {
        let epoch = table.load(&key(0)).expect("loads").map(|offset| offset.epoch);
        let offset = table.claim_after(&key(0), (owner, epoch), BORN, now(1)).expect("claims");
        Claim::of(&offset.expect("nobody else claims")).expect("an owner")
    }

    fn commit(table: &mut OffsetTable, claim: &Claim, position: &Position) -> CommitOutcome {
        table.commit(claim, &position.clone().into(), now(9))
    }

    fn position(table: &OffsetTable) -> Option<Position> {
        table.load(&key(0)).expect("loads").expect("is there").position
    }

    fn record(partition: u32, data: &str, unix_millis: i64) -> OffsetRecord {
        let offset = Bson::from(doc! { "_data": data });
        OffsetRecord { key: key(partition), offset, timestamp: now(unix_millis) }
    }

    #[test]
    fn only_the_owner_of_the_current_epoch_commits() {
        let mut table = OffsetTable::default();
        let first = claim(&mut table, "a");
        assert_eq!(commit(&mut table, &first, &after(EARLY)), CommitOutcome::Committed);
        let second = claim(&mut table, "b");
        assert_eq!((first.epoch, second.epoch), (1, 2));

        assert_eq!(commit(&mut table, &first, &after(LATE)), CommitOutcome::Fenced);
        assert_eq!(table.release(&first, 0), CommitOutcome::Fenced);
        let other_owner = Claim { owner: "a".into(), ..second.clone() };
        assert_eq!(commit(&mut table, &other_owner, &after(LATE)), CommitOutcome::Fenced);
        assert_eq!(position(&table), Some(after(EARLY)));

        assert_eq!(table.release(&second, 0), CommitOutcome::Committed);
        assert_eq!(commit(&mut table, &second, &after(LATE)), CommitOutcome::Fenced);
        let third = claim(&mut table, "b");
        assert_eq!(third.epoch, 3);
        assert_eq!(position(&table), Some(after(EARLY)));
    }

    #[test]
    fn a_commit_without_a_document_is_fenced() {
        let mut table = OffsetTable::default();
        let stranger = Claim { key: key(0), owner: "a".into(), epoch: 1, revision: 1 };
        assert_eq!(commit(&mut table, &stranger, &after(EARLY)), CommitOutcome::Fenced);
        assert!(table.load(&key(0)).expect("loads").is_none());
    }

    #[test]
    fn a_written_record_replaces_the_position_also_backwards() {
        let mut table = OffsetTable::default();
        let owner = claim(&mut table, "a");
        assert_eq!(commit(&mut table, &owner, &after(LATE)), CommitOutcome::Committed);
        table.write_record(&record(0, EARLY, 5), now(5));
        assert_eq!(position(&table), Some(after(EARLY)));
        assert_eq!(table.read_record(&key(0)).expect("reads"), Some(record(0, EARLY, 5)));
        assert_eq!(commit(&mut table, &owner, &after(LATE)), CommitOutcome::Committed);
    }

    #[test]
    fn an_unusable_offset_is_refused_and_left_as_it_is() {
        let mut table = OffsetTable::default();
        table.write_record(&record(0, "rubbish", 1), now(1));
        let before = table.documents.clone();
        for error in
            [table.load(&key(0)).map(drop), table.claim_after(&key(0), ("a", None), BORN, now(2)).map(drop)]
        {
            assert_eq!(error.expect_err("is refused").code(), ErrorCode::BadOffset);
        }
        assert_eq!(table.documents, before);
        table.write_record(&record(0, LATE, 3), now(3));
        assert_eq!(position(&table), Some(after(LATE)));
    }

    #[test]
    fn lists_one_group_newest_first() {
        let mut table = OffsetTable::default();
        for (partition, at) in [(0, 5), (1, 9), (2, 7)] {
            table.write_record(&record(partition, LATE, at), now(at));
        }
        let mut foreign = record(0, LATE, 8);
        foreign.key.group_id = "other".into();
        table.write_record(&foreign, now(8));
        let partitions: Vec<_> =
            table.list("g").expect("lists").iter().map(|record| record.key.partition).collect();
        assert_eq!(partitions, [1, 2, 0]);
    }
}
