//! The documents of `dead_letters`. Pure.
//!
//! | field | meaning |
//! | --- | --- |
//! | `_id` | `{groupId, topic, partition, messageId}` |
//! | `groupId`, `topic`, `partition` | the same, for indexes |
//! | `message` | the stored message, whole; absent beyond 15 MiB |
//! | `offset` | `{_data}`, its place in the stream, or `null` |
//! | `place` | text that orders letters as their messages; absent for those that come first |
//! | `attempts`, `errors` | how many failed; the newest of them, oldest first: `{name, message, stack, at}` |
//! | `deadAt` | when the group gave up first |
//! | `expiresAt` | when it is deleted; absent: never |
//! | `redrives` | how many redrives failed; absent: none |
//! | `redrive` | `{id, requestedAt, notBefore, owner, epoch, interruptions, expiresAt}` while one is pending |

use bson::raw::cstr;
use bson::{Bson, DateTime, Document, RawBsonRef, RawDocument, RawDocumentBuf, doc};

use crate::dead_letter::{FailedAttempt, HandlerError, LetterHolder, LetterId, RedriveMark, StoredLetter};
use crate::error::{Error, Result};
use crate::feed::stream_token::StreamToken;
use crate::store::contract::OffsetKey;

/// `_id` of a letter's document.
pub fn encode_id(id: &LetterId) -> Document {
    doc! {
        "groupId": &id.key.group_id,
        "topic": &id.key.topic,
        "partition": id.key.partition,
        "messageId": &id.message_id,
    }
}

/// The document of a letter without a mark. The message goes in as it is: one that cannot be read is buried, too.
pub fn encode(letter: &StoredLetter) -> Result<RawDocumentBuf> {
    let key = &letter.id.key;
    let mut fields = doc! {
        "_id": encode_id(&letter.id),
        "groupId": &key.group_id,
        "topic": &key.topic,
        "partition": key.partition,
        "offset": letter.token.as_ref().map(|token| doc! { "_data": token.as_str() }),
        "deadAt": letter.dead_at,
    };
    if let Some(place) = &letter.place {
        fields.insert("place", place.as_str());
    }
    fields.extend(outcome_fields(letter));
    let mut document = RawDocumentBuf::try_from(&fields)
        .map_err(|error| Error::internal("a dead letter cannot be encoded").caused_by(error))?;
    if let Some(message) = &letter.message {
        document.append(cstr!("message"), RawBsonRef::Document(message));
    }
    Ok(document)
}

/// The fields that a failed redrive changes. Those that are not among them but were before are to be removed:
/// `expiresAt`, `redrive`.
pub fn outcome_fields(letter: &StoredLetter) -> Document {
    let mut fields = doc! {
        "attempts": letter.attempts,
        "errors": letter.errors.iter().map(encode_error).collect::<Vec<_>>(),
    };
    if letter.redrives > 0 {
        fields.insert("redrives", letter.redrives);
    }
    if let Some(expires_at) = letter.expires_at {
        fields.insert("expiresAt", expires_at);
    }
    fields
}

fn encode_error(attempt: &FailedAttempt) -> Document {
    let HandlerError { name, message, stack } = &attempt.error;
    doc! { "name": name, "message": message, "stack": stack.as_deref(), "at": attempt.at }
}

/// Reads a letter. Only what names it has to be there.
pub fn decode(document: &RawDocument) -> Result<StoredLetter> {
    let mut fields = Document::new();
    let mut message = None;
    for element in document {
        let (name, value) = element.map_err(|_| damaged())?;
        match (name.as_str(), value) {
            ("message", RawBsonRef::Document(stored)) => message = Some(stored.to_owned()),
            (name, value) => _ = fields.insert(name, Bson::try_from(value).map_err(|_| damaged())?),
        }
    }
    let id = fields.get_document("_id").ok().and_then(decode_id).ok_or_else(damaged)?;
    let token = fields.get_document("offset").ok().and_then(|offset| token_of(offset, "_data"));
    Ok(StoredLetter {
        id,
        message,
        token,
        place: token_of(&fields, "place"),
        attempts: count(&fields, "attempts"),
        errors: fields
            .get_array("errors")
            .map(|errors| errors.iter().filter_map(decode_error).collect())
            .unwrap_or_default(),
        dead_at: date(&fields, "deadAt").unwrap_or(DateTime::from_millis(0)),
        expires_at: date(&fields, "expiresAt"),
        redrives: count(&fields, "redrives"),
        redrive: fields.get_document("redrive").ok().and_then(decode_mark),
    })
}

/// Reads the `_id` of a letter's document.
pub fn decode_id(id: &Document) -> Option<LetterId> {
    let key = OffsetKey {
        group_id: id.get_str("groupId").ok()?.to_owned(),
        topic: id.get_str("topic").ok()?.to_owned(),
        partition: u32::try_from(integer(id.get("partition")?)?).ok()?,
    };
    Some(LetterId { key, message_id: id.get("messageId")?.clone() })
}

/// Reads a mark.
pub fn decode_mark(mark: &Document) -> Option<RedriveMark> {
    let requested_at = date(mark, "requestedAt")?;
    Some(RedriveMark {
        id: mark.get_str("id").ok()?.to_owned(),
        requested_at,
        not_before: date(mark, "notBefore").unwrap_or(requested_at),
        holder: mark.get("epoch").and_then(integer).map(|epoch| {
            let owner = mark.get_str("owner").unwrap_or_default().to_owned();
            LetterHolder { owner, epoch }
        }),
        interruptions: count(mark, "interruptions"),
        expires_at: date(mark, "expiresAt"),
    })
}

fn decode_error(value: &Bson) -> Option<FailedAttempt> {
    let fields = value.as_document()?;
    let text = |name| fields.get_str(name).ok().map(str::to_owned);
    let error = HandlerError {
        name: text("name").unwrap_or_default(),
        message: text("message").unwrap_or_default(),
        stack: text("stack"),
    };
    Some(FailedAttempt { error, at: date(fields, "at")? })
}

fn token_of(fields: &Document, name: &str) -> Option<StreamToken> {
    StreamToken::parse(fields.get_str(name).ok()?)
}

fn date(fields: &Document, name: &str) -> Option<DateTime> {
    fields.get_datetime(name).ok().copied()
}

fn count(fields: &Document, name: &str) -> u32 {
    let value = fields.get(name).and_then(integer).unwrap_or_default();
    u32::try_from(value).unwrap_or(if value < 0 { 0 } else { u32::MAX })
}

fn integer(value: &Bson) -> Option<i64> {
    match value {
        Bson::Int32(number) => Some(i64::from(*number)),
        Bson::Int64(number) => Some(*number),
        _ => None,
    }
}

fn damaged() -> Error {
    Error::internal(
        "a document of `dead_letters` cannot be read: its _id is not {groupId, topic, partition, messageId}, or a \
         field of it is broken; delete it",
    )
}

#[cfg(test)]
mod tests {
    use bson::rawdoc;

    use super::*;
    use crate::dead_letter::DeadLetter;

    const AT: DateTime = DateTime::from_millis(1000);

    fn letter() -> StoredLetter {
        let attempt = |stack: Option<&str>| FailedAttempt {
            error: HandlerError { name: "E".into(), message: "no".into(), stack: stack.map(str::to_owned) },
            at: AT,
        };
        StoredLetter::buried(DeadLetter {
            key: OffsetKey { group_id: "g".into(), topic: "t".into(), partition: 3 },
            message: rawdoc! { "_id": "m", "_key": "k", "n": 5_i64 },
            token: StreamToken::parse("826B04662D000000062B0229296E04"),
            attempts: vec![attempt(None), attempt(Some("at x"))],
            forgotten: 1,
            at: AT,
            retention_ms: Some(5000),
        })
    }

    #[test]
    fn a_letter_comes_back_as_it_was() {
        let plain = letter();
        let bare = StoredLetter {
            message: None,
            token: None,
            place: None,
            expires_at: None,
            errors: Vec::new(),
            ..letter()
        };
        let failed = StoredLetter { redrives: 2, ..letter() };
        for letter in [plain, bare, failed] {
            assert_eq!(decode(&encode(&letter).unwrap()).unwrap(), letter);
        }
    }

    #[test]
    fn a_mark_is_read_with_the_letter() {
        let mut document = Document::try_from(encode(&letter()).unwrap().as_ref()).unwrap();
        let not_before = DateTime::from_millis(9);
        document.insert("redrive", doc! { "id": "r", "requestedAt": AT });
        let read =
            |document: &Document| decode(&RawDocumentBuf::try_from(document).unwrap()).unwrap().redrive;
        let fresh = RedriveMark {
            id: "r".into(),
            requested_at: AT,
            not_before: AT,
            holder: None,
            interruptions: 0,
            expires_at: None,
        };
        assert_eq!(read(&document), Some(fresh));
        document.insert(
            "redrive",
            doc! {
                "id": "r", "requestedAt": AT, "notBefore": not_before, "owner": "a", "epoch": 4_i64, "interruptions": 2,
                "expiresAt": AT,
            },
        );
        let taken = RedriveMark {
            id: "r".into(),
            requested_at: AT,
            not_before,
            holder: Some(LetterHolder { owner: "a".into(), epoch: 4 }),
            interruptions: 2,
            expires_at: Some(AT),
        };
        assert_eq!(read(&document), Some(taken));
    }

    #[test]
    fn a_letter_of_the_first_alpha_is_read() {
        let document = rawdoc! {
            "_id": { "groupId": "g", "topic": "t", "partition": 0_i64, "messageId": 7 },
            "groupId": "g", "topic": "t", "partition": 0_i64, "offset": null, "attempts": 1,
            "errors": [{ "name": "E", "message": "m", "stack": null, "at": AT }], "deadAt": AT,
            "message": { "_id": 7 },
        };
        let letter = decode(&document).unwrap();
        assert_eq!((letter.id.message_id, letter.attempts, letter.errors.len()), (Bson::Int32(7), 1, 1));
        assert_eq!((letter.place, letter.expires_at, letter.redrives, letter.redrive), (None, None, 0, None));
    }

    #[test]
    fn a_message_that_is_no_text_is_kept_as_it_is() {
        let broken = RawDocumentBuf::from_bytes(b"\x0f\0\0\0\x02a\0\x03\0\0\0\xff\xff\0\0".to_vec()).unwrap();
        let letter = StoredLetter { message: Some(broken.clone()), ..letter() };
        assert_eq!(decode(&encode(&letter).unwrap()).unwrap().message, Some(broken));
    }

    #[test]
    fn a_document_without_a_name_is_refused() {
        for document in [rawdoc! {}, rawdoc! { "_id": 5 }, rawdoc! { "_id": { "groupId": "g" } }] {
            assert!(decode(&document).unwrap_err().message().contains("delete it"));
        }
    }
}
