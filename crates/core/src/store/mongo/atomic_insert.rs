//! Inserting messages of several partitions in one transaction.

use std::collections::HashSet;

use bson::{Bson, Document, RawBsonRef, RawDocumentBuf, doc};
use futures_util::TryStreamExt;
use mongodb::error::{TRANSIENT_TRANSACTION_ERROR, UNKNOWN_TRANSACTION_COMMIT_RESULT};
use mongodb::{ClientSession, Collection};

use super::connection::Connection;
use super::{mongo_error, transaction_sessions};
use crate::error::{Error, Result};
use crate::error_code::{Effect, ErrorCode};
use crate::store::contract::PartitionMessages;

const WHAT: &str = "insert in a transaction";

pub(super) async fn append(
    connection: &Connection,
    messages: &[PartitionMessages],
    may_be_stored: bool,
) -> Result<()> {
    let transaction = async {
        let (client, sessions) = connection.transactional();
        let mut session = sessions.take(&client).await?;
        session.start_transaction().await?;
        let outcome = insert(connection, &mut session, messages, may_be_stored).await;
        let committed = match outcome {
            Ok(()) => transaction_sessions::commit(&mut session).await,
            Err(error) => {
                // The transaction ends with its session anyway.
                if session.abort_transaction().await.is_err() {
                    return Err(error);
                }
                Err(error)
            }
        };
        sessions.give_back(session);
        committed
    };
    let limit = connection.operation_timeout();
    match connection.answer_within(limit, transaction).await {
        Some(outcome) => outcome.map_err(|error| converted(&error)),
        None => Err(super::connection::no_answer(WHAT, limit)),
    }
}

async fn insert(
    connection: &Connection,
    session: &mut ClientSession,
    messages: &[PartitionMessages],
    may_be_stored: bool,
) -> mongodb::error::Result<()> {
    for PartitionMessages { collection, documents } in messages {
        let collection: Collection<RawDocumentBuf> = connection.database().collection(collection);
        let missing = without_stored(&collection, session, documents, may_be_stored).await?;
        if !missing.is_empty() {
            collection.insert_many(missing).ordered(true).session(&mut *session).await?;
        }
    }
    Ok(())
}

/// A duplicate key would end the transaction. Ids that are new need not be looked for.
async fn without_stored<'d>(
    collection: &Collection<RawDocumentBuf>,
    session: &mut ClientSession,
    documents: &'d [RawDocumentBuf],
    may_be_stored: bool,
) -> mongodb::error::Result<Vec<&'d RawDocumentBuf>> {
    let wanted = |document: &RawDocumentBuf| {
        let id = document.get("_id").ok().flatten()?;
        let is_new = !may_be_stored && matches!(id, RawBsonRef::ObjectId(_));
        if is_new { None } else { Bson::try_from(id).ok() }
    };
    let ids: Vec<_> = documents.iter().filter_map(wanted).collect();
    if ids.is_empty() {
        return Ok(documents.iter().collect());
    }
    let stored = collection.clone_with_type::<Document>();
    let find = stored.find(doc! { "_id": { "$in": ids } }).projection(doc! { "_id": 1 });
    let mut cursor = find.session(&mut *session).await?;
    let found: Vec<Document> = cursor.stream(session).try_collect().await?;
    let mut known: HashSet<_> = found.iter().filter_map(|found| found.get("_id")).map(key).collect();
    // The same id twice is one message.
    let is_missing = |document: &&RawDocumentBuf| wanted(document).is_none_or(|id| known.insert(key(&id)));
    Ok(documents.iter().filter(is_missing).collect())
}

/// Ids are strings of the user's or ids of ours.
fn key(id: &Bson) -> String {
    match id {
        Bson::String(text) => format!("s{text}"),
        other => format!("o{other}"),
    }
}

/// A transaction that did not commit has stored nothing. Somebody else may have stored one of the ids meanwhile: the next
/// try sees it.
fn converted(error: &mongodb::error::Error) -> Error {
    let converted = mongo_error::convert(WHAT, error);
    if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT) {
        return converted.with_effect(Effect::Possible);
    }
    let heals = error.contains_label(TRANSIENT_TRANSACTION_ERROR) || mongo_error::is_duplicate_key(error);
    let again = || Error::new(ErrorCode::Unavailable, format!("{WHAT}: another write was faster"));
    if heals && !converted.is_retryable() { again() } else { converted.with_effect(Effect::None) }
}
