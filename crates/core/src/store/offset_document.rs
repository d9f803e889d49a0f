//! The documents of `consumer_offsets`: 1.4.2's fields, and ours beside them. Pure.
//!
//! | field | meaning |
//! | --- | --- |
//! | `groupId`, `topic`, `partition` | the key, unique |
//! | `offset` | 1.4.2's resume token `{_data}`; `null` while our position has no form that 1.4.2 could resume from |
//! | `timestamp`, `createdAt` | Dates of the last commit and of the document |
//! | `owner` | who may commit: a string, or `null` |
//! | `epoch` | Int64 that grows with every change of the owner |
//! | `revision` | Int64 that grows with every write of ours |
//! | `position` | `{token}`, or `{history: {stage, after}, until}` |
//! | `finishedAhead` | ids of messages behind the position that are finished too; absent without |
//! | `attempts` | `[{id, errors: [{name, message, at}], forgotten, inFlight}]` of unfinished messages; absent without |
//! | `uncleanEnds` | owners since the last release: 1 is the present one |

use bson::{Bson, DateTime, Document, Timestamp, doc};

use crate::consumer::checkpoint::Checkpoint;
use crate::consumer::position::{HistoryPosition, HistoryProgress, Position};
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::feed::stream_token::StreamToken;
use crate::store::attempts_document;
use crate::store::contract::{OffsetKey, OffsetRecord, StoredOffset};

const UNSTAMPED: &str = "unstamped";
const STAMPED: &str = "stamped";

/// The fields that name an offset document: its filter, and what an upsert inserts.
pub fn key_fields(key: &OffsetKey) -> Document {
    doc! { "groupId": &key.group_id, "topic": &key.topic, "partition": key.partition }
}

/// The update that stores a checkpoint, without its date.
pub fn checkpoint_update(checkpoint: &Checkpoint) -> Document {
    let mut set = position_fields(&checkpoint.position);
    let mut update = doc! { "$inc": { "revision": 1_i64 } };
    if checkpoint.finished_ahead.is_empty() {
        update.insert("$unset", doc! { "finishedAhead": "" });
    } else {
        set.insert("finishedAhead", checkpoint.finished_ahead.clone());
    }
    update.insert("$set", set);
    update
}

/// The values of `offset` and `position` that store a position. `offset` is what 1.4.2 can resume from: a token
/// that the server made, else `null`.
pub fn position_fields(position: &Position) -> Document {
    let offset = match position {
        Position::Stream { after } if !after.is_synthetic() => {
            Bson::Document(doc! { "_data": after.as_str() })
        }
        Position::Stream { .. } | Position::History(_) => Bson::Null,
    };
    doc! { "offset": offset, "position": encode_position(position) }
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

fn encode_position(position: &Position) -> Document {
    match position {
        Position::Stream { after } => doc! { "token": after.as_str() },
        Position::History(HistoryPosition { finished, until }) => {
            let history = match finished {
                HistoryProgress::Unstamped { after } => doc! { "stage": UNSTAMPED, "after": after.clone() },
                HistoryProgress::Stamped { after } => {
                    doc! { "stage": STAMPED, "after": Timestamp::from(*after) }
                }
            };
            doc! { "history": history, "until": Timestamp::from(*until) }
        }
    }
}

fn parse_position(value: &Bson) -> Option<Position> {
    let document = value.as_document()?;
    if let Some(token) = document.get("token") {
        return Some(Position::Stream { after: StreamToken::parse(token.as_str()?)? });
    }
    let history = document.get("history")?.as_document()?;
    let after = history.get("after").filter(|after| !matches!(after, Bson::Null));
    let finished = match history.get("stage")?.as_str()? {
        UNSTAMPED => HistoryProgress::Unstamped { after: after.cloned() },
        STAMPED => HistoryProgress::Stamped { after: after?.as_timestamp()?.into() },
        _ => return None,
    };
    Some(Position::History(HistoryPosition {
        finished,
        until: document.get("until")?.as_timestamp()?.into(),
    }))
}

/// Which of both forms counts. In a fleet of both versions either may have written last, and 1.4.2 leaves
/// `position` as it was; so the later place wins, and nothing ever goes back.
fn decode_position(document: &Document, key: &OffsetKey) -> Result<Option<Position>> {
    let offset = document.get("offset").filter(|value| !matches!(value, Bson::Null | Bson::Undefined));
    let token = offset.and_then(parse_offset);
    let position = match document.get("position") {
        None | Some(Bson::Null) => None,
        Some(value) => Some(parse_position(value).ok_or_else(|| damaged(key, "position"))?),
    };
    match (position, token) {
        (Some(position), Some(token)) if is_later(&token, &position) => {
            Ok(Some(Position::Stream { after: token }))
        }
        (Some(position), _) => Ok(Some(position)),
        (None, Some(token)) => Ok(Some(Position::Stream { after: token })),
        (None, None) if offset.is_some() => Err(not_resumable(key)),
        (None, None) => Ok(None),
    }
}

fn parse_offset(offset: &Bson) -> Option<StreamToken> {
    StreamToken::parse(offset.as_document()?.get("_data")?.as_str()?)
}

fn is_later(token: &StreamToken, position: &Position) -> bool {
    match position {
        Position::Stream { after } => token > after,
        Position::History(history) => token.cluster_time() > history.until,
    }
}

fn decode_key(document: &Document) -> Result<OffsetKey> {
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
            "the stored offset of {key} is no resume token: version 1.4.2 left a position that the server cannot \
             resume from. Delete this document of `consumer_offsets`, or set the offset with \
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
