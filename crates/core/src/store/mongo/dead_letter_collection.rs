//! The `dead_letters` collection: what a group gave up on, written together with the offset behind it.

use bson::{Bson, Document, doc};
use mongodb::error::UNKNOWN_TRANSACTION_COMMIT_RESULT;
use mongodb::{ClientSession, Collection};

use super::connection::Connection;
use super::offset_collection;
use crate::consumer::checkpoint::Checkpoint;
use crate::dead_letter::{DeadLetter, FailedAttempt};
use crate::error::{Error, Result};
use crate::store::contract::{Claim, CommitOutcome};

const COLLECTION: &str = "dead_letters";
/// Together these keep a letter below the 16 MiB of a document: 20 attempts of three texts are less than 1 MiB.
const LARGEST_ENCLOSED_MESSAGE: usize = 15 << 20;
const MOST_ATTEMPTS: usize = 20;
const LONGEST_TEXT: usize = 16 << 10;

/// One transaction. Trying it again after an unknown outcome is safe: the letter has a fixed id and is replaced.
pub(super) async fn commit(
    connection: &Connection,
    claim: &Claim,
    checkpoint: &Checkpoint,
    letter: &DeadLetter,
) -> Result<CommitOutcome> {
    let document = encode(letter)?;
    let transaction = async {
        let mut session = connection.client().start_session().await?;
        session.start_transaction().await?;
        let outcome = write(connection, &mut session, claim, checkpoint, document).await;
        match outcome {
            Ok(CommitOutcome::Committed) => commit_transaction(&mut session).await?,
            // The transaction ends with its session anyway; aborting only gives its locks back sooner.
            Ok(CommitOutcome::Fenced) | Err(_) => drop(session.abort_transaction().await),
        }
        outcome
    };
    connection.within_deadline("write dead letter", transaction).await
}

async fn write(
    connection: &Connection,
    session: &mut ClientSession,
    claim: &Claim,
    checkpoint: &Checkpoint,
    document: Document,
) -> mongodb::error::Result<CommitOutcome> {
    let letters: Collection<Document> = connection.database().collection(COLLECTION);
    let id = doc! { "_id": document.get("_id").cloned().unwrap_or(Bson::Null) };
    letters.replace_one(id, document).upsert(true).session(&mut *session).await?;
    // Last, so that another member waiting for the partition is held up as briefly as can be.
    offset_collection::commit_in(connection, session, claim, checkpoint).await
}

async fn commit_transaction(session: &mut ClientSession) -> mongodb::error::Result<()> {
    match session.commit_transaction().await {
        Err(error) if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) => {
            session.commit_transaction().await
        }
        outcome => outcome,
    }
}

fn encode(letter: &DeadLetter) -> Result<Document> {
    let id = letter.message.get("_id").ok().flatten().map(Bson::try_from).transpose();
    let id = id.map_err(|error| Error::internal("a stored message cannot be read").caused_by(error))?;
    let key = &letter.key;
    let mut document = doc! {
        "_id": {
            "groupId": &key.group_id,
            "topic": &key.topic,
            "partition": key.partition,
            "messageId": id.unwrap_or(Bson::Null),
        },
        "groupId": &key.group_id,
        "topic": &key.topic,
        "partition": key.partition,
        "offset": letter.token.as_ref().map(|token| doc! { "_data": token.as_str() }),
        "attempts": i32::try_from(letter.attempts.len()).unwrap_or(i32::MAX),
        "errors": last_attempts(&letter.attempts).iter().map(encode_attempt).collect::<Vec<_>>(),
        "deadAt": letter.at,
    };
    // A message close to the limit of a document does not fit into another one. It stays where it is until its
    // retention ends; the id says which it is.
    if letter.message.as_bytes().len() <= LARGEST_ENCLOSED_MESSAGE {
        let message = Document::try_from(letter.message.as_ref())
            .map_err(|error| Error::internal("a stored message cannot be read").caused_by(error))?;
        document.insert("message", message);
    }
    Ok(document)
}

fn last_attempts(attempts: &[FailedAttempt]) -> &[FailedAttempt] {
    &attempts[attempts.len().saturating_sub(MOST_ATTEMPTS)..]
}

fn encode_attempt(attempt: &FailedAttempt) -> Document {
    doc! {
        "name": shortened(&attempt.error.name),
        "message": shortened(&attempt.error.message),
        "stack": attempt.error.stack.as_deref().map(shortened),
        "at": attempt.at,
    }
}

fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST_TEXT)]
}
