//! Writes a page of dead letters in the form in which it crosses to the user's language:
//! `{ letters: [ {…} ], after, records: [ { o, i, k, h, t, v } ] }`. A letter and its record have the same index; the
//! record is as in a delivery, and empty where the message is not enclosed or cannot be read.

use bson::spec::ElementType;
use bson::{Bson, Document, doc};

use super::bson_writer::BsonWriter;
use super::delivery_bytes::write_message;
use super::record_layout;
use crate::dead_letter::{FailedAttempt, LetterPage, LetterPosition, RedriveMark, StoredLetter};
use crate::feed::stream_token::StreamToken;

const INITIAL_CAPACITY: usize = 4096;

/// The page, whole.
pub fn letter_page_bytes(page: &LetterPage) -> Vec<u8> {
    let mut out = BsonWriter::with_capacity(INITIAL_CAPACITY);
    let root = out.open_root();
    let letters: Vec<_> = page.letters.iter().map(letter_fields).collect();
    let after = page.next().as_ref().map(LetterPosition::to_text);
    // Dates, numbers and short texts always encode.
    let head = bson::serialize_to_vec(&doc! { "letters": letters, "after": after }).unwrap_or_default();
    out.bytes(head.get(size_of::<i32>()..head.len().saturating_sub(1)).unwrap_or_default());
    let records = out.open(ElementType::Array, "records");
    for (index, letter) in page.letters.iter().enumerate() {
        let record = out.open(ElementType::EmbeddedDocument, &index.to_string());
        let message = letter.message.as_ref().and_then(|message| record_layout::decode(message).ok());
        if let Some(message) = message {
            write_message(&mut out, letter.token.as_ref().map(StreamToken::as_str), &message);
        }
        out.close(record);
    }
    out.close(records);
    out.close(root);
    out.into_bytes()
}

fn letter_fields(letter: &StoredLetter) -> Document {
    let key = &letter.id.key;
    doc! {
        "groupId": &key.group_id,
        "topic": &key.topic,
        "partition": key.partition,
        "messageId": letter.id.message_id_text(),
        "offset": letter.token.as_ref().map(|token| doc! { "_data": token.as_str() }),
        "attempts": number(letter.attempts),
        "errors": letter.errors.iter().map(error_fields).collect::<Vec<_>>(),
        "deadAt": letter.dead_at,
        "expiresAt": letter.expires_at,
        "redrives": number(letter.redrives),
        "redrive": letter.redrive.as_ref().map(mark_fields),
    }
}

fn error_fields(attempt: &FailedAttempt) -> Document {
    let error = &attempt.error;
    let mut fields = doc! { "name": &error.name, "message": &error.message, "at": attempt.at };
    fields.extend(error.stack.as_ref().map(|stack| ("stack".to_owned(), Bson::from(stack))));
    fields
}

fn mark_fields(mark: &RedriveMark) -> Document {
    doc! { "id": &mark.id, "requestedAt": mark.requested_at, "notBefore": mark.not_before }
}

/// As a number that JavaScript reads as one.
fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use bson::{DateTime, RawDocument, RawDocumentBuf, rawdoc};

    use super::*;
    use crate::dead_letter::{DeadLetter, HandlerError};
    use crate::store::contract::OffsetKey;

    const TOKEN: &str = "826B04662D000000062B0229296E04";
    const AT: DateTime = DateTime::from_millis(1000);

    fn letter(message: RawDocumentBuf) -> StoredLetter {
        let error = HandlerError { name: "E".into(), message: "no".into(), stack: Some("at x".into()) };
        StoredLetter::buried(DeadLetter {
            key: OffsetKey { group_id: "g".into(), topic: "t".into(), partition: 3 },
            message,
            token: StreamToken::parse(TOKEN),
            attempts: vec![FailedAttempt { error, at: AT }],
            forgotten: 0,
            at: AT,
            retention_ms: None,
        })
    }

    #[test]
    fn writes_what_the_other_side_reads() {
        let mark = RedriveMark {
            id: "r".into(),
            requested_at: AT,
            not_before: AT,
            holder: None,
            interruptions: 1,
            expires_at: None,
        };
        let whole = StoredLetter {
            redrive: Some(mark),
            expires_at: Some(AT),
            redrives: 2,
            ..letter(rawdoc! { "_id": "a", "n": 1, "_headers": {}, "_timestamp": AT, "_key": "k" })
        };
        let bare =
            StoredLetter { message: None, token: None, errors: Vec::new(), ..letter(rawdoc! { "_id": 5 }) };
        let page = LetterPage { letters: vec![whole.clone(), bare], is_last: false };
        let bytes = letter_page_bytes(&page);
        let read = Document::try_from(RawDocument::from_bytes(&bytes).unwrap()).unwrap();
        let expected = doc! {
            "letters": [
                {
                    "groupId": "g", "topic": "t", "partition": 3, "messageId": "a", "offset": { "_data": TOKEN },
                    "attempts": 1, "errors": [{ "name": "E", "message": "no", "at": AT, "stack": "at x" }],
                    "deadAt": AT, "expiresAt": AT, "redrives": 2,
                    "redrive": { "id": "r", "requestedAt": AT, "notBefore": AT },
                },
                {
                    "groupId": "g", "topic": "t", "partition": 3, "messageId": "5", "offset": null,
                    "attempts": 1, "errors": [], "deadAt": AT, "expiresAt": null, "redrives": 0, "redrive": null,
                },
            ],
            "after": page.next().map(|next| next.to_text()),
            "records": [{ "o": TOKEN, "i": "a", "k": "k", "h": {}, "t": AT, "v": { "n": 1 } }, {}],
        };
        assert_eq!(read, expected);

        let last = letter_page_bytes(&LetterPage { letters: vec![whole], is_last: true });
        let read = Document::try_from(RawDocument::from_bytes(&last).unwrap()).unwrap();
        assert_eq!(read.get("after"), Some(&Bson::Null));
    }

    #[test]
    fn a_message_that_cannot_be_read_leaves_its_letter_readable() {
        let broken = RawDocumentBuf::from_bytes(b"\x10\0\0\0\x02_key\0\x03\0\0\0\xff".to_vec());
        assert!(broken.is_err(), "not a document at all");
        let broken =
            RawDocumentBuf::from_bytes(b"\x12\0\0\0\x02_key\0\x03\0\0\0\xff\xff\0\0".to_vec()).unwrap();
        let letter = StoredLetter { message: Some(broken), ..letter(rawdoc! { "_id": "a" }) };
        let bytes = letter_page_bytes(&LetterPage { letters: vec![letter], is_last: true });
        let read = Document::try_from(RawDocument::from_bytes(&bytes).unwrap()).unwrap();
        assert_eq!(read.get_array("records").unwrap().as_slice(), [Bson::Document(doc! {})]);
        assert_eq!(read.get_array("letters").unwrap().len(), 1);
    }
}
