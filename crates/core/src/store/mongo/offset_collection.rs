//! The `consumer_offsets` collection. Each document is the fence of one partition in one group: a commit is one
//! compare-and-set on its owner, epoch and revision.

use bson::{Bson, DateTime, Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt;
use mongodb::options::{IndexOptions, ReturnDocument};
use mongodb::{ClientSession, Collection, IndexModel};

use super::connection::Connection;
use super::mongo_error;
use crate::consumer::checkpoint::{Checkpoint, MessageAttempts};
use crate::consumer::position::Position;
use crate::error::{Error, Result};
use crate::feed::stream_token::ClusterTime;
use crate::store::contract::{
    Claim, CommitOutcome, OFFSETS_COLLECTION, OffsetKey, OffsetRecord, StoredOffset,
};
use crate::store::{attempts_document, offset_document};

pub(super) const COLLECTION: &str = OFFSETS_COLLECTION;

fn collection(connection: &Connection) -> Collection<Document> {
    connection.database().collection(COLLECTION)
}

/// The index of 1.4.2, under the name that the driver gave it there.
pub(super) async fn ensure_index(connection: &Connection) -> Result<()> {
    let index = IndexModel::builder()
        .keys(doc! { "groupId": 1, "topic": 1, "partition": 1 })
        .options(IndexOptions::builder().unique(true).build())
        .build();
    let offsets = collection(connection);
    let create = async {
        match offsets.create_index(index).await {
            Err(error) if mongo_error::is_index_conflict(&error) => Ok(()),
            outcome => outcome.map(drop),
        }
    };
    connection.within_deadline("create offset index", create).await
}

pub(super) async fn load(connection: &Connection, key: &OffsetKey) -> Result<Option<StoredOffset>> {
    let found = find(connection, key).await?;
    found.as_ref().map(offset_document::decode).transpose()
}

async fn find(connection: &Connection, key: &OffsetKey) -> Result<Option<Document>> {
    let offsets = collection(connection);
    let find = offsets.find_one(key_filter(key));
    connection.within_deadline("load offset", find).await
}

pub(super) async fn claim_after(
    connection: &Connection,
    key: &OffsetKey,
    owner: &str,
    epoch: Option<i64>,
) -> Result<Option<StoredOffset>> {
    let claim = async {
        match take_over(connection, key, owner, epoch).await {
            // There is a document, with another epoch.
            Err(error) if epoch.is_none() && mongo_error::is_duplicate_key(&error) => Ok(None),
            outcome => outcome,
        }
    };
    let document = connection.within_deadline("claim partition", claim).await?;
    document.as_ref().map(offset_document::decode).transpose()
}

/// The document as long as it has this epoch, or as long as there is none.
fn epoch_filter(key: &OffsetKey, epoch: Option<i64>) -> Document {
    let mut filter = key_filter(key);
    match epoch {
        // A document of 1.4.2 has no epoch, which reads as 0.
        Some(0) => filter.insert("epoch", doc! { "$in": [0_i64, Bson::Null] }),
        Some(epoch) => filter.insert("epoch", epoch),
        None => filter.insert("epoch", Bson::Null),
    };
    filter
}

/// In a pipeline: what is there, or this.
fn keep(field: &str, otherwise: Bson) -> Document {
    doc! { "$ifNull": [format!("${field}"), otherwise] }
}

fn one_more(field: &str) -> Document {
    doc! { "$add": [keep(field, Bson::Int64(0)), 1_i64] }
}

/// A document that was there keeps its birth, also one of 1.4.2, which has none.
fn birth() -> Document {
    let is_new = doc! { "$eq": [{ "$type": "$createdAt" }, "missing"] };
    doc! { "$cond": [is_new, "$$CLUSTER_TIME", format!("${}", offset_document::BORN_AT)] }
}

async fn take_over(
    connection: &Connection,
    key: &OffsetKey,
    owner: &str,
    epoch: Option<i64>,
) -> mongodb::error::Result<Option<Document>> {
    let filter = epoch_filter(key, epoch);
    // A pipeline, because only there the server tells its own time; what it finds stays as it is.
    let set = doc! {
        "owner": { "$literal": owner },
        "epoch": one_more("epoch"),
        "revision": one_more("revision"),
        "uncleanEnds": one_more("uncleanEnds"),
        "offset": keep("offset", Bson::Null),
        "createdAt": keep("createdAt", "$$NOW".into()),
        "timestamp": keep("timestamp", "$$NOW".into()),
        offset_document::BORN_AT: birth(),
    };
    collection(connection)
        .find_one_and_update(filter, vec![doc! { "$set": set }])
        .upsert(epoch.is_none())
        .return_document(ReturnDocument::After)
        .await
}

pub(super) async fn group_birth(
    connection: &Connection,
    group_id: &str,
    topic: &str,
) -> Result<Option<ClusterTime>> {
    let offsets = collection(connection);
    let find = offsets.find(doc! { "groupId": group_id, "topic": topic });
    let list = async { find.await?.try_collect::<Vec<_>>().await };
    let documents = connection.within_deadline("load offsets", list).await?;
    Ok(documents.iter().filter_map(offset_document::birth).min())
}

/// Whoever owned the partition is out: under the next epoch none of its writes finds the document.
pub(super) async fn reset(
    connection: &Connection,
    key: &OffsetKey,
    epoch: Option<i64>,
    position: &Position,
) -> Result<bool> {
    let filter = epoch_filter(key, epoch);
    let literal = |(field, value)| (field, Bson::from(doc! { "$literal": value }));
    let mut set: Document = offset_document::reset_fields(position, epoch).into_iter().map(literal).collect();
    set.extend(doc! {
        "revision": one_more("revision"),
        "createdAt": keep("createdAt", "$$NOW".into()),
        "timestamp": "$$NOW",
        offset_document::BORN_AT: birth(),
    });
    let update = vec![doc! { "$set": set }, doc! { "$unset": offset_document::RESET_FORGETS.to_vec() }];
    let offsets = collection(connection);
    let reset = async {
        match offsets.update_one(filter, update).upsert(epoch.is_none()).await {
            // There is a document, with another epoch.
            Err(error) if epoch.is_none() && mongo_error::is_duplicate_key(&error) => Ok(false),
            outcome => outcome.map(|done| done.matched_count > 0 || done.upserted_id.is_some()),
        }
    };
    connection.within_deadline("reset offset", reset).await
}

pub(super) async fn restore(
    connection: &Connection,
    claim: &Claim,
    checkpoint: &Checkpoint,
) -> Result<CommitOutcome> {
    let offsets = collection(connection);
    let document = offset_document::restored(claim, checkpoint, DateTime::now());
    let insert = async {
        match offsets.insert_one(document).await {
            Err(error) if mongo_error::is_duplicate_key(&error) => Ok(CommitOutcome::Fenced),
            outcome => outcome.map(|_| CommitOutcome::Committed),
        }
    };
    connection.within_deadline("restore offset", insert).await
}

/// What the owner of a partition writes into its offset document, as a statement of an `update` command.
pub(super) fn commit_update(claim: &Claim, checkpoint: &Checkpoint) -> Result<RawDocumentBuf> {
    update_if_held(claim, dated(checkpoint))
}

pub(super) fn forget_unclean_ends_update(claim: &Claim) -> Result<RawDocumentBuf> {
    update_if_held(claim, doc! { "$set": { "uncleanEnds": 1_i64 } })
}

pub(super) fn attempts_update(claim: &Claim, attempts: &[MessageAttempts]) -> Result<RawDocumentBuf> {
    update_if_held(claim, attempts_document::attempts_update(attempts))
}

fn update_if_held(claim: &Claim, update: Document) -> Result<RawDocumentBuf> {
    RawDocumentBuf::try_from(
        &doc! { "q": claim_filter(claim), "u": offset_document::numbered(update, claim) },
    )
    .map_err(|error| Error::internal("an update of an offset cannot be encoded").caused_by(error))
}

/// Waits for a transaction that holds the document.
pub(super) async fn settle(connection: &Connection, claim: &Claim) -> Result<Option<StoredOffset>> {
    let offsets = collection(connection);
    let number = offsets
        .find_one_and_update(claim_filter(claim), offset_document::numbered(doc! {}, claim))
        .return_document(ReturnDocument::After);
    let found = connection.within_deadline("settle offset", number).await?;
    found.as_ref().map(offset_document::decode).transpose()
}

/// The commit as part of a transaction.
pub(super) async fn commit_in(
    connection: &Connection,
    session: &mut ClientSession,
    claim: &Claim,
    checkpoint: &Checkpoint,
) -> mongodb::error::Result<CommitOutcome> {
    let offsets = collection(connection);
    let update = offsets.update_one(claim_filter(claim), offset_document::numbered(dated(checkpoint), claim));
    Ok(outcome(update.session(session).await?.matched_count))
}

pub(super) async fn release(
    connection: &Connection,
    claim: &Claim,
    unclean_ends: u32,
) -> Result<CommitOutcome> {
    let update = doc! { "$set": { "owner": Bson::Null, "uncleanEnds": i64::from(unclean_ends) } };
    // The last write: none of this owner overtakes it.
    let offsets = collection(connection);
    let update = offsets.update_one(owner_filter(claim), update);
    Ok(outcome(connection.within_deadline("release partition", update).await?.matched_count))
}

pub(super) async fn unfenced_writes(
    connection: &Connection,
    group_id: &str,
    topic: &str,
    owner: &str,
) -> Result<Vec<u32>> {
    let filter = doc! {
        "groupId": group_id,
        "topic": topic,
        "owner": owner,
        "offset._data": { "$type": "string" },
        // In the history there is no token, which is less than any.
        "$expr": { "$gt": ["$offset._data", "$position.token"] },
    };
    partitions(connection, "look for unfenced writes", filter).await
}

pub(super) async fn owned_partitions(
    connection: &Connection,
    group_id: &str,
    topic: &str,
    owner: &str,
) -> Result<Vec<u32>> {
    let filter = doc! { "groupId": group_id, "topic": topic, "owner": owner };
    partitions(connection, "list owned partitions", filter).await
}

async fn partitions(connection: &Connection, what: &'static str, filter: Document) -> Result<Vec<u32>> {
    let key = doc! { "groupId": 1, "topic": 1, "partition": 1 };
    let offsets = collection(connection);
    let find = offsets.find(filter).projection(key).sort(doc! { "partition": 1 });
    let list = async { find.await?.try_collect::<Vec<_>>().await };
    let documents = connection.within_deadline(what, list).await?;
    documents.iter().map(|document| Ok(offset_document::decode_key(document)?.partition)).collect()
}

pub(super) async fn list(connection: &Connection, group_id: &str) -> Result<Vec<OffsetRecord>> {
    let offsets = collection(connection);
    let find = offsets.find(doc! { "groupId": group_id }).sort(doc! { "timestamp": -1 });
    let list = async { find.await?.try_collect::<Vec<_>>().await };
    let documents = connection.within_deadline("list offsets", list).await?;
    documents.iter().map(offset_document::decode_record).collect()
}

pub(super) async fn read_record(connection: &Connection, key: &OffsetKey) -> Result<Option<OffsetRecord>> {
    let found = find(connection, key).await?;
    found.as_ref().map(offset_document::decode_record).transpose()
}

/// Our own `position` goes with the offset that it described; what is written here is the new one.
pub(super) async fn write_record(connection: &Connection, record: &OffsetRecord) -> Result<()> {
    let update = doc! {
        "$set": { "offset": &record.offset, "timestamp": record.timestamp },
        "$unset": { "position": "", "finishedAhead": "" },
        "$setOnInsert": { "createdAt": DateTime::now() },
    };
    let offsets = collection(connection);
    let upsert = offsets.update_one(key_filter(&record.key), update).upsert(true);
    connection.within_deadline("write offset", upsert).await.map(drop)
}

fn key_filter(key: &OffsetKey) -> Document {
    doc! { "groupId": &key.group_id, "topic": &key.topic, "partition": key.partition }
}

fn owner_filter(claim: &Claim) -> Document {
    let mut filter = key_filter(&claim.key);
    filter.insert("owner", &claim.owner);
    filter.insert("epoch", claim.epoch);
    filter
}

fn claim_filter(claim: &Claim) -> Document {
    let mut filter = owner_filter(claim);
    filter.insert("revision", doc! { "$lte": claim.revision });
    filter
}

fn dated(checkpoint: &Checkpoint) -> Document {
    let mut update = offset_document::checkpoint_update(checkpoint);
    update.insert("$currentDate", doc! { "timestamp": true });
    update
}

fn outcome(matched: u64) -> CommitOutcome {
    if matched == 0 { CommitOutcome::Fenced } else { CommitOutcome::Committed }
}
