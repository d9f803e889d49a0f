//! A dead letter, from the moment at which its message is given up to the one at which it is handled after all or
//! removed. Pure: both stores change letters by this code.

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, RawBsonRef, RawDocumentBuf};

use super::handler_error::{FailedAttempt, HandlerError};
use crate::feed::stream_token::StreamToken;
use crate::record::element_bytes::elements;
use crate::record::message_id_text::message_id_text;
use crate::store::contract::{Claim, OffsetKey};

/// Together these keep a letter below the 16 MiB of a document: 20 attempts of three texts are less than 1 MiB.
const LARGEST_ENCLOSED_MESSAGE: usize = 15 << 20;
const MOST_ERRORS: usize = 20;
const LONGEST_TEXT: usize = 16 << 10;

/// A message whose attempts are used up.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// Group, topic and partition.
    pub key: OffsetKey,
    /// The stored message, whole.
    pub message: RawDocumentBuf,
    /// Its place in the stream; `None` if it was read from the stored history.
    pub token: Option<StreamToken>,
    /// The attempts, oldest first; bounded by the retry policy.
    pub attempts: Vec<FailedAttempt>,
    /// Attempts before those, whose errors are not known any more.
    pub forgotten: u32,
    /// When the group gave up.
    pub at: DateTime,
    /// After how many milliseconds the letter is deleted; `None`: never.
    pub retention_ms: Option<u64>,
}

impl DeadLetter {
    /// Attempts, also those whose errors are not known any more.
    pub fn failed_attempts(&self) -> u32 {
        u32::try_from(self.attempts.len()).unwrap_or(u32::MAX).saturating_add(self.forgotten)
    }
}

/// Which letter: a group has one letter per message.
#[derive(Debug, Clone, PartialEq)]
pub struct LetterId {
    /// Group, topic and partition.
    pub key: OffsetKey,
    /// `_id` of the message.
    pub message_id: Bson,
}

impl LetterId {
    /// The message's id as its records show it.
    pub fn message_id_text(&self) -> String {
        message_id_text(&self.message_id)
    }
}

/// A letter as it is stored in `dead_letters`.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredLetter {
    /// Which one.
    pub id: LetterId,
    /// The stored message, whole; `None` if it is too large to be enclosed (beyond 15 MiB). Then it is only in its
    /// partition, until its retention ends.
    pub message: Option<RawDocumentBuf>,
    /// The message's place in the stream; `None` if it was read from the stored history.
    pub token: Option<StreamToken>,
    /// What letters are ordered by: the token, or the place that the server's stamp in the message says. `None` for
    /// messages of 1.4.2 that were read from the stored history; they come first.
    pub place: Option<StreamToken>,
    /// Attempts that failed, all told.
    pub attempts: u32,
    /// The newest 20 of them, oldest first.
    pub errors: Vec<FailedAttempt>,
    /// When the group gave up first. A redrive that fails does not change it.
    pub dead_at: DateTime,
    /// When it is deleted; `None`: never, or not while a redrive is pending.
    pub expires_at: Option<DateTime>,
    /// Redrives that failed.
    pub redrives: u32,
    /// A redrive that was asked for and is not finished.
    pub redrive: Option<RedriveMark>,
}

/// A redrive that is pending.
#[derive(Debug, Clone, PartialEq)]
pub struct RedriveMark {
    /// The request. All letters that it marked have it.
    pub id: String,
    /// When it was asked for, by the server's clock.
    pub requested_at: DateTime,
    /// When it is this letter's turn, by the server's clock.
    pub not_before: DateTime,
    /// The owner that has taken the letter to deliver it.
    pub holder: Option<LetterHolder>,
    /// Owners that took it and were gone before they knew the outcome.
    pub interruptions: u32,
    /// `expires_at` as it was before. A letter does not expire while it waits for its redrive.
    pub expires_at: Option<DateTime>,
}

/// Who has taken a letter: an owner of its partition, and the epoch of its claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterHolder {
    /// Who.
    pub owner: String,
    /// Epoch under which it owns the partition.
    pub epoch: i64,
}

/// The next letter of a partition that has to be delivered again, as far as deciding needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingRedrive {
    /// Which letter.
    pub letter: LetterId,
    /// The mark, as it was when this was read.
    pub mark: RedriveMark,
    /// Milliseconds until it is due, by the server's clock; negative if it has been due for so long.
    pub due_in_ms: i64,
}

/// A redrive failed too.
#[derive(Debug, Clone)]
pub struct RedriveFailure {
    /// Its attempts, oldest first.
    pub attempts: Vec<FailedAttempt>,
    /// When the last one failed.
    pub at: DateTime,
    /// After how many milliseconds the letter is deleted; `None`: never.
    pub retention_ms: Option<u64>,
}

impl StoredLetter {
    /// A new letter, within the bounds of what can be stored.
    pub fn buried(letter: DeadLetter) -> Self {
        let count = u32::try_from(letter.attempts.len()).unwrap_or(u32::MAX);
        let fits = letter.message.as_bytes().len() <= LARGEST_ENCLOSED_MESSAGE;
        Self {
            place: letter.token.clone().or_else(|| place_by_stamp(&letter.message)),
            id: LetterId { key: letter.key, message_id: id_of(&letter.message) },
            message: fits.then_some(letter.message),
            token: letter.token,
            attempts: count.saturating_add(letter.forgotten),
            errors: newest(letter.attempts),
            dead_at: letter.at,
            expires_at: expiry(letter.at, letter.retention_ms),
            redrives: 0,
            redrive: None,
        }
    }

    /// What a redrive that failed leaves: the letter stays, with the new errors, and waits for no redrive.
    #[must_use]
    pub fn failed_again(self, failure: &RedriveFailure) -> Self {
        let count = u32::try_from(failure.attempts.len()).unwrap_or(u32::MAX);
        let mut errors = self.errors;
        errors.extend_from_slice(&failure.attempts);
        Self {
            attempts: self.attempts.saturating_add(count),
            errors: newest(errors),
            expires_at: expiry(failure.at, failure.retention_ms),
            redrives: self.redrives.saturating_add(1),
            redrive: None,
            ..self
        }
    }
}

impl RedriveMark {
    /// The mark once an owner has taken the letter. An earlier owner that took it and neither finished it nor gave it
    /// back was interrupted.
    #[must_use]
    pub fn taken(self, claim: &Claim) -> Self {
        let holder = LetterHolder::of(claim);
        let was_interrupted = self.holder.as_ref().is_some_and(|earlier| *earlier != holder);
        let interruptions = self.interruptions.saturating_add(u32::from(was_interrupted));
        Self { holder: Some(holder), interruptions, ..self }
    }

    /// Whether an owner under a newer epoch has taken the letter.
    pub fn is_held_under_newer_epoch(&self, claim: &Claim) -> bool {
        self.holder.as_ref().is_some_and(|holder| holder.epoch > claim.epoch)
    }
}

impl LetterHolder {
    /// The owner that a claim names.
    pub fn of(claim: &Claim) -> Self {
        Self { owner: claim.owner.clone(), epoch: claim.epoch }
    }
}

/// `_id` of the message. What another writer made of broken text is kept as the bytes that it is.
fn id_of(message: &RawDocumentBuf) -> Bson {
    let Some(id) = elements(message).flatten().find(|field| field.name() == "_id") else { return Bson::Null };
    let value = id.element.value().ok().and_then(|value| Bson::try_from(value).ok());
    value
        .unwrap_or_else(|| Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: id.value.to_vec() }))
}

/// Messages are read from the stored history in the order of their stamps.
fn place_by_stamp(message: &RawDocumentBuf) -> Option<StreamToken> {
    match message.get("_ts") {
        Ok(Some(RawBsonRef::Timestamp(stamp))) => Some(StreamToken::after(stamp.into())),
        _ => None,
    }
}

fn newest(mut attempts: Vec<FailedAttempt>) -> Vec<FailedAttempt> {
    attempts.drain(..attempts.len().saturating_sub(MOST_ERRORS));
    for FailedAttempt { error: HandlerError { name, message, stack }, .. } in &mut attempts {
        shorten(name);
        shorten(message);
        stack.as_mut().map(shorten);
    }
    attempts
}

fn shorten(text: &mut String) {
    text.truncate(text.floor_char_boundary(LONGEST_TEXT));
}

fn expiry(at: DateTime, retention_ms: Option<u64>) -> Option<DateTime> {
    retention_ms.map(|ms| DateTime::from_millis(at.timestamp_millis().saturating_add_unsigned(ms)))
}

#[cfg(test)]
mod tests {
    use bson::{Timestamp, rawdoc};

    use super::*;
    use crate::feed::stream_token::ClusterTime;

    const AT: DateTime = DateTime::from_millis(1000);

    fn attempt(message: impl Into<String>) -> FailedAttempt {
        let error =
            HandlerError { name: "Error".into(), message: message.into(), stack: Some("at x".into()) };
        FailedAttempt { error, at: AT }
    }

    fn letter(message: RawDocumentBuf) -> DeadLetter {
        let key = OffsetKey { group_id: "g".into(), topic: "t".into(), partition: 3 };
        let attempts = vec![attempt("first"), attempt("second")];
        DeadLetter { key, message, token: None, attempts, forgotten: 1, at: AT, retention_ms: None }
    }

    #[test]
    fn a_letter_is_named_by_its_message_and_placed_by_token_or_stamp() {
        let stamp = Timestamp { time: 9, increment: 2 };
        let time = ClusterTime { seconds: 9, increment: 2 };
        let stamped = StoredLetter::buried(letter(rawdoc! { "_id": "a", "_ts": stamp }));
        assert_eq!(stamped.id.message_id, Bson::from("a"));
        assert_eq!((stamped.token, stamped.place), (None, Some(StreamToken::after(time))));

        let token = StreamToken::parse("826B04662D000000062B0229296E04");
        let streamed = DeadLetter { token: token.clone(), ..letter(rawdoc! { "_id": "a", "_ts": stamp }) };
        let streamed = StoredLetter::buried(streamed);
        assert_eq!((&streamed.token, &streamed.place), (&token, &token));

        let old = StoredLetter::buried(letter(rawdoc! { "_id": 5, "_ts": "of the payload" }));
        assert_eq!((old.id.message_id, old.place), (Bson::Int32(5), None));
        let nameless = StoredLetter::buried(letter(rawdoc! { "a": 1 }));
        assert_eq!(nameless.id.message_id, Bson::Null);
    }

    #[test]
    fn an_id_that_is_no_text_is_kept_as_bytes() {
        let broken =
            RawDocumentBuf::from_bytes(b"\x11\0\0\0\x02_id\0\x03\0\0\0\xff\xff\0\0".to_vec()).unwrap();
        let id = StoredLetter::buried(letter(broken)).id.message_id;
        assert!(matches!(&id, Bson::Binary(binary) if binary.bytes.ends_with(b"\xff\xff\0")), "{id}");
    }

    #[test]
    fn what_is_stored_is_bounded() {
        let attempts = (0..30).map(|n| attempt(format!("{n}{}", "é".repeat(20_000)))).collect();
        let many = DeadLetter { attempts, ..letter(rawdoc! { "_id": 1 }) };
        let many = StoredLetter::buried(many);
        assert_eq!((many.attempts, many.errors.len()), (31, MOST_ERRORS));
        assert!(many.errors[0].error.message.starts_with("10é"));
        assert!(many.errors.iter().all(|one| one.error.message.len() <= LONGEST_TEXT));

        let large =
            |bytes| StoredLetter::buried(letter(rawdoc! { "_id": 1, "text": "x".repeat(bytes) })).message;
        assert!(large(LARGEST_ENCLOSED_MESSAGE - 100).is_some());
        assert!(large(LARGEST_ENCLOSED_MESSAGE).is_none());
    }

    #[test]
    fn a_failed_redrive_adds_its_errors_and_takes_the_mark_off() {
        let mark = RedriveMark {
            id: "r".into(),
            requested_at: AT,
            not_before: AT,
            holder: Some(LetterHolder { owner: "a".into(), epoch: 4 }),
            interruptions: 0,
            expires_at: Some(AT),
        };
        let first =
            StoredLetter { redrive: Some(mark), ..StoredLetter::buried(letter(rawdoc! { "_id": 1 })) };
        let at = DateTime::from_millis(5000);
        let failure = RedriveFailure { attempts: vec![attempt("third")], at, retention_ms: Some(60_000) };
        let again = first.clone().failed_again(&failure);
        let messages: Vec<_> = again.errors.iter().map(|one| one.error.message.as_str()).collect();
        assert_eq!((again.attempts, messages), (4, vec!["first", "second", "third"]));
        assert_eq!((again.dead_at, again.redrives, again.redrive), (AT, 1, None));
        assert_eq!(again.expires_at, Some(DateTime::from_millis(65_000)));
        let kept = first.failed_again(&RedriveFailure { retention_ms: None, ..failure });
        assert_eq!(kept.expires_at, None);
    }

    #[test]
    fn an_owner_that_took_it_and_is_gone_counts_as_interrupted() {
        let mark = RedriveMark {
            id: "r".into(),
            requested_at: AT,
            not_before: AT,
            holder: None,
            interruptions: 0,
            expires_at: None,
        };
        let key = OffsetKey { group_id: "g".into(), topic: "t".into(), partition: 3 };
        let claim = |owner: &str, epoch| Claim { key: key.clone(), owner: owner.into(), epoch, revision: 1 };
        let first = mark.taken(&claim("a", 4));
        assert_eq!((&first.holder, first.interruptions), (&Some(LetterHolder::of(&claim("a", 4))), 0));
        assert_eq!(first.clone().taken(&claim("a", 4)), first);
        let newer = [3, 4, 5].map(|epoch| first.is_held_under_newer_epoch(&claim("b", epoch)));
        assert_eq!(newer, [true, false, false]);
        // Another owner, another epoch, or an epoch that began anew because the offset was deleted.
        for next in [claim("b", 4), claim("a", 7), claim("b", 1)] {
            let taken = first.clone().taken(&next);
            assert_eq!((taken.holder, taken.interruptions), (Some(LetterHolder::of(&next)), 1));
        }
    }
}
