//! A position as it is stored in an offset document, by us (`position`) and by 1.4.2 (`offset`). Pure.
//!
//! | form of `position` | meaning |
//! | --- | --- |
//! | `{token, historyUntil?, doubtfulUntil?}` | in the stream, behind this token |
//! | `{history: {stage, after}, until, behind?, snapshot?, doubtfulUntil?}` | in the stored messages |

use bson::oid::ObjectId;
use bson::{Bson, Document, Timestamp, doc};

use crate::consumer::position::{
    HistoryPosition, HistoryProgress, LARGEST_CLOCK_ERROR_SECONDS, Position, StreamPosition,
};
use crate::feed::stream_token::{ClusterTime, StreamToken};

const UNSTAMPED: &str = "unstamped";
const STAMPED: &str = "stamped";
/// 1.4.2 stored this and an id for what it had read with `fromBeginning`.
const HISTORICAL: &str = "historical_";

/// The values of `offset` and `position` that store a position. `offset` is what 1.4.2 can resume from: a token
/// that the server made, else `null`.
pub fn position_fields(position: &Position) -> Document {
    let offset = match position.stream_token() {
        Some(after) if !after.is_synthetic() => Bson::Document(doc! { "_data": after.as_str() }),
        _ => Bson::Null,
    };
    let position = match position {
        Position::Stream(stream) => encode_stream(stream),
        Position::History(history) => encode_history(history),
    };
    doc! { "offset": offset, "position": position }
}

fn encode_stream(stream: &StreamPosition) -> Document {
    let mut document = doc! { "token": stream.after.as_str() };
    insert_time(&mut document, "historyUntil", stream.history_until);
    insert_time(&mut document, "doubtfulUntil", stream.doubtful_until);
    document
}

fn encode_history(history: &HistoryPosition) -> Document {
    let progress = match &history.finished {
        HistoryProgress::Unstamped { after } => doc! { "stage": UNSTAMPED, "after": after.clone() },
        HistoryProgress::Stamped { after } => doc! { "stage": STAMPED, "after": Timestamp::from(*after) },
    };
    let mut document = doc! { "history": progress, "until": Timestamp::from(history.until) };
    let behind = Some(history.behind).filter(|behind| *behind > ClusterTime::default());
    insert_time(&mut document, "behind", behind);
    if history.snapshot {
        document.insert("snapshot", true);
    }
    insert_time(&mut document, "doubtfulUntil", history.doubtful_until);
    document
}

fn insert_time(document: &mut Document, field: &str, time: Option<ClusterTime>) {
    if let Some(time) = time {
        document.insert(field, Timestamp::from(time));
    }
}

/// Reads `position`. `None` if it is damaged.
pub(super) fn parse_position(value: &Bson) -> Option<Position> {
    let document = value.as_document()?;
    if let Some(token) = document.get("token") {
        return Some(Position::Stream(StreamPosition {
            after: StreamToken::parse(token.as_str()?)?,
            history_until: parse_time(document, "historyUntil")?,
            doubtful_until: parse_time(document, "doubtfulUntil")?,
        }));
    }
    let history = document.get("history")?.as_document()?;
    let after = history.get("after").filter(|after| !matches!(after, Bson::Null));
    let finished = match history.get("stage")?.as_str()? {
        UNSTAMPED => HistoryProgress::Unstamped { after: after.cloned() },
        STAMPED => HistoryProgress::Stamped { after: after?.as_timestamp()?.into() },
        _ => return None,
    };
    let snapshot = match document.get("snapshot") {
        None => false,
        Some(snapshot) => snapshot.as_bool()?,
    };
    Some(Position::History(HistoryPosition {
        behind: parse_time(document, "behind")?.unwrap_or_default(),
        finished,
        until: parse_time(document, "until")??,
        snapshot,
        doubtful_until: parse_time(document, "doubtfulUntil")?,
    }))
}

/// The outer `None` means that the field is damaged, the inner one that it is absent.
#[expect(clippy::option_option, reason = "the two are different")]
fn parse_time(document: &Document, field: &str) -> Option<Option<ClusterTime>> {
    match document.get(field) {
        None | Some(Bson::Null) => Some(None),
        Some(value) => value.as_timestamp().map(|time| Some(time.into())),
    }
}

/// Reads `offset`. `None` if it is nothing that can be resumed from.
pub(super) fn parse_offset(offset: &Bson) -> Option<Position> {
    let data = offset.as_document()?.get("_data")?.as_str()?;
    match data.strip_prefix(HISTORICAL) {
        Some(id) => Some(Position::History(behind_historical(id))),
        None => Some(Position::behind(StreamToken::parse(data)?)),
    }
}

/// 1.4.2 read all messages in the order of their ids, this one last. Its time says when it was made, by its producer's
/// clock; what was stamped around then may have been handled. An id of another kind says nothing at all.
fn behind_historical(id: &str) -> HistoryPosition {
    let made_at = ObjectId::parse_str(id).ok().map(|id| id.timestamp().timestamp_millis() / 1000);
    let made_at = made_at.and_then(|seconds| u32::try_from(seconds).ok());
    let at = |seconds| ClusterTime { seconds, increment: 0 };
    let (behind, doubtful_until) = match made_at {
        Some(made_at) => (
            at(made_at.saturating_sub(LARGEST_CLOCK_ERROR_SECONDS)),
            at(made_at.saturating_add(LARGEST_CLOCK_ERROR_SECONDS)),
        ),
        None => (ClusterTime::default(), at(u32::MAX)),
    };
    HistoryPosition {
        behind,
        finished: HistoryProgress::Unstamped { after: None },
        until: behind,
        snapshot: false,
        doubtful_until: Some(doubtful_until),
    }
}

/// Which of both forms counts. In a fleet of both versions either may have written last, and 1.4.2 leaves `position`
/// as it was; so the later place wins, and nothing ever goes back.
pub(super) fn later(position: Position, offset: Option<Position>) -> Position {
    match (position, offset) {
        (Position::Stream(stream), Some(Position::Stream(offset))) if offset.after > stream.after => {
            Position::Stream(stream.at(offset.after))
        }
        (Position::History(history), Some(Position::Stream(offset)))
            if offset.after.cluster_time() > history.until =>
        {
            Position::Stream(offset)
        }
        (position, _) => position,
    }
}
