//! The marks of dead letters that are to be delivered again, as the owners of their partitions use them.

use bson::{Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt;
use mongodb::options::ReturnDocument;

use super::connection::Connection;
use super::dead_letter_collection::collection;
use super::dead_letter_query::sort;
use crate::dead_letter::{LetterHolder, LetterOrder, PendingRedrive, RedriveFailure, StoredLetter};
use crate::error::{Error, Result};
use crate::store::contract::{Claim, CommitOutcome, OffsetKey};
use crate::store::dead_letter_document::{decode, decode_id, decode_mark, encode_id, outcome_fields};

pub(super) async fn has_any(connection: &Connection, group_id: &str, topic: &str) -> Result<bool> {
    let letters = collection::<Document>(connection);
    let marked = doc! { "groupId": group_id, "topic": topic, "redrive.id": { "$exists": true } };
    let find = letters.find_one(marked).projection(doc! { "_id": 1 });
    Ok(connection.within_deadline("look for redrives", find).await?.is_some())
}

/// What is due is decided by the server's clock, which also set the dates.
pub(super) async fn next(connection: &Connection, key: &OffsetKey) -> Result<Option<PendingRedrive>> {
    let letters = collection::<Document>(connection);
    let marked = doc! {
        "groupId": &key.group_id,
        "topic": &key.topic,
        "partition": key.partition,
        "redrive.id": { "$exists": true },
    };
    let due_in = doc! { "$subtract": ["$redrive.notBefore", "$$NOW"] };
    let first = letters.aggregate([
        doc! { "$match": marked },
        doc! { "$sort": sort(LetterOrder::Oldest) },
        doc! { "$limit": 1 },
        doc! { "$project": { "redrive": 1, "dueInMs": due_in } },
    ]);
    let read = async { first.await?.try_next().await };
    let found = connection.within_deadline("look for a redrive", read).await?;
    found.as_ref().map(|letter| pending(letter).ok_or_else(damaged)).transpose()
}

fn pending(letter: &Document) -> Option<PendingRedrive> {
    Some(PendingRedrive {
        letter: decode_id(letter.get_document("_id").ok()?)?,
        mark: decode_mark(letter.get_document("redrive").ok()?)?,
        due_in_ms: letter.get_i64("dueInMs").ok()?,
    })
}

fn damaged() -> Error {
    Error::internal("the field `redrive` of a document of `dead_letters` cannot be read; remove the field")
}

pub(super) async fn take(
    connection: &Connection,
    claim: &Claim,
    pending: &PendingRedrive,
) -> Result<Option<StoredLetter>> {
    let mut filter = doc! { "_id": encode_id(&pending.letter), "redrive.id": &pending.mark.id };
    match &pending.mark.holder {
        Some(LetterHolder { owner, epoch }) => {
            filter.extend(doc! { "redrive.owner": owner, "redrive.epoch": epoch });
        }
        None => _ = filter.insert("redrive.epoch", doc! { "$exists": false }),
    }
    let taken = pending.mark.clone().taken(claim);
    let update = doc! { "$set": {
        "redrive.owner": &claim.owner,
        "redrive.epoch": claim.epoch,
        "redrive.interruptions": taken.interruptions,
    } };
    let letters = collection::<RawDocumentBuf>(connection);
    let take = letters.find_one_and_update(filter, update).return_document(ReturnDocument::After);
    let letter = connection.within_deadline("take a dead letter", take).await?;
    letter.as_ref().map(|letter| decode(letter)).transpose()
}

pub(super) async fn finish(
    connection: &Connection,
    claim: &Claim,
    letter: &StoredLetter,
) -> Result<CommitOutcome> {
    let letters = collection::<Document>(connection);
    let delete = letters.delete_one(taken_filter(claim, letter));
    let result = connection.within_deadline("remove a dead letter", delete).await?;
    Ok(outcome(result.deleted_count))
}

pub(super) async fn fail(
    connection: &Connection,
    claim: &Claim,
    letter: &StoredLetter,
    failure: &RedriveFailure,
) -> Result<CommitOutcome> {
    let failed = letter.clone().failed_again(failure);
    let mut gone = doc! { "redrive": "" };
    if failed.expires_at.is_none() {
        gone.insert("expiresAt", "");
    }
    let update = doc! { "$set": outcome_fields(&failed), "$unset": gone };
    change(connection, claim, letter, update).await
}

pub(super) async fn give_back(
    connection: &Connection,
    claim: &Claim,
    letter: &StoredLetter,
) -> Result<CommitOutcome> {
    change(connection, claim, letter, doc! { "$unset": { "redrive.owner": "", "redrive.epoch": "" } }).await
}

async fn change(
    connection: &Connection,
    claim: &Claim,
    letter: &StoredLetter,
    update: Document,
) -> Result<CommitOutcome> {
    let letters = collection::<Document>(connection);
    let update = letters.update_one(taken_filter(claim, letter), update);
    let result = connection.within_deadline("change a dead letter", update).await?;
    Ok(outcome(result.matched_count))
}

/// Another owner that has taken the letter since has put itself into the mark, and a new request has another id.
fn taken_filter(claim: &Claim, letter: &StoredLetter) -> Document {
    doc! {
        "_id": encode_id(&letter.id),
        "redrive.id": letter.redrive.as_ref().map(|mark| mark.id.as_str()),
        "redrive.owner": &claim.owner,
        "redrive.epoch": claim.epoch,
    }
}

fn outcome(changed: u64) -> CommitOutcome {
    if changed == 0 { CommitOutcome::Fenced } else { CommitOutcome::Committed }
}
