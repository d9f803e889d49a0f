//! The documents of `consumer_offsets`: 1.4.2's fields, and ours beside them. Pure.
//!
//! | field | meaning |
//! | --- | --- |
//! | `groupId`, `topic`, `partition` | the key, unique |
//! | `offset` | 1.4.2's resume token `{_data}`; `null` while our position has no form that 1.4.2 could resume from |
//! | `timestamp`, `createdAt` | Dates of the last commit and of the document |
//! | `bornAt` | Timestamp, the deployment's time when the document was made; 1.4.2 has none |
//! | `owner` | who may commit: a string, or `null` |
//! | `epoch` | Int64 that grows with every change of the owner |
//! | `revision` | Int64 that grows with every write of an owner |
//! | `position` | see [`position_document`](super::position_document) |
//! | `finishedAhead` | ids of messages behind the position that are finished too; absent without |
//! | `attempts` | `[{id, errors: [{name, message, at}], forgotten, inFlight}]` of unfinished messages; absent without |
//! | `uncleanEnds` | owners since the last release: 1 is the present one |

use bson::{Bson, DateTime, Document, Timestamp, doc};

use super::position_document::{later, parse_offset, parse_position, position_fields};
use crate::consumer::checkpoint::Checkpoint;
use crate::consumer::position::{LARGEST_CLOCK_ERROR_SECONDS, Position};
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::feed::stream_token::ClusterTime;
use crate::store::attempts_document;
use crate::store::contract::{Claim, OffsetKey, OffsetRecord, StoredOffset};

/// When the document was made, by the deployment's time.
pub const BORN_AT: &str = "bornAt";

/// The fields that name an offset document: its filter, and what an upsert inserts.
pub fn key_fields(key: &OffsetKey) -> Document {
    doc! { "groupId": &key.group_id, "topic": &key.topic, "partition": key.partition }
}

/// The update that stores a checkpoint, without its date.
pub fn checkpoint_update(checkpoint: &Checkpoint) -> Document {
    let mut set = position_fields(&checkpoint.position);
    let mut update = Document::new();
    if let Position::Stream(_) = &checkpoint.position {
        // 1.4.2 writes it too, without asking: what it has stored is not taken back. An object is greater than null.
        if let Some(offset @ Bson::Document(_)) = set.remove("offset") {
            update.insert("$max", doc! { "offset": offset });
        }
    }
    if checkpoint.finished_ahead.is_empty() {
        update.insert("$unset", doc! { "finishedAhead": "" });
    } else {
        set.insert("finishedAhead", checkpoint.finished_ahead.clone());
    }
    update.insert("$set", set);
    update
}

/// What a reset sets: the position, nobody as owner, and the epoch behind this one. [`RESET_FORGETS`] goes with it.
pub fn reset_fields(position: &Position, epoch: Option<i64>) -> Document {
    let mut set = position_fields(position);
    set.extend(doc! { "owner": Bson::Null, "epoch": epoch.unwrap_or_default() + 1, "uncleanEnds": 0_i64 });
    set
}

/// What was known besides the position.
pub const RESET_FORGETS: [&str; 2] = ["finishedAhead", "attempts"];

/// The same update as the write of this claim.
#[must_use]
pub fn numbered(mut update: Document, claim: &Claim) -> Document {
    let set = update.entry("$set".to_owned()).or_insert_with(|| Document::new().into());
    if let Bson::Document(set) = set {
        set.insert("revision", claim.revision);
    }
    update
}

/// The document in place of one that has been deleted, with the claim of the member that owned it. The server fills in
/// the empty Timestamp.
pub fn restored(claim: &Claim, checkpoint: &Checkpoint, now: DateTime) -> Document {
    let mut document = key_fields(&claim.key);
    document.extend(position_fields(&checkpoint.position));
    document.extend(doc! {
        "owner": &claim.owner, "epoch": claim.epoch, "revision": claim.revision, "uncleanEnds": 1_i64,
        "createdAt": now, "timestamp": now, BORN_AT: Timestamp { time: 0, increment: 0 },
    });
    if !checkpoint.finished_ahead.is_empty() {
        document.insert("finishedAhead", checkpoint.finished_ahead.clone());
    }
    document
}

/// Since when a group has been reading what this document is about, by the deployment's time; `None` if it has not
/// begun. Documents of 1.4.2 carry the time of their member's clock.
pub fn birth(document: &Document) -> Option<ClusterTime> {
    let has_begun = |field| !matches!(document.get(field), None | Some(Bson::Null | Bson::Undefined));
    if !has_begun("position") && !has_begun("offset") {
        return None;
    }
    if let Some(Bson::Timestamp(born_at)) = document.get(BORN_AT) {
        return Some((*born_at).into());
    }
    let created_at =
        document.get("createdAt").and_then(Bson::as_datetime).map_or(0, |date| date.timestamp_millis());
    let seconds = u32::try_from(created_at / 1000).unwrap_or_default();
    Some(ClusterTime { seconds, increment: 0 }.minus_seconds(LARGEST_CLOCK_ERROR_SECONDS))
}

/// The fields that [`Store::write_offset_record`](crate::store::contract::Store::write_offset_record) sets. It also
/// has to remove `position`, which would otherwise win over an older offset.
pub fn record_fields(record: &OffsetRecord) -> Document {
    let mut fields = key_fields(&record.key);
    fields.extend(doc! { "offset": record.offset.clone(), "timestamp": record.timestamp });
    fields
}

/// Reads an offset document, whichever version wrote it.
///
/// Fails with `ERR_CSB_BAD_OFFSET` when resuming is impossible: the document is damaged, or 1.4.2 left something
/// that is no resume token and there is no position of ours.
pub fn decode(document: &Document) -> Result<StoredOffset> {
    let key = decode_key(document)?;
    let owner = match document.get("owner") {
        None | Some(Bson::Null) => None,
        Some(Bson::String(owner)) => Some(owner.clone()),
        Some(_) => return Err(damaged(&key, "owner")),
    };
    let epoch = match document.get("epoch") {
        None | Some(Bson::Null) => 0,
        Some(value) => integer(value).ok_or_else(|| damaged(&key, "epoch"))?,
    };
    let revision = match document.get("revision") {
        None | Some(Bson::Null) => 0,
        Some(value) => integer(value).ok_or_else(|| damaged(&key, "revision"))?,
    };
    let finished_ahead = match document.get("finishedAhead") {
        None | Some(Bson::Null) => Vec::new(),
        Some(Bson::Array(ids)) => ids.clone(),
        Some(_) => return Err(damaged(&key, "finishedAhead")),
    };
    let attempts = attempts_document::decode(document).ok_or_else(|| damaged(&key, "attempts"))?;
    let ends = document.get("uncleanEnds").and_then(integer).unwrap_or_default();
    Ok(StoredOffset {
        position: decode_position(document, &key)?,
        finished_ahead,
        attempts,
        unclean_ends: u32::try_from(ends.saturating_sub(1)).unwrap_or_default(),
        key,
        owner,
        epoch,
        revision,
    })
}

/// Reads an offset document in the form that 1.4.2 shows. A document without a date counts as the oldest.
pub fn decode_record(document: &Document) -> Result<OffsetRecord> {
    let date = |field| document.get(field).and_then(Bson::as_datetime).copied();
    Ok(OffsetRecord {
        key: decode_key(document)?,
        offset: document.get("offset").cloned().unwrap_or(Bson::Null),
        timestamp: date("timestamp").or_else(|| date("createdAt")).unwrap_or(DateTime::from_millis(0)),
    })
}

fn decode_position(document: &Document, key: &OffsetKey) -> Result<Option<Position>> {
    let offset = document.get("offset").filter(|value| !matches!(value, Bson::Null | Bson::Undefined));
    let resumable = offset.and_then(parse_offset);
    match document.get("position") {
        None | Some(Bson::Null) if offset.is_some() && resumable.is_none() => Err(not_resumable(key)),
        None | Some(Bson::Null) => Ok(resumable),
        Some(position) => {
            let position = parse_position(position).ok_or_else(|| damaged(key, "position"))?;
            Ok(Some(later(position, resumable)))
        }
    }
}

/// Which document it is.
pub fn decode_key(document: &Document) -> Result<OffsetKey> {
    let text = |field| document.get(field).and_then(Bson::as_str).map(str::to_owned);
    let partition = document.get("partition").and_then(integer).and_then(|number| u32::try_from(number).ok());
    match (text("groupId"), text("topic"), partition) {
        (Some(group_id), Some(topic), Some(partition)) => Ok(OffsetKey { group_id, topic, partition }),
        _ => Err(Error::new(
            ErrorCode::BadOffset,
            "a document of `consumer_offsets` lacks a valid groupId, topic or partition; delete it",
        )),
    }
}

/// JavaScript writes a whole number as Int32 or as Double, we write Int64.
fn integer(value: &Bson) -> Option<i64> {
    match value {
        Bson::Int32(number) => Some(i64::from(*number)),
        Bson::Int64(number) => Some(*number),
        Bson::Double(number) if number.fract() == 0.0 && number.abs() <= LARGEST_EXACT =>
        {
            #[expect(clippy::cast_possible_truncation, reason = "a whole number within the exact range")]
            Some(*number as i64)
        }
        _ => None,
    }
}

/// Up to here a Double holds every whole number (2^53).
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

fn not_resumable(key: &OffsetKey) -> Error {
    bad_offset(
        key,
        format!(
            "the stored offset of {key} is nothing that can be resumed from. Delete this document of `consumer_offsets`, or set the offset with \
             OffsetStorage.commitOffset"
        ),
    )
}

fn damaged(key: &OffsetKey, field: &str) -> Error {
    bad_offset(
        key,
        format!(
            "the stored offset of {key} has an invalid field `{field}`. Delete this document of \
             `consumer_offsets`, or set the offset with OffsetStorage.commitOffset"
        ),
    )
}

fn bad_offset(key: &OffsetKey, message: String) -> Error {
    Error::new(ErrorCode::BadOffset, message)
        .in_group(&key.group_id)
        .on_topic(&key.topic)
        .on_partition(key.partition)
}

#[cfg(test)]
mod tests;
