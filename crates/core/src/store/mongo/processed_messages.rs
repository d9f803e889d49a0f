//! The `processed_messages` collection: what transactional handlers have handled. They write it, in their transactions.

use std::time::Duration;

use bson::{Document, doc};
use mongodb::IndexModel;
use mongodb::options::IndexOptions;

use super::connection::Connection;
use super::mongo_error;
use crate::error::Result;

const COLLECTION: &str = "processed_messages";

/// Also makes the collection: within a transaction that would be slow, and hold others up.
pub(super) async fn ensure_index(connection: &Connection) -> Result<()> {
    let options =
        IndexOptions::builder().name("processed_expiry".to_owned()).expire_after(Duration::ZERO).build();
    let index = IndexModel::builder().keys(doc! { "expiresAt": 1 }).options(options).build();
    let processed = connection.database().collection::<Document>(COLLECTION);
    let create = async {
        match processed.create_index(index).await {
            Err(error) if mongo_error::is_index_conflict(&error) => Ok(()),
            outcome => outcome.map(drop),
        }
    };
    connection.within_deadline("create index of processed messages", create).await
}
