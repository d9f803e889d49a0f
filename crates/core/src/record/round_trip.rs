//! What is sent arrives, byte for byte, whatever it is; and nothing that is read makes the reader panic.

use bson::oid::ObjectId;
use bson::raw::cstr;
use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Decimal128, Document, RawDocument, RawDocumentBuf, Regex, Timestamp};
use proptest::prelude::*;

use super::delivery_bytes::DeliveryBytes;
use super::message::{MessageId, OutgoingMessage};
use super::record_layout::{decode, encode};
use super::value_bytes::value_bytes;
use crate::consumer::record_handler::DeliveredMessage;

/// What the server fills in at the top level of a document.
const EMPTY_TIMESTAMP: Bson = Bson::Timestamp(Timestamp { time: 0, increment: 0 });

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-z$._é]{0,6}",
        1 => proptest::sample::select(&["_id", "_key", "_headers", "_timestamp", "_partition", "_ts", "_value"][..])
            .prop_map(str::to_owned),
    ]
}

fn scalars() -> impl Strategy<Value = Bson> {
    prop_oneof![
        any::<i32>().prop_map(Bson::Int32),
        any::<i64>().prop_map(Bson::Int64),
        any::<f64>().prop_map(Bson::Double),
        proptest::sample::select(&[-0.0, f64::NAN, f64::INFINITY][..]).prop_map(Bson::Double),
        any::<String>().prop_map(Bson::String),
        any::<bool>().prop_map(Bson::Boolean),
        any::<i64>().prop_map(|millis| Bson::DateTime(DateTime::from_millis(millis))),
        any::<[u8; 12]>().prop_map(|bytes| Bson::ObjectId(ObjectId::from_bytes(bytes))),
        any::<[u8; 16]>().prop_map(|bytes| Bson::Decimal128(Decimal128::from_bytes(bytes))),
        (0..3_u32, 0..3_u32).prop_map(|(time, increment)| Bson::Timestamp(Timestamp { time, increment })),
        any::<Vec<u8>>().prop_map(|bytes| Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes })),
        "[a-z]{0,4}".prop_map(|pattern| Bson::RegularExpression(Regex {
            pattern: pattern.try_into().unwrap(),
            options: cstr!("im").into(),
        })),
        Just(EMPTY_TIMESTAMP),
        Just(Bson::Null),
        Just(Bson::MinKey),
    ]
}

fn values() -> impl Strategy<Value = Bson> {
    scalars().prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Bson::Array),
            documents(inner).prop_map(Bson::Document),
        ]
    })
}

fn documents(values: impl Strategy<Value = Bson>) -> impl Strategy<Value = Document> {
    proptest::collection::vec((names(), values), 0..5).prop_map(Document::from_iter)
}

/// A document with the value in it, and what it was encoded to; `None` for the one value that is refused.
fn sent(value: Bson, key: Option<&str>, id: &str) -> Option<(RawDocumentBuf, RawDocumentBuf)> {
    let refused = value == EMPTY_TIMESTAMP;
    let holder = RawDocumentBuf::try_from(&bson::doc! { "v": value }).unwrap();
    let encoded = {
        let value = holder.get("v").unwrap().unwrap();
        let message = OutgoingMessage { value, key, headers: None, timestamp_ms: 5, id: MessageId::Text(id) };
        encode(&message, 1)
    };
    assert_eq!(encoded.is_err(), refused);
    Some((holder, encoded.ok()?))
}

/// Reads everything that can be read of a document.
fn read_all(document: &RawDocument) {
    if let Ok(message) = decode(document) {
        let _ = (message.id_text(), message.value(), message.value_type());
        let mut delivery = DeliveryBytes::new(0, 1);
        delivery.push(&DeliveredMessage {
            token: None,
            stored: message,
            attempt: 1,
            possible_duplicate: false,
            redriven: false,
        });
        assert!(RawDocument::from_bytes(&delivery.finish()).is_ok());
    }
}

proptest! {
    #[test]
    fn a_value_arrives_as_it_was_sent(
        value in prop_oneof![values(), documents(values()).prop_map(Bson::Document)],
        key in proptest::option::of("[^\\x00]{1,8}"),
        id in ".{1,8}",
    ) {
        let Some((holder, stored)) = sent(value, key.as_deref(), &id) else { return Ok(()) };
        let message = decode(&stored).unwrap();
        let (kind, bytes) = value_bytes(holder.get("v").unwrap().unwrap());
        let mut arrived = Vec::new();
        message.write_value(&mut arrived);
        prop_assert_eq!((message.value_type(), arrived), (kind, bytes.into_owned()));
        prop_assert_eq!((message.key, message.id_text().into_owned()), (key.as_deref(), id));
        prop_assert_eq!(message.timestamp, DateTime::from_millis(5));
    }

    /// The server fills in every empty timestamp at the top level, so there must be none but ours.
    #[test]
    fn the_server_finds_nothing_of_the_payload_to_fill_in(payload in documents(values())) {
        let (_, stored) = sent(Bson::Document(payload), None, "id").expect("documents are never refused");
        let stored = Document::try_from(&*stored).unwrap();
        let names: Vec<_> = stored.iter().filter(|(_, value)| **value == EMPTY_TIMESTAMP).map(|(name, _)| name).collect();
        prop_assert_eq!(names, ["_ts"]);
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(mut bytes in proptest::collection::vec(any::<u8>(), 5..200)) {
        let length = i32::try_from(bytes.len()).unwrap();
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        *bytes.last_mut().unwrap() = 0;
        read_all(RawDocument::from_bytes(&bytes).unwrap());
    }

    #[test]
    fn damaged_messages_do_not_panic(
        payload in documents(values()),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let (_, stored) = sent(Bson::Document(payload), Some("key"), "id").expect("documents are never refused");
        let mut bytes = stored.into_bytes();
        let inner = 4..bytes.len() - 1;
        for (at, byte) in damage {
            bytes[inner.start + at.index(inner.len())] = byte;
        }
        read_all(RawDocument::from_bytes(&bytes).unwrap());
    }
}
