//! What a server does to a document that is inserted. Pure.

use bson::raw::{RawBsonRef, RawDocument, RawDocumentBuf, cstr};
use bson::{Bson, Timestamp};

use super::bson_order::MessageId;
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::feed::stream_token::ClusterTime;
use crate::runtime::random;

/// The server's limit for one document, in bytes.
const LARGEST_DOCUMENT: usize = 16 * 1024 * 1024;

/// A document that may be inserted, and what has to be known of it.
#[derive(Debug)]
pub(super) struct Insertion<'a> {
    document: &'a RawDocument,
    pub(super) id: MessageId,
}

/// The parts of a stored document that the indexes of its collection are about.
#[derive(Debug, PartialEq)]
pub(super) struct IndexedFields {
    /// `_ts`, if it is a Timestamp.
    pub(super) stamp: Option<ClusterTime>,
    /// `_timestamp` in milliseconds since 1970, if it is a Date.
    pub(super) timestamp_ms: Option<i64>,
}

impl<'a> Insertion<'a> {
    /// Checks a document as the server does. Makes an id where there is none.
    pub(super) fn check(document: &'a RawDocument) -> Result<Self> {
        let size = document.as_bytes().len();
        if size > LARGEST_DOCUMENT {
            let message = format!("a message of {size} bytes exceeds the limit of {LARGEST_DOCUMENT} bytes");
            return Err(Error::new(ErrorCode::MessageTooLarge, message));
        }
        let mut id = None;
        for field in document {
            let (name, value) = field.map_err(|error| malformed().caused_by(error))?;
            if name.as_str() == "_id" {
                id = Some(message_id(value)?);
            }
        }
        Ok(Self { document, id: id.unwrap_or_else(|| MessageId(random::object_id().into())) })
    }

    /// The document as it is stored: `_id` first, and `time` in every other field that holds `Timestamp(0, 0)`.
    pub(super) fn stored_at(&self, time: ClusterTime) -> Result<RawDocumentBuf> {
        let id =
            bson::raw::RawBson::try_from(self.id.0.clone()).map_err(|error| malformed().caused_by(error))?;
        let mut stored = RawDocumentBuf::new();
        stored.append(cstr!("_id"), id);
        for field in self.document {
            let (name, value) = field.map_err(|error| malformed().caused_by(error))?;
            match value {
                _ if name.as_str() == "_id" => {}
                RawBsonRef::Timestamp(Timestamp { time: 0, increment: 0 }) => {
                    stored.append(name, Timestamp::from(time));
                }
                value => stored.append(name, value),
            }
        }
        Ok(stored)
    }
}

impl IndexedFields {
    /// Reads them from a stored document.
    pub(super) fn of(document: &RawDocument) -> Self {
        Self {
            stamp: document.get_timestamp("_ts").ok().map(ClusterTime::from),
            timestamp_ms: document.get_datetime("_timestamp").ok().map(bson::DateTime::timestamp_millis),
        }
    }
}

fn message_id(value: RawBsonRef<'_>) -> Result<MessageId> {
    match Bson::try_from(value).map_err(|error| malformed().caused_by(error))? {
        Bson::Array(_) | Bson::RegularExpression(_) | Bson::Undefined => Err(Error::invalid_message(
            "the `_id` of a message must not be an array, a regular expression or undefined",
        )),
        id => Ok(MessageId(id)),
    }
}

fn malformed() -> Error {
    Error::invalid_message("a message is not valid BSON")
}

#[cfg(test)]
mod tests {
    use bson::{Document, doc};

    use super::*;

    const TIME: ClusterTime = ClusterTime { seconds: 7, increment: 3 };

    fn raw(document: Document) -> RawDocumentBuf {
        RawDocumentBuf::try_from(document).expect("encodes")
    }

    #[test]
    fn stamps_top_level_fields_only_and_keeps_the_rest() {
        let (empty, set) = (Timestamp { time: 0, increment: 0 }, Timestamp { time: 1, increment: 1 });
        let document =
            raw(doc! { "a": 1, "_id": "x", "_ts": empty, "nested": { "_ts": empty }, "other": set });
        let stored =
            Insertion::check(&document).and_then(|insertion| insertion.stored_at(TIME)).expect("stored");
        let expected = doc! {
            "_id": "x", "a": 1, "_ts": Timestamp::from(TIME), "nested": { "_ts": empty }, "other": set,
        };
        assert_eq!(Document::try_from(&*stored).expect("decodes"), expected);
    }

    #[test]
    fn makes_an_id_where_there_is_none() {
        let document = raw(doc! { "a": 1 });
        let insertion = Insertion::check(&document).expect("valid");
        let stored = insertion.stored_at(TIME).expect("stored");
        assert_eq!(Bson::from(stored.get_object_id("_id").expect("an id")), insertion.id.0);
    }

    #[test]
    fn refuses_what_the_server_refuses() {
        let code = |document: RawDocumentBuf| Insertion::check(&document).expect_err("is refused").code();
        assert_eq!(code(raw(doc! { "_id": [1] })), ErrorCode::InvalidMessage);
        assert_eq!(code(raw(doc! { "a": "x".repeat(LARGEST_DOCUMENT) })), ErrorCode::MessageTooLarge);
        let truncated =
            RawDocumentBuf::from_bytes(vec![8, 0, 0, 0, 16, b'a', 0, 0]).expect("outwardly sound");
        assert_eq!(code(truncated), ErrorCode::InvalidMessage);
    }

    #[test]
    fn indexes_only_fields_of_the_right_type() {
        let date = bson::DateTime::from_millis(5);
        let fields = IndexedFields::of(&raw(doc! { "_ts": Timestamp::from(TIME), "_timestamp": date }));
        assert_eq!(fields, IndexedFields { stamp: Some(TIME), timestamp_ms: Some(5) });
        let fields = IndexedFields::of(&raw(doc! { "_ts": date, "_timestamp": "5" }));
        assert_eq!(fields, IndexedFields { stamp: None, timestamp_ms: None });
    }
}
