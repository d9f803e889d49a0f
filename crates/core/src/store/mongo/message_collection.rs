//! A partition's collection: reading messages back.

use bson::{Bson, Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt;
use mongodb::{Collection, Cursor};

use super::connection::Connection;
use crate::error::Result;
use crate::feed::stream_token::ClusterTime;
use crate::store::contract::{HistoryRange, LARGEST_PAGE_BYTES};

fn messages(connection: &Connection, collection: &str) -> Collection<RawDocumentBuf> {
    connection.database().collection(collection)
}

pub(super) async fn read_history(
    connection: &Connection,
    collection: &str,
    range: HistoryRange,
    limit: u32,
) -> Result<Vec<RawDocumentBuf>> {
    let (filter, sort) = query(range);
    let stored = messages(connection, collection);
    // Where 1.4.2 made the topic there may be no index on `_ts`; sorting in memory alone would fail.
    let find = stored.find(filter).sort(sort).limit(i64::from(limit)).batch_size(limit).allow_disk_use(true);
    connection.within_deadline("read history", async { page(find.await?).await }).await
}

/// As it was at this time, which the server remembers for five minutes.
pub(super) async fn read_snapshot(
    connection: &Connection,
    collection: &str,
    range: HistoryRange,
    time: ClusterTime,
    limit: u32,
) -> Result<Vec<RawDocumentBuf>> {
    let (filter, sort) = query(range);
    let read_concern = doc! { "level": "snapshot", "atClusterTime": Bson::Timestamp(time.into()) };
    let find = doc! {
        "find": collection,
        "filter": filter,
        "sort": sort,
        "limit": i64::from(limit),
        "batchSize": i64::from(limit),
        "allowDiskUse": true,
        "readConcern": read_concern,
    };
    let database = connection.database();
    let read = async { page(database.run_cursor_command(find).await?.with_type()).await };
    connection.within_deadline("read history", read).await
}

async fn page(mut cursor: Cursor<RawDocumentBuf>) -> mongodb::error::Result<Vec<RawDocumentBuf>> {
    let (mut page, mut bytes) = (Vec::new(), 0);
    while bytes < LARGEST_PAGE_BYTES
        && let Some(message) = cursor.try_next().await?
    {
        bytes += message.as_bytes().len();
        page.push(message);
    }
    Ok(page)
}

pub(super) async fn count_history(
    connection: &Connection,
    collection: &str,
    range: HistoryRange,
    most: u64,
) -> Result<u64> {
    let (filter, _) = query(range);
    let stored = messages(connection, collection);
    connection.within_deadline("count messages", stored.count_documents(filter).limit(most)).await
}

fn query(range: HistoryRange) -> (Document, Document) {
    match range {
        HistoryRange::Unstamped { after, since } => {
            // In 1.4.2 a payload may have a field of this name and another type. Comparing with a timestamp leaves
            // it in, and is a form that the index on `_ts` serves.
            let earliest = Bson::Timestamp(bson::Timestamp { time: 0, increment: 0 });
            let mut filter = doc! { "_ts": { "$not": { "$gte": earliest } } };
            if let Some(id) = after {
                // An id of another type than the last one compares by type; `$gt` alone would leave it out.
                filter.insert("$expr", doc! { "$gt": ["$_id", { "$literal": id }] });
            }
            if let Some(since) = since {
                // These comparisons are within the type; whatever is of another type is not less.
                let older = doc! { "_id": { "$lt": since }, "_timestamp": { "$lt": since.timestamp() } };
                filter.insert("$nor", vec![older]);
            }
            (filter, doc! { "_id": 1 })
        }
        HistoryRange::Stamped { after, until } => {
            let bounds = doc! { "$gt": Bson::Timestamp(after.into()), "$lte": Bson::Timestamp(until.into()) };
            (doc! { "_ts": bounds }, doc! { "_ts": 1 })
        }
    }
}

pub(super) async fn load(
    connection: &Connection,
    collection: &str,
    id: &Bson,
) -> Result<Option<RawDocumentBuf>> {
    let stored = messages(connection, collection);
    connection.within_deadline("read a message", stored.find_one(doc! { "_id": id })).await
}

pub(super) async fn sample(connection: &Connection, collection: &str) -> Result<Option<RawDocumentBuf>> {
    let stored = messages(connection, collection);
    let undated = stored.find_one(doc! { "_timestamp": { "$not": { "$type": "date" } } });
    if let Some(undated) = connection.within_deadline("read a message", undated).await? {
        return Ok(Some(undated));
    }
    connection.within_deadline("read a message", stored.find_one(doc! {})).await
}
