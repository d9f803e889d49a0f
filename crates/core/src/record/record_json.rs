//! A record as JSON text, where nothing of it would be lost: a JavaScript engine reads that several times faster than
//! BSON.
//!
//! `[token, id, key, timestamp, headers, value, attempt, possibleDuplicate, redriven]`, the timestamp in milliseconds since
//! 1970, token and key null where there is none.

use std::io::Write;

use bson::{RawBsonRef, RawDocument};

use super::record_layout::EMPTY_DOCUMENT;
use crate::consumer::record_handler::DeliveredMessage;
use crate::feed::stream_token::StreamToken;

/// What is nested deeper is left to BSON.
const DEEPEST: usize = 32;

/// Writes a record, or nothing: `false` for one that has a value without a JSON form of its own, such as a Date.
pub(super) fn write_record(
    out: &mut Vec<u8>,
    scratch: &mut Vec<u8>,
    delivered: &DeliveredMessage<'_>,
) -> bool {
    let start = out.len();
    let written = try_write(out, scratch, delivered).is_some();
    if !written {
        out.truncate(start);
    }
    written
}

fn try_write(out: &mut Vec<u8>, scratch: &mut Vec<u8>, delivered: &DeliveredMessage<'_>) -> Option<()> {
    let message = &delivered.stored;
    out.push(b'[');
    optional_text(out, delivered.token.map(StreamToken::as_str))?;
    out.push(b',');
    text(out, &message.id_text())?;
    out.push(b',');
    optional_text(out, message.key)?;
    write!(out, ",{},", message.timestamp.timestamp_millis()).ok()?;
    match message.headers {
        Some(headers) if headers.as_bytes() != EMPTY_DOCUMENT => document(out, headers, DEEPEST)?,
        _ => out.extend_from_slice(b"{}"),
    }
    out.push(b',');
    scratch.clear();
    message.write_value_as_field(scratch);
    let (_, payload) = RawDocument::from_bytes(scratch).ok()?.iter().next()?.ok()?;
    value(out, payload, DEEPEST)?;
    let DeliveredMessage { attempt, possible_duplicate, redriven, .. } = delivered;
    write!(out, ",{attempt},{possible_duplicate},{redriven}]").ok()
}

fn value(out: &mut Vec<u8>, given: RawBsonRef<'_>, depth: usize) -> Option<()> {
    match given {
        RawBsonRef::String(given) => text(out, given),
        RawBsonRef::Int32(number) => write!(out, "{number}").ok(),
        RawBsonRef::Double(number) if number.is_finite() => serde_json::to_writer(out, &number).ok(),
        RawBsonRef::Boolean(given) => write!(out, "{given}").ok(),
        RawBsonRef::Null => out.write_all(b"null").ok(),
        RawBsonRef::Document(given) => document(out, given, depth.checked_sub(1)?),
        RawBsonRef::Array(given) => {
            let depth = depth.checked_sub(1)?;
            out.push(b'[');
            for (index, element) in given.into_iter().enumerate() {
                separate(out, index);
                value(out, element.ok()?, depth)?;
            }
            out.push(b']');
            Some(())
        }
        _ => None,
    }
}

fn document(out: &mut Vec<u8>, given: &RawDocument, depth: usize) -> Option<()> {
    out.push(b'{');
    for (index, element) in given.iter().enumerate() {
        let (name, element) = element.ok()?;
        if name == "$ref" {
            // Read from BSON it may become a DBRef.
            return None;
        }
        separate(out, index);
        text(out, name.as_str())?;
        out.push(b':');
        value(out, element, depth)?;
    }
    out.push(b'}');
    Some(())
}

fn separate(out: &mut Vec<u8>, index: usize) {
    if index > 0 {
        out.push(b',');
    }
}

fn optional_text(out: &mut Vec<u8>, given: Option<&str>) -> Option<()> {
    match given {
        Some(given) => text(out, given),
        None => out.write_all(b"null").ok(),
    }
}

fn text(out: &mut Vec<u8>, given: &str) -> Option<()> {
    serde_json::to_writer(out, given).ok()
}

#[cfg(test)]
mod tests {
    use bson::{DateTime, RawDocumentBuf, rawdoc};

    use super::*;
    use crate::record::record_layout::decode;

    fn written(stored: &RawDocumentBuf) -> Option<String> {
        let delivered = DeliveredMessage {
            token: None,
            stored: decode(stored).unwrap(),
            attempt: 1,
            possible_duplicate: false,
            redriven: false,
        };
        let mut out = b"before".to_vec();
        let is_written = write_record(&mut out, &mut Vec::new(), &delivered);
        let out = String::from_utf8(out).unwrap();
        let text = out.strip_prefix("before").unwrap().to_owned();
        assert_eq!(is_written, !text.is_empty());
        is_written.then_some(text)
    }

    fn value_of(value: impl Into<bson::RawBson>) -> Option<String> {
        let text =
            written(&rawdoc! { "_id": "i", "_timestamp": DateTime::from_millis(9), "_value": value.into() })?;
        let value = text.strip_prefix(r#"[null,"i",null,9,{},"#).unwrap();
        Some(value.strip_suffix(",1,false,false]").unwrap().to_owned())
    }

    #[test]
    fn a_whole_record() {
        let token = StreamToken::parse("826B04662D000000062B0229296E04").unwrap();
        let stored = rawdoc! {
            "_id": "i", "a": { "b": [1, "x"] }, "_headers": { "h": 1 }, "_timestamp": DateTime::from_millis(-5), "_key": "k",
        };
        let delivered = DeliveredMessage {
            token: Some(&token),
            stored: decode(&stored).unwrap(),
            attempt: 2,
            possible_duplicate: true,
            redriven: true,
        };
        let mut out = Vec::new();
        assert!(write_record(&mut out, &mut Vec::new(), &delivered));
        let expected =
            format!(r#"["{}","i","k",-5,{{"h":1}},{{"a":{{"b":[1,"x"]}}}},2,true,true]"#, token.as_str());
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn numbers_come_back_as_they_were() {
        for number in [0.0, -0.0, 0.1, 5e-324, f64::MAX, 9_007_199_254_740_993.0, -1e21] {
            let text = value_of(number).unwrap();
            let read: f64 = text.parse().unwrap();
            assert_eq!(read.to_bits(), number.to_bits(), "{text}");
        }
        assert_eq!(value_of(i32::MIN).unwrap(), "-2147483648");
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(value_of("\"\\\u{0}\n\u{2028}é😀").unwrap(), "\"\\\"\\\\\\u0000\\n\u{2028}é😀\"");
        assert_eq!(value_of(rawdoc! { "__proto__": 1, "\"": 2 }).unwrap(), r#"{"__proto__":1,"\"":2}"#);
    }

    #[test]
    fn what_json_has_no_form_for_is_left_to_bson() {
        let others: [bson::RawBson; 7] = [
            5_i64.into(),
            f64::NAN.into(),
            f64::INFINITY.into(),
            DateTime::from_millis(1).into(),
            bson::oid::ObjectId::from_bytes([1; 12]).into(),
            rawdoc! { "a": [{ "b": DateTime::from_millis(1) }] }.into(),
            rawdoc! { "$ref": "orders", "$id": 1 }.into(),
        ];
        for other in others {
            assert_eq!(value_of(other), None);
        }
        assert_eq!(written(&rawdoc! { "_id": "i", "_headers": { "at": DateTime::from_millis(1) } }), None);
    }

    #[test]
    fn what_is_nested_deeply_is_left_to_bson() {
        let nested = |levels| (0..levels).fold(rawdoc! {}, |inner, _| rawdoc! { "a": inner });
        assert!(value_of(nested(DEEPEST - 1)).is_some());
        assert_eq!(value_of(nested(DEEPEST + 1)), None);
    }
}
