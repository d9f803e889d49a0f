//! The `dead_letters` collection: what a group gave up on, written together with the offset behind it. Its indexes.

use std::time::Duration;

use bson::{Document, RawDocumentBuf, doc};
use mongodb::options::IndexOptions;
use mongodb::{ClientSession, Collection, IndexModel};

use super::connection::Connection;
use super::{mongo_error, offset_collection, transaction_sessions};
use crate::consumer::checkpoint::Checkpoint;
use crate::dead_letter::{DeadLetter, StoredLetter};
use crate::error::Result;
use crate::store::contract::{Claim, CommitOutcome};
use crate::store::dead_letter_document::{encode, encode_id};

const COLLECTION: &str = "dead_letters";

pub(super) fn collection<T: Send + Sync>(connection: &Connection) -> Collection<T> {
    connection.database().collection(COLLECTION)
}

/// One for lists, one for the owners that look for letters to redrive, which holds only those, and one for expiry.
pub(super) async fn ensure_indexes(connection: &Connection) -> Result<()> {
    let in_order = IndexOptions::builder().name("letters_in_order".to_owned()).build();
    let pending = IndexOptions::builder()
        .name("letters_to_redrive".to_owned())
        .partial_filter_expression(doc! { "redrive.id": { "$exists": true } })
        .build();
    let expiry =
        IndexOptions::builder().name("letters_expiry".to_owned()).expire_after(Duration::ZERO).build();
    let indexes = [
        (doc! { "groupId": 1, "place": 1, "_id": 1, "topic": 1, "partition": 1 }, in_order),
        (doc! { "groupId": 1, "topic": 1, "partition": 1, "place": 1, "_id": 1 }, pending),
        (doc! { "expiresAt": 1 }, expiry),
    ];
    let indexes = indexes.map(|(keys, options)| IndexModel::builder().keys(keys).options(options).build());
    let letters = collection::<Document>(connection);
    let create = async {
        match letters.create_indexes(indexes).await {
            Err(error) if mongo_error::is_index_conflict(&error) => Ok(()),
            outcome => outcome.map(drop),
        }
    };
    connection.within_deadline("create dead letter indexes", create).await
}

/// One transaction. Trying it again after an unknown outcome is safe: the letter has a fixed id and is replaced.
pub(super) async fn commit(
    connection: &Connection,
    claim: &Claim,
    checkpoint: &Checkpoint,
    letter: &DeadLetter,
) -> Result<CommitOutcome> {
    let letter = StoredLetter::buried(letter.clone());
    let (id, document) = (doc! { "_id": encode_id(&letter.id) }, encode(&letter)?);
    let transaction = async {
        let (client, sessions) = connection.transactional();
        let mut session = sessions.take(&client).await?;
        session.start_transaction().await?;
        let outcome = write(connection, &mut session, claim, checkpoint, id, document).await;
        match outcome {
            Ok(CommitOutcome::Committed) => transaction_sessions::commit(&mut session).await?,
            // The transaction ends with its session anyway; aborting only gives its locks back sooner.
            Ok(CommitOutcome::Fenced) | Err(_) if session.abort_transaction().await.is_err() => {
                return outcome;
            }
            Ok(CommitOutcome::Fenced) | Err(_) => {}
        }
        sessions.give_back(session);
        outcome
    };
    connection.within_deadline("write dead letter", transaction).await
}

async fn write(
    connection: &Connection,
    session: &mut ClientSession,
    claim: &Claim,
    checkpoint: &Checkpoint,
    id: Document,
    document: RawDocumentBuf,
) -> mongodb::error::Result<CommitOutcome> {
    let letters: Collection<RawDocumentBuf> = collection(connection);
    letters.replace_one(id, document).upsert(true).session(&mut *session).await?;
    // Last, so that another member waiting for the partition is held up as briefly as can be.
    offset_collection::commit_in(connection, session, claim, checkpoint).await
}
