//! The `topics` collection: one document per topic.

use bson::{Bson, Document, doc};
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};

use super::connection::Connection;
use super::mongo_error;
use crate::error::{Error, Result};
use crate::store::contract::Topic;

const COLLECTION: &str = "topics";

fn collection(connection: &Connection) -> Collection<Document> {
    connection.database().collection(COLLECTION)
}

pub(super) async fn load(connection: &Connection, name: &str) -> Result<Option<Topic>> {
    let found = connection
        .within_deadline("load topic", collection(connection).find_one(doc! { "name": name }))
        .await?;
    found.as_ref().map(decode).transpose()
}

pub(super) async fn save(connection: &Connection, topic: &Topic) -> Result<()> {
    ensure_name_index(connection).await?;
    let update = doc! {
        "$set": {
            "collection": &topic.collection,
            "retentionMs": to_int64(topic.retention_ms),
        },
        "$max": { "partitions": topic.partitions },
        "$currentDate": { "updatedAt": true },
        "$setOnInsert": { "createdAt": bson::DateTime::now() },
    };
    let topics = collection(connection);
    let upsert = topics.update_one(doc! { "name": &topic.name }, update).upsert(true);
    connection.within_deadline("save topic", upsert).await?;
    Ok(())
}

/// Two services that create the same topic at the same time must not make two documents of it. 1.4.2 has no such
/// index and may have left doubles behind; then the index cannot be made and nothing is worse than it was.
async fn ensure_name_index(connection: &Connection) -> Result<()> {
    let index = IndexModel::builder()
        .keys(doc! { "name": 1 })
        .options(IndexOptions::builder().unique(true).name("name_unique".to_owned()).build())
        .build();
    let topics = collection(connection);
    let create = async {
        match topics.create_index(index).await {
            Err(error) if mongo_error::is_duplicate_key(&error) || mongo_error::is_index_conflict(&error) => {
                Ok(())
            }
            outcome => outcome.map(drop),
        }
    };
    connection.within_deadline("save topic", create).await
}

fn decode(document: &Document) -> Result<Topic> {
    let malformed = |field: &str| {
        Error::internal(format!(
            "the stored topic has no usable field `{field}`; repair its document in `{COLLECTION}`"
        ))
    };
    let name = document.get_str("name").map_err(|_| malformed("name"))?;
    let number = |field: &str| {
        match document.get(field) {
            Some(Bson::Int32(value)) => u64::try_from(*value).ok(),
            Some(Bson::Int64(value)) => u64::try_from(*value).ok(),
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, checked")]
            Some(Bson::Double(value)) if value.fract() == 0.0 && *value >= 0.0 => Some(*value as u64),
            _ => None,
        }
        .ok_or_else(|| malformed(field).on_topic(name))
    };
    Ok(Topic {
        name: name.to_owned(),
        collection: document.get_str("collection").unwrap_or(name).to_owned(),
        partitions: u32::try_from(number("partitions")?)
            .map_err(|_| malformed("partitions").on_topic(name))?,
        retention_ms: number("retentionMs")?,
    })
}

/// 1.4.2 writes numbers from JavaScript; a count of milliseconds fits either way.
fn to_int64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
