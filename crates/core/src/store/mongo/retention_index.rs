//! The indexes of a partition collection: the TTL index that ends retention, and the one on `_ts` for reading
//! history in order.

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};
use std::time::Duration;

use super::connection::Connection;
use super::mongo_error;
use crate::error::Result;
use crate::store::contract::{RetentionIndex, RetentionStats};

fn ttl_index_name(collection: &str) -> String {
    format!("ttl_{collection}_timestamp")
}

pub(super) async fn prepare(connection: &Connection, collection: &str, retention_ms: u64) -> Result<()> {
    create_collection(connection, collection).await?;
    let expire_after_seconds = retention_ms / 1000;
    match find(connection, collection).await? {
        Some(index) if index.expire_after_seconds == expire_after_seconds => {}
        Some(index) => change(connection, collection, &index.name, expire_after_seconds).await?,
        None => create_ttl(connection, collection, expire_after_seconds).await?,
    }
    create_history_index(connection, collection).await
}

async fn create_collection(connection: &Connection, collection: &str) -> Result<()> {
    let database = connection.database();
    let create = async {
        match database.create_collection(collection).await {
            Err(error) if mongo_error::is_namespace_exists(&error) => Ok(()),
            outcome => outcome,
        }
    };
    connection.within_deadline("create partition", create).await
}

async fn create_ttl(connection: &Connection, collection: &str, expire_after_seconds: u64) -> Result<()> {
    let options = IndexOptions::builder()
        .name(ttl_index_name(collection))
        .expire_after(Duration::from_secs(expire_after_seconds))
        .build();
    let index = IndexModel::builder().keys(doc! { "_timestamp": 1 }).options(options).build();
    let stored = documents(connection, collection);
    let create = stored.create_index(index);
    connection.within_deadline("create TTL index", create).await.map(drop)
}

async fn change(
    connection: &Connection,
    collection: &str,
    name: &str,
    expire_after_seconds: u64,
) -> Result<()> {
    let seconds = i64::try_from(expire_after_seconds).unwrap_or(i64::MAX);
    let command = doc! { "collMod": collection, "index": { "name": name, "expireAfterSeconds": seconds } };
    connection.within_deadline("change TTL index", connection.database().run_command(command)).await.map(drop)
}

async fn create_history_index(connection: &Connection, collection: &str) -> Result<()> {
    let options = IndexOptions::builder().name(format!("history_{collection}_ts")).build();
    let index = IndexModel::builder().keys(doc! { "_ts": 1 }).options(options).build();
    let stored = documents(connection, collection);
    let create = stored.create_index(index);
    connection.within_deadline("create history index", create).await.map(drop)
}

pub(super) async fn find(connection: &Connection, collection: &str) -> Result<Option<RetentionIndex>> {
    let name = ttl_index_name(collection);
    let command = doc! { "listIndexes": collection };
    let list = async {
        let cursor = connection.database().run_cursor_command(command).await?;
        cursor.try_collect::<Vec<Document>>().await
    };
    let list = async {
        match list.await {
            Err(error) if mongo_error::is_namespace_not_found(&error) => Ok(Vec::new()),
            outcome => outcome,
        }
    };
    let indexes = connection.within_deadline("list indexes", list).await?;
    Ok(indexes.iter().filter_map(decode).find(|index| index.name == name))
}

fn decode(index: &Document) -> Option<RetentionIndex> {
    let expire_after_seconds = match index.get("expireAfterSeconds")? {
        Bson::Int32(seconds) => u64::try_from(*seconds).ok()?,
        Bson::Int64(seconds) => u64::try_from(*seconds).ok()?,
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole seconds, not negative"
        )]
        Bson::Double(seconds) if *seconds >= 0.0 => *seconds as u64,
        _ => return None,
    };
    let version = index.get_i32("v").unwrap_or(2);
    Some(RetentionIndex { name: index.get_str("name").ok()?.to_owned(), expire_after_seconds, version })
}

pub(super) async fn stats(connection: &Connection) -> Result<Vec<RetentionStats>> {
    let database = connection.database();
    let list = database.list_collection_names();
    let mut names = connection.within_deadline("list collections", list).await?;
    names.retain(|name| !name.starts_with("system."));
    names.sort_unstable();
    let mut stats = Vec::with_capacity(names.len());
    for collection in names {
        let documents = documents(connection, &collection);
        let count = documents.estimated_document_count();
        let document_count = connection.within_deadline("count messages", count).await?;
        let dated = documents.find_one(doc! { "_timestamp": { "$type": "date" } });
        let has_timestamp_field = connection.within_deadline("look for _timestamp", dated).await?.is_some();
        let index = find(connection, &collection).await?;
        stats.push(RetentionStats { collection, index, document_count, has_timestamp_field });
    }
    Ok(stats)
}

fn documents(connection: &Connection, collection: &str) -> Collection<Document> {
    connection.database().collection(collection)
}
