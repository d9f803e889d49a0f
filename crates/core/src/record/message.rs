//! What a producer hands in, and the form in which it crosses into the engine.

use bson::oid::ObjectId;
use bson::{DateTime, RawBsonRef, RawDocument};

use super::type_name::type_name;
use crate::error::{Error, Result};
use crate::runtime::random;

/// Milliseconds from 1970 that a JavaScript Date reaches, in both directions.
const DATE_RANGE_MS: f64 = 8.64e15;
/// Bytes of a message id at most: it is stored twice in every resume token.
const MAX_ID_BYTES: usize = 200;

/// The id of a message, unique within its partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageId<'a> {
    /// Made by this process, in the order of time.
    ObjectId(ObjectId),
    /// The user's own, 1 to 200 bytes: sending it twice stores one message.
    Text(&'a str),
}

/// A message to store.
#[derive(Debug, Clone, Copy)]
pub struct OutgoingMessage<'a> {
    /// The payload, any BSON value.
    pub value: RawBsonRef<'a>,
    /// Key, not empty.
    pub key: Option<&'a str>,
    /// Headers; none are stored as an empty document.
    pub headers: Option<&'a RawDocument>,
    /// When it happened, in milliseconds since 1970. Retention counts from here.
    pub timestamp_ms: i64,
    /// Its id.
    pub id: MessageId<'a>,
}

/// A message as it crossed, with what choosing its partition takes.
#[derive(Debug, Clone, Copy)]
pub struct OutgoingMessageParts<'a> {
    /// The message.
    pub message: OutgoingMessage<'a>,
    /// The value as JSON, if the partition depends on it and it has such a form.
    pub hash_input: Option<&'a str>,
}

/// Reads messages in the form `{ m: [ { v, k?, h?, t?, i?, s? } ] }`: value, key, headers, timestamp, id, value as JSON.
///
/// `first_index` is the index of the part's first message within the send, for error messages; `now_ms` is the
/// timestamp of messages that have none. Fails with `ERR_CSB_INVALID_MESSAGE` at the first message that cannot be sent.
pub fn parse_messages(
    part: &RawDocument,
    first_index: usize,
    now_ms: i64,
) -> Result<Vec<OutgoingMessageParts<'_>>> {
    let messages = part.get_array("m").map_err(|_| malformed())?;
    let mut parsed = Vec::new();
    for (offset, message) in messages.into_iter().enumerate() {
        let message = message.ok().and_then(RawBsonRef::as_document).ok_or_else(malformed)?;
        parsed.push(parse_message(message, first_index + offset, now_ms)?);
    }
    Ok(parsed)
}

fn parse_message(message: &RawDocument, index: usize, now_ms: i64) -> Result<OutgoingMessageParts<'_>> {
    let mut value = None;
    let (mut key, mut headers, mut timestamp_ms, mut id, mut hash_input) = (None, None, None, None, None);
    let refuse = |problem: &str| Error::invalid_message(format!("message {index}: {problem}"));
    for field in message {
        let (name, given) = field.map_err(|_| refuse("it is not valid BSON"))?;
        match (name.as_str(), given) {
            ("v", given) => value = Some(given),
            (_, RawBsonRef::Null | RawBsonRef::Undefined) => {}
            ("k", RawBsonRef::String(text)) => key = Some(text).filter(|key| !key.is_empty()),
            ("k", other) => return Err(refuse(&wrong("key", other, "give a string or leave it out"))),
            ("h", RawBsonRef::Document(document)) => headers = Some(document),
            ("h", other) => return Err(refuse(&wrong("headers", other, "give an object or leave it out"))),
            ("t", given) => timestamp_ms = Some(timestamp(given).map_err(|problem| refuse(&problem))?),
            ("i", given) => id = Some(message_id(given).map_err(|problem| refuse(&problem))?),
            ("s", RawBsonRef::String(json)) => hash_input = Some(json),
            _ => {}
        }
    }
    let value =
        value.ok_or_else(|| refuse("value is missing: give what is to be sent; null is a value, too"))?;
    let id = id.unwrap_or_else(|| MessageId::ObjectId(random::object_id()));
    let timestamp_ms = timestamp_ms.unwrap_or(now_ms);
    Ok(OutgoingMessageParts {
        message: OutgoingMessage { value, key, headers, timestamp_ms, id },
        hash_input,
    })
}

fn timestamp(given: RawBsonRef<'_>) -> Result<i64, String> {
    let millis = match given {
        RawBsonRef::DateTime(date) => return Ok(DateTime::timestamp_millis(date)),
        RawBsonRef::Int32(millis) => f64::from(millis),
        #[expect(
            clippy::cast_precision_loss,
            reason = "exact within the range of a Date, which is checked next"
        )]
        RawBsonRef::Int64(millis) => millis as f64,
        RawBsonRef::Double(millis) => millis,
        other => return Err(format!("timestamp must be a Date, and is {}", type_name(other.element_type()))),
    };
    if millis.is_nan() {
        return Err("timestamp must be a Date, and is an invalid one".to_owned());
    }
    if millis.abs() > DATE_RANGE_MS {
        return Err("timestamp must be a Date, and is a number beyond the range of one".to_owned());
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "within the range of i64; a Date cuts fractions off, too"
    )]
    Ok(millis as i64)
}

fn message_id(given: RawBsonRef<'_>) -> Result<MessageId<'_>, String> {
    match given {
        RawBsonRef::String("") => Err("messageId is empty: give 1 to 200 bytes or leave it out".to_owned()),
        RawBsonRef::String(text) if text.len() > MAX_ID_BYTES => {
            Err(format!("messageId has {} bytes: give 1 to {MAX_ID_BYTES} or leave it out", text.len()))
        }
        RawBsonRef::String(text) => Ok(MessageId::Text(text)),
        other => Err(wrong("messageId", other, "give a string of 1 to 200 bytes or leave it out")),
    }
}

fn wrong(field: &str, given: RawBsonRef<'_>, remedy: &str) -> String {
    format!("{field} is {}: {remedy}", type_name(given.element_type()))
}

fn malformed() -> Error {
    Error::internal("a send is not of the form { m: [ … ] }")
}

#[cfg(test)]
mod tests {
    use bson::{RawBson, RawDocumentBuf, rawdoc};

    use super::*;
    use crate::error_code::ErrorCode;

    fn part(messages: impl IntoIterator<Item = RawDocumentBuf>) -> RawDocumentBuf {
        rawdoc! { "m": messages.into_iter().map(RawBson::Document).collect::<bson::RawArrayBuf>() }
    }

    fn problem(message: RawDocumentBuf) -> String {
        let error = parse_messages(&part([rawdoc! { "v": 1 }, message]), 10, 0).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidMessage);
        error.message().strip_prefix("message 11: ").expect("the index within the send").to_owned()
    }

    #[test]
    fn reads_what_is_given() {
        let whole = rawdoc! { "v": { "a": 1 }, "k": "key", "h": { "x": 1 }, "t": 5.9, "i": "my-id", "s": "{\"a\":1}" };
        let part = part([whole]);
        let parsed = parse_messages(&part, 0, 99).unwrap();
        assert_eq!(parsed.len(), 1);
        let OutgoingMessageParts { message, hash_input } = parsed[0];
        assert_eq!(message.value.as_document(), Some(&*rawdoc! { "a": 1 }));
        assert_eq!((message.key, message.headers), (Some("key"), Some(&*rawdoc! { "x": 1 })));
        assert_eq!((message.timestamp_ms, message.id), (5, MessageId::Text("my-id")));
        assert_eq!(hash_input, Some("{\"a\":1}"));
    }

    #[test]
    fn fills_in_what_is_absent() {
        let nulls = rawdoc! { "v": null, "k": null, "h": null, "t": null, "i": null };
        let part = part([rawdoc! { "v": 1 }, nulls, rawdoc! { "v": 1, "k": "" }]);
        let parsed = parse_messages(&part, 0, 99).unwrap();
        for OutgoingMessageParts { message, hash_input } in &parsed {
            assert_eq!((message.key, message.headers, message.timestamp_ms), (None, None, 99));
            assert!(matches!(message.id, MessageId::ObjectId(_)));
            assert_eq!(*hash_input, None);
        }
        assert_eq!(parsed[1].message.value, RawBsonRef::Null);
        assert_ne!(parsed[0].message.id, parsed[1].message.id);
    }

    #[test]
    fn takes_every_number_type_as_a_timestamp() {
        let dates: [(RawBson, i64); 5] = [
            (7_i32.into(), 7),
            ((-7_i64).into(), -7),
            (8.64e15.into(), 8_640_000_000_000_000),
            ((-0.5).into(), 0),
            (DateTime::from_millis(1_700_000_000_000).into(), 1_700_000_000_000),
        ];
        for (given, expected) in dates {
            let part = part([rawdoc! { "v": 1, "t": given }]);
            assert_eq!(parse_messages(&part, 0, 99).unwrap()[0].message.timestamp_ms, expected);
        }
    }

    #[test]
    fn says_what_is_wrong_with_which_message() {
        assert!(problem(rawdoc! { "k": "a" }).starts_with("value is missing: "));
        assert_eq!(problem(rawdoc! { "v": 1, "k": 7 }), "key is a number: give a string or leave it out");
        assert_eq!(
            problem(rawdoc! { "v": 1, "h": [1] }),
            "headers is an array: give an object or leave it out"
        );
        let text = problem(rawdoc! { "v": 1, "t": "2024-01-01" });
        assert_eq!(text, "timestamp must be a Date, and is a string");
        assert_eq!(
            problem(rawdoc! { "v": 1, "t": f64::NAN }),
            "timestamp must be a Date, and is an invalid one"
        );
        for beyond in [f64::INFINITY, f64::NEG_INFINITY, 8.641e15] {
            let beyond = problem(rawdoc! { "v": 1, "t": beyond });
            assert_eq!(beyond, "timestamp must be a Date, and is a number beyond the range of one");
        }
        assert!(problem(rawdoc! { "v": 1, "i": "" }).starts_with("messageId is empty: "));
        assert!(problem(rawdoc! { "v": 1, "i": "x".repeat(201) }).starts_with("messageId has 201 bytes: "));
        assert!(
            problem(rawdoc! { "v": 1, "i": bson::oid::ObjectId::new() })
                .starts_with("messageId is an ObjectId: ")
        );
    }

    #[test]
    fn never_repeats_what_is_in_a_message() {
        let secret = "hunter2";
        for bad in [
            rawdoc! { "v": secret, "h": secret },
            rawdoc! { "v": { "p": secret }, "t": secret },
            rawdoc! { "v": 1, "i": secret.repeat(100) },
        ] {
            assert!(!problem(bad).contains(secret));
        }
    }

    #[test]
    fn a_part_of_another_form_is_our_own_defect() {
        for bad in [rawdoc! {}, rawdoc! { "m": 1 }, rawdoc! { "m": [1] }] {
            assert_eq!(parse_messages(&bad, 0, 0).unwrap_err().code(), ErrorCode::Internal);
        }
    }
}
