//! The field `attempts` of an offset document. Pure.

use bson::{Array, Bson, Document, doc};

use crate::consumer::checkpoint::MessageAttempts;
use crate::dead_letter::{FailedAttempt, HandlerError};

/// Attempts whose errors are kept. Together with the lengths this bounds what a failing message costs each write.
const MOST_ERRORS: usize = 5;
const LONGEST_TEXT: usize = 1024;

/// The update that stores the attempts of all unfinished messages.
pub fn attempts_update(attempts: &[MessageAttempts]) -> Document {
    if attempts.is_empty() {
        return doc! { "$unset": { "attempts": "" } };
    }
    let attempts: Array = attempts.iter().map(|attempts| Bson::Document(encode(attempts))).collect();
    doc! { "$set": { "attempts": attempts } }
}

/// The attempts in an offset document; `None` if they cannot be read.
pub fn decode(document: &Document) -> Option<Vec<MessageAttempts>> {
    match document.get("attempts") {
        None | Some(Bson::Null) => Some(Vec::new()),
        Some(Bson::Array(attempts)) => attempts.iter().map(decode_one).collect(),
        Some(_) => None,
    }
}

fn encode(attempts: &MessageAttempts) -> Document {
    let dropped = attempts.failed.len().saturating_sub(MOST_ERRORS);
    let errors: Array = attempts.failed[dropped..]
        .iter()
        .map(|attempt| {
            let HandlerError { name, message, .. } = &attempt.error;
            Bson::Document(doc! { "name": shortened(name), "message": shortened(message), "at": attempt.at })
        })
        .collect();
    let forgotten = attempts.forgotten.saturating_add(u32::try_from(dropped).unwrap_or(u32::MAX));
    doc! {
        "id": &attempts.message_id,
        "errors": errors,
        "forgotten": i64::from(forgotten),
        "inFlight": attempts.in_flight,
    }
}

fn decode_one(value: &Bson) -> Option<MessageAttempts> {
    let document = value.as_document()?;
    let failed = document.get_array("errors").ok()?.iter().map(decode_error).collect::<Option<_>>()?;
    Some(MessageAttempts {
        message_id: document.get("id")?.clone(),
        failed,
        forgotten: u32::try_from(document.get_i64("forgotten").ok()?).ok()?,
        in_flight: document.get_bool("inFlight").ok()?,
    })
}

fn decode_error(value: &Bson) -> Option<FailedAttempt> {
    let document = value.as_document()?;
    let text = |field| document.get_str(field).ok().map(str::to_owned);
    Some(FailedAttempt {
        error: HandlerError { name: text("name")?, message: text("message")?, stack: None },
        at: *document.get_datetime("at").ok()?,
    })
}

fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_TEXT)]
}

#[cfg(test)]
mod tests {
    use bson::DateTime;

    use super::*;

    fn failed(message: &str) -> FailedAttempt {
        let error = HandlerError { name: "TypeError".into(), message: message.into(), stack: None };
        FailedAttempt { error, at: DateTime::from_millis(7) }
    }

    fn stored(attempts: &[MessageAttempts]) -> Vec<MessageAttempts> {
        let update = attempts_update(attempts);
        decode(&update.get_document("$set").cloned().unwrap_or_default()).expect("is readable")
    }

    #[test]
    fn come_back_as_they_were() {
        let one = MessageAttempts {
            message_id: Bson::Int32(5),
            failed: vec![failed("a"), failed("b")],
            forgotten: 2,
            in_flight: true,
        };
        assert_eq!(one.count(), 4);
        assert_eq!(stored(std::slice::from_ref(&one)), [one]);
        assert_eq!(stored(&[]), []);
    }

    #[test]
    fn of_many_only_the_newest_keep_their_errors() {
        let attempts = MessageAttempts {
            message_id: Bson::Int32(5),
            failed: (0..9).map(|n| failed(&format!("{n}{}", "é".repeat(2000)))).collect(),
            forgotten: 1,
            in_flight: false,
        };
        let read = stored(std::slice::from_ref(&attempts));
        assert_eq!(read[0].count(), attempts.count());
        assert_eq!(read[0].failed.len(), MOST_ERRORS);
        assert!(read[0].failed[0].error.message.starts_with("4é"));
        assert!(read[0].failed[0].error.message.len() <= LONGEST_TEXT);
    }

    #[test]
    fn damage_is_seen() {
        assert!(decode(&doc! { "attempts": 1 }).is_none());
        assert!(decode(&doc! { "attempts": [{ "id": 1 }] }).is_none());
        assert_eq!(decode(&doc! {}), Some(Vec::new()));
    }
}
