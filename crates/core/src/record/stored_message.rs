//! A stored message, read without copying it.

use std::borrow::Cow;

use bson::spec::ElementType;
use bson::{DateTime, RawBson, RawBsonRef, RawDocument, RawDocumentBuf, Timestamp};

use super::bson_writer::length_prefix;
use super::element_bytes::{ElementBytes, elements};
use super::message_id_text::raw_id_text;
use super::record_layout::{EMPTY_DOCUMENT, HEADERS, ID, KEY, PARTITION, SERVER_TIMESTAMP, TIMESTAMP, VALUE};
use crate::error::{Error, Result};

/// The time of a message that nothing is known about.
const EPOCH: DateTime = DateTime::from_millis(0);

/// A message as it was read from its collection or from the stream, also one that 1.4.2 wrote.
#[derive(Debug, Clone)]
pub struct StoredMessage<'a> {
    /// Its id: an `ObjectId`, the user's own text, or whatever another writer chose.
    pub id: RawBsonRef<'a>,
    /// Its key, if it has one.
    pub key: Option<&'a str>,
    /// Its headers.
    pub headers: Option<&'a RawDocument>,
    /// When it happened; where another writer left that out, the time of its id.
    pub timestamp: DateTime,
    /// When the server inserted it. 1.4.2 does not have it.
    pub ts: Option<Timestamp>,
    payload: Payload<'a>,
}

#[derive(Debug, Clone)]
enum Payload<'a> {
    /// The elements of a document: one range of the stored bytes, or several put together.
    Fields(Cow<'a, [u8]>),
    /// The value under `_value`, and its bytes.
    Value(RawBsonRef<'a>, &'a [u8]),
}

/// Reads a stored document. Fails with `ERR_CSB_INTERNAL` if its top level is not valid BSON.
pub fn decode(document: &RawDocument) -> Result<StoredMessage<'_>> {
    let (mut id, mut key, mut headers, mut timestamp, mut ts) = (RawBsonRef::Null, None, None, None, None);
    let mut fields = PayloadFields::new(document);
    for field in elements(document) {
        let field = field.map_err(|_| unreadable())?;
        let value = || field.element.value().map_err(|_| unreadable());
        match field.name() {
            ID => id = value()?,
            KEY => key = value()?.as_str(),
            HEADERS => headers = value()?.as_document(),
            TIMESTAMP => timestamp = value()?.as_datetime(),
            PARTITION => {}
            // 1.4.2 does not reserve this name: with another type it is a field of the payload.
            SERVER_TIMESTAMP if field.element.element_type() == ElementType::Timestamp => {
                ts = value()?.as_timestamp();
            }
            _ => fields.add(&field)?,
        }
    }
    let timestamp = timestamp.or_else(|| id.as_object_id().map(|id| id.timestamp())).unwrap_or(EPOCH);
    Ok(StoredMessage { id, key, headers, timestamp, ts, payload: fields.into_payload() })
}

impl<'a> StoredMessage<'a> {
    /// The id for people and for JavaScript: the hexadecimal digits of an `ObjectId`, a text as it is, anything else
    /// as extended JSON.
    pub fn id_text(&self) -> Cow<'a, str> {
        raw_id_text(self.id)
    }

    /// Type of the payload.
    pub fn value_type(&self) -> ElementType {
        match &self.payload {
            Payload::Fields(_) => ElementType::EmbeddedDocument,
            Payload::Value(value, _) => value.element_type(),
        }
    }

    /// Appends the payload as it was sent, without type and name.
    pub fn write_value(&self, out: &mut Vec<u8>) {
        match &self.payload {
            Payload::Fields(fields) => {
                out.reserve(fields.len() + EMPTY_DOCUMENT.len());
                out.extend_from_slice(&length_prefix(fields.len() + EMPTY_DOCUMENT.len()));
                out.extend_from_slice(fields);
                out.push(0);
            }
            Payload::Value(_, bytes) => out.extend_from_slice(bytes),
        }
    }

    /// Appends a document whose only field is the payload.
    pub(super) fn write_value_as_field(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&length_prefix(0));
        out.extend_from_slice(&[self.value_type() as u8, 0]);
        self.write_value(out);
        out.push(0);
        let length = length_prefix(out.len() - start);
        out[start..start + length.len()].copy_from_slice(&length);
    }

    /// The payload as it was sent.
    pub fn value(&self) -> Result<RawBson> {
        match &self.payload {
            Payload::Value(value, _) => Ok(RawBson::from(*value)),
            Payload::Fields(_) => {
                let mut bytes = Vec::new();
                self.write_value(&mut bytes);
                RawDocumentBuf::from_bytes(bytes).map(RawBson::Document).map_err(|_| unreadable())
            }
        }
    }
}

/// The elements of a stored document that are not ours.
struct PayloadFields<'a> {
    document: &'a RawDocument,
    /// Their bytes; copied only if they do not lie side by side.
    bytes: Cow<'a, [u8]>,
    /// Where in the document the last of them ends.
    end: usize,
    /// What stands under `_value`.
    wrapped: Option<(RawBsonRef<'a>, &'a [u8])>,
    /// How many have another name.
    named: usize,
}

impl<'a> PayloadFields<'a> {
    fn new(document: &'a RawDocument) -> Self {
        Self { document, bytes: Cow::Borrowed(&[]), end: 0, wrapped: None, named: 0 }
    }

    fn add(&mut self, field: &ElementBytes<'a>) -> Result<()> {
        match field.name() {
            VALUE => self.wrapped = Some((field.element.value().map_err(|_| unreadable())?, field.value)),
            _ => self.named += 1,
        }
        let document = self.document.as_bytes();
        match &mut self.bytes {
            Cow::Borrowed(run) if run.is_empty() => *run = &document[field.whole.clone()],
            Cow::Borrowed(run) if self.end == field.whole.start => {
                *run = &document[field.whole.start - run.len()..field.whole.end];
            }
            apart => apart.to_mut().extend_from_slice(&document[field.whole.clone()]),
        }
        self.end = field.whole.end;
        Ok(())
    }

    /// This library never stores `_value` beside other fields. Where both are, the message is one of 1.4.2, to which
    /// `_value` is a name like any other.
    fn into_payload(self) -> Payload<'a> {
        match self.wrapped {
            Some((value, bytes)) if self.named == 0 => Payload::Value(value, bytes),
            _ => Payload::Fields(self.bytes),
        }
    }
}

fn unreadable() -> Error {
    Error::internal("a stored message is not valid BSON")
}

#[cfg(test)]
mod tests {
    use bson::oid::ObjectId;
    use bson::{Bson, rawdoc};

    use super::*;
    use crate::error_code::ErrorCode;

    const TS: Timestamp = Timestamp { time: 9, increment: 1 };

    fn value(document: &RawDocument) -> Bson {
        Bson::try_from(decode(document).unwrap().value().unwrap()).unwrap()
    }

    #[test]
    fn reads_a_message_of_ours() {
        let time = DateTime::from_millis(1_700_000_000_000);
        let stored = rawdoc! {
            "_id": "my-id", "a": 1, "_own": 2, "_headers": { "x": 1 }, "_timestamp": time, "_key": "k",
            "_partition": 3, "_ts": TS,
        };
        let message = decode(&stored).unwrap();
        assert_eq!((message.id, message.id_text().as_ref()), (RawBsonRef::String("my-id"), "my-id"));
        assert_eq!((message.key, message.headers), (Some("k"), Some(&*rawdoc! { "x": 1 })));
        assert_eq!((message.timestamp, message.ts), (time, Some(TS)));
        assert_eq!(value(&stored), bson::bson!({ "a": 1, "_own": 2 }));
    }

    #[test]
    fn reads_a_message_of_1_4_2() {
        let id = ObjectId::from_bytes([1; 12]);
        let time = DateTime::from_millis(5);
        // As the server stores it, and as a driver that appends the id shows it before that.
        let first =
            rawdoc! { "_id": id, "a": 1, "_headers": {}, "_timestamp": time, "_key": null, "_partition": 0 };
        let last =
            rawdoc! { "a": 1, "_headers": {}, "_timestamp": time, "_key": null, "_partition": 0, "_id": id };
        for stored in [first, last] {
            let message = decode(&stored).unwrap();
            assert_eq!(message.id_text(), "010101010101010101010101");
            assert_eq!((message.key, message.ts, message.timestamp), (None, None, time));
            assert_eq!(message.headers, Some(&*rawdoc! {}));
            assert_eq!(value(&stored), bson::bson!({ "a": 1 }));
        }
    }

    #[test]
    fn keeps_fields_of_1_4_2_that_have_a_name_of_ours() {
        let stored = rawdoc! { "_id": 1, "_value": "x", "a": 1, "_ts": "mine" };
        assert_eq!(value(&stored), bson::bson!({ "_value": "x", "a": 1, "_ts": "mine" }));
    }

    #[test]
    fn unwraps_any_type() {
        for wrapped in
            [bson::bson!([1, 2]), bson::bson!({ "_id": 1, "_value": 2 }), Bson::Null, Bson::Double(-0.0)]
        {
            let stored = bson::doc! { "_id": 1, "_value": wrapped.clone(), "_key": null, "_ts": TS };
            let stored = RawDocumentBuf::try_from(&stored).unwrap();
            assert_eq!(value(&stored), wrapped);
            assert_eq!(decode(&stored).unwrap().value_type(), wrapped.element_type());
        }
    }

    #[test]
    fn collects_fields_that_lie_apart() {
        let stored = rawdoc! { "a": 1, "_key": "k", "b": 2, "c": 3, "_id": 1, "d": 4 };
        assert_eq!(value(&stored), bson::bson!({ "a": 1, "b": 2, "c": 3, "d": 4 }));
    }

    #[test]
    fn prints_ids_of_every_type() {
        let nested = rawdoc! { "shard": ObjectId::from_bytes([1; 12]), "n": 5_i64 };
        let ids: [(RawBson, &str); 4] = [
            (42.into(), "42"),
            (true.into(), "true"),
            (nested.into(), r#"{"shard":{"$oid":"010101010101010101010101"},"n":5}"#),
            (DateTime::from_millis(0).into(), r#"{"$date":{"$numberLong":"0"}}"#),
        ];
        for (id, text) in ids {
            assert_eq!(decode(&rawdoc! { "_id": id }).unwrap().id_text(), text);
        }
    }

    #[test]
    fn does_without_what_other_writers_left_out() {
        let id = ObjectId::from_parts(100, [0; 5], [0; 3]);
        let strange = rawdoc! { "_id": id, "_key": 5, "_headers": "none", "_timestamp": "today" };
        let message = decode(&strange).unwrap();
        assert_eq!((message.key, message.headers), (None, None));
        assert_eq!(message.timestamp, DateTime::from_millis(100_000));
        assert_eq!(decode(&rawdoc! {}).unwrap().timestamp, EPOCH);
    }

    #[test]
    fn refuses_broken_bytes() {
        let broken = RawDocument::from_bytes(b"\x0a\0\0\0\x63a\0\x01\0\0").unwrap();
        assert_eq!(decode(broken).unwrap_err().code(), ErrorCode::Internal);
    }
}
