//! How a message is stored. 1.4.2 reads and writes the same layout:
//!
//! ```text
//! _id  …the payload's fields…  _headers  _timestamp  _key  _partition  _ts
//! _id  _value: payload         _headers  _timestamp  _key  _partition  _ts
//! ```
//!
//! The second form is for payloads that would not come back as they were sent: those that are not documents, use a
//! name of ours, or hold an empty timestamp, which the server replaces at the top level of a document.

use std::borrow::Cow;

use bson::spec::ElementType;
use bson::{RawBsonRef, RawDocument, RawDocumentBuf, Timestamp};

use super::bson_writer::BsonWriter;
use super::element_bytes::elements;
use super::message::{MessageId, OutgoingMessage};
pub use super::stored_message::{StoredMessage, decode};
use super::value_bytes::value_bytes;
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;

/// Size of the largest document that MongoDB stores.
pub const MAX_STORED_BYTES: usize = 16 * 1024 * 1024;

pub(super) const ID: &str = "_id";
pub(super) const KEY: &str = "_key";
pub(super) const HEADERS: &str = "_headers";
pub(super) const TIMESTAMP: &str = "_timestamp";
pub(super) const PARTITION: &str = "_partition";
pub(super) const SERVER_TIMESTAMP: &str = "_ts";
pub(super) const VALUE: &str = "_value";

const RESERVED: [&str; 7] = [ID, KEY, HEADERS, TIMESTAMP, PARTITION, SERVER_TIMESTAMP, VALUE];

/// The server fills it in when it inserts the document.
const EMPTY_TIMESTAMP: Timestamp = Timestamp { time: 0, increment: 0 };
/// Length and end of a document.
const DOCUMENT_FRAME: usize = 4 + 1;
/// The bytes of `{}`.
pub(super) const EMPTY_DOCUMENT: [u8; DOCUMENT_FRAME] = [5, 0, 0, 0, 0];

enum Payload<'a> {
    Fields(&'a [u8]),
    Value(ElementType, Cow<'a, [u8]>),
}

/// The document to store.
///
/// Fails with `ERR_CSB_MESSAGE_TOO_LARGE` beyond 16 MiB, and with `ERR_CSB_INVALID_MESSAGE` if the value is not valid
/// BSON or is an empty timestamp.
pub fn encode(message: &OutgoingMessage<'_>, partition: u32) -> Result<RawDocumentBuf> {
    let payload = Payload::of(message.value)?;
    let headers = message.headers.map_or(EMPTY_DOCUMENT.as_slice(), RawDocument::as_bytes);
    let size = stored_size(message, &payload, headers);
    if size > MAX_STORED_BYTES {
        return Err(Error::new(
            ErrorCode::MessageTooLarge,
            format!(
                "the message takes {size} bytes with its key and headers, and MongoDB stores at most \
                 {MAX_STORED_BYTES}: send less, or send a reference to it"
            ),
        ));
    }
    let mut out = BsonWriter::with_capacity(size);
    let document = out.open_root();
    match message.id {
        MessageId::ObjectId(id) => out.element(ElementType::ObjectId, ID, &id.bytes()),
        MessageId::Text(id) => out.string(ID, id),
    }
    match &payload {
        Payload::Fields(fields) => out.bytes(fields),
        Payload::Value(kind, bytes) => out.element(*kind, VALUE, bytes),
    }
    out.element(ElementType::EmbeddedDocument, HEADERS, headers);
    out.element(ElementType::DateTime, TIMESTAMP, &message.timestamp_ms.to_le_bytes());
    out.optional_string(KEY, message.key);
    out.int32(PARTITION, partition);
    out.element(ElementType::Timestamp, SERVER_TIMESTAMP, &[0; 8]);
    out.close(document);
    let bytes = out.into_bytes();
    debug_assert_eq!(bytes.len(), size, "the size that was reserved is the size that was written");
    RawDocumentBuf::from_bytes(bytes)
        .map_err(|error| Error::internal("a message was encoded badly").caused_by(error))
}

impl<'a> Payload<'a> {
    fn of(value: RawBsonRef<'a>) -> Result<Self> {
        match value {
            RawBsonRef::Document(document) if !needs_wrapping(document)? => {
                let bytes = document.as_bytes();
                Ok(Self::Fields(&bytes[size_of::<i32>()..bytes.len() - 1]))
            }
            RawBsonRef::Timestamp(EMPTY_TIMESTAMP) => Err(Error::invalid_message(
                "the value is an empty Timestamp, which MongoDB replaces by its own time: put it into an object",
            )),
            value => {
                let (kind, bytes) = value_bytes(value);
                Ok(Self::Value(kind, bytes))
            }
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Fields(fields) => fields.len(),
            Self::Value(_, bytes) => element_size(VALUE, bytes.len()),
        }
    }
}

/// Whether the payload's fields cannot stand at the top level.
fn needs_wrapping(payload: &RawDocument) -> Result<bool> {
    for field in elements(payload) {
        let field = field.map_err(|_| Error::invalid_message("the value is not valid BSON"))?;
        let replaced_by_server = field.element.element_type() == ElementType::Timestamp
            && field.value.iter().all(|byte| *byte == 0);
        if replaced_by_server || RESERVED.contains(&field.name()) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn stored_size(message: &OutgoingMessage<'_>, payload: &Payload<'_>, headers: &[u8]) -> usize {
    let id = match message.id {
        MessageId::ObjectId(id) => id.bytes().len(),
        MessageId::Text(id) => string_size(id),
    };
    DOCUMENT_FRAME
        + element_size(ID, id)
        + payload.size()
        + element_size(HEADERS, headers.len())
        + element_size(TIMESTAMP, size_of::<i64>())
        + element_size(KEY, message.key.map_or(0, string_size))
        + element_size(PARTITION, size_of::<i32>())
        + element_size(SERVER_TIMESTAMP, size_of::<u64>())
}

/// Type, name with its end, value.
fn element_size(name: &str, value: usize) -> usize {
    1 + name.len() + 1 + value
}

/// Length, text, end.
fn string_size(text: &str) -> usize {
    size_of::<i32>() + text.len() + 1
}

#[cfg(test)]
mod tests {
    use bson::oid::ObjectId;
    use bson::{DateTime, Document, doc, rawdoc};

    use super::*;

    fn message<'a>(value: impl Into<RawBsonRef<'a>>) -> OutgoingMessage<'a> {
        let id = MessageId::ObjectId(ObjectId::from_bytes([7; 12]));
        OutgoingMessage { value: value.into(), key: None, headers: None, timestamp_ms: 1_700_000_000_000, id }
    }

    fn stored(message: &OutgoingMessage<'_>) -> Document {
        let encoded = encode(message, 3).unwrap();
        assert_eq!(encoded.as_bytes().len(), encoded.clone().into_bytes().capacity(), "one exact allocation");
        Document::try_from(encoded.as_ref()).unwrap()
    }

    #[test]
    fn stores_the_fields_of_a_document_at_the_top_level() {
        let payload = rawdoc! { "customer": { "id": "c-1" }, "_own": true, "tags": ["a"] };
        let headers = rawdoc! { "eventType": "purchase.created" };
        let message = OutgoingMessage {
            key: Some("purchase-1"),
            headers: Some(&headers),
            id: MessageId::Text("my-id"),
            ..message(&payload)
        };
        let expected = doc! {
            "_id": "my-id",
            "customer": { "id": "c-1" },
            "_own": true,
            "tags": ["a"],
            "_headers": { "eventType": "purchase.created" },
            "_timestamp": DateTime::from_millis(1_700_000_000_000),
            "_key": "purchase-1",
            "_partition": 3,
            "_ts": EMPTY_TIMESTAMP,
        };
        let stored = stored(&message);
        assert_eq!(stored, expected);
        assert!(stored.keys().eq(expected.keys()), "in this order");
    }

    #[test]
    fn stores_what_is_absent_as_1_4_2_does() {
        let expected = doc! {
            "_id": ObjectId::from_bytes([7; 12]),
            "_headers": {},
            "_timestamp": DateTime::from_millis(1_700_000_000_000),
            "_key": null,
            "_partition": 3,
            "_ts": EMPTY_TIMESTAMP,
        };
        assert_eq!(stored(&message(&rawdoc! {})), expected);
    }

    #[test]
    fn wraps_what_would_not_come_back() {
        for name in RESERVED {
            let payload = doc! { "a": 1, name: "mine" };
            let raw = RawDocumentBuf::try_from(&payload).unwrap();
            assert_eq!(stored(&message(&raw)).get_document("_value").unwrap(), &payload);
        }
        let empty_timestamp = rawdoc! { "when": EMPTY_TIMESTAMP };
        assert!(stored(&message(&empty_timestamp)).contains_key("_value"));
        let nested = rawdoc! { "deep": { "_id": 1, "when": EMPTY_TIMESTAMP } };
        assert!(!stored(&message(&nested)).contains_key("_value"), "only the top level matters");
        assert_eq!(stored(&message("text")).get_str("_value").unwrap(), "text");
        assert_eq!(stored(&message(RawBsonRef::Null)).get("_value"), Some(&bson::Bson::Null));
    }

    #[test]
    fn refuses_a_value_that_the_server_would_replace() {
        let error = encode(&message(EMPTY_TIMESTAMP), 0).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidMessage);
        assert!(encode(&message(Timestamp { time: 0, increment: 1 }), 0).is_ok());
    }

    #[test]
    fn refuses_what_is_larger_than_mongodb_stores() {
        let overhead = encode(&message(&rawdoc! { "blob": "" }), 0).unwrap().as_bytes().len();
        let largest = rawdoc! { "blob": "x".repeat(MAX_STORED_BYTES - overhead) };
        assert_eq!(encode(&message(&largest), 0).unwrap().as_bytes().len(), MAX_STORED_BYTES);
        let too_large = rawdoc! { "blob": "x".repeat(MAX_STORED_BYTES - overhead + 1) };
        let error = encode(&message(&too_large), 0).unwrap_err();
        assert_eq!(error.code(), ErrorCode::MessageTooLarge);
        assert!(error.message().contains("16777217") && error.message().contains("16777216"), "{error}");
    }

    #[test]
    fn refuses_broken_bytes() {
        let broken = RawDocument::from_bytes(b"\x0a\0\0\0\x63a\0\x01\0\0").unwrap();
        assert_eq!(encode(&message(broken), 0).unwrap_err().code(), ErrorCode::InvalidMessage);
    }
}
