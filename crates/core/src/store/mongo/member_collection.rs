//! The `consumer_members` collection: who is in a group, alive by the server's clock.

use std::time::Duration;

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use mongodb::options::{IndexOptions, ReturnDocument};
use mongodb::{Collection, IndexModel};

use super::connection::Connection;
use super::mongo_error;
use crate::error::Result;
use crate::group::group_record::{MemberRecord, MemberState, StoredMember};
use crate::store::group_document::{MEMBER_FIELDS, decode_member, member_fields, state_word};

const COLLECTION: &str = "consumer_members";
/// What no leader has cleared away by then is nobody's.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(24);

fn collection(connection: &Connection) -> Collection<Document> {
    connection.database().collection(COLLECTION)
}

/// How long a member has been silent, as an expression.
fn silence() -> Document {
    doc! { "$subtract": ["$$NOW", "$heartbeatAt"] }
}

/// A member as it is, with its silence until now.
fn seen_now() -> Document {
    let mut fields: Document =
        MEMBER_FIELDS.iter().map(|field| ((*field).to_owned(), Bson::from(1))).collect();
    fields.insert("silentMs", silence());
    fields
}

pub(super) async fn ensure_indexes(connection: &Connection) -> Result<()> {
    let of_group = IndexOptions::builder().name("members_of_group".to_owned()).build();
    let expiry =
        IndexOptions::builder().name("members_expiry".to_owned()).expire_after(FORGOTTEN_AFTER).build();
    let indexes = [(doc! { "groupId": 1 }, of_group), (doc! { "heartbeatAt": 1 }, expiry)];
    let indexes = indexes.map(|(keys, options)| IndexModel::builder().keys(keys).options(options).build());
    let members = collection(connection);
    let create = async {
        match members.create_indexes(indexes).await {
            Err(error) if mongo_error::is_index_conflict(&error) => Ok(()),
            outcome => outcome.map(drop),
        }
    };
    connection.within_deadline("create member indexes", create).await
}

/// A pipeline, because only there the server tells its own time. What is text may begin with a dollar sign.
pub(super) async fn join(connection: &Connection, member: &MemberRecord) -> Result<bool> {
    let mut set = Document::new();
    for (field, value) in member_fields(member) {
        set.insert(field, doc! { "$literal": value });
    }
    // A try that comes late must not bring back who has been fenced meanwhile.
    let is_fenced = doc! { "$eq": ["$state", state_word(MemberState::Fenced)] };
    for field in ["state", "replacedBy"] {
        let joined = set.get(field).cloned();
        set.insert(field, doc! { "$cond": [&is_fenced, format!("${field}"), joined] });
    }
    set.extend(doc! { "heartbeatAt": "$$NOW", "joinedAt": { "$ifNull": ["$joinedAt", "$$NOW"] } });
    let members = collection(connection);
    let upsert = members.find_one_and_update(doc! { "_id": &member.id }, vec![doc! { "$set": set }]);
    let upsert = upsert.upsert(true).return_document(ReturnDocument::After).projection(doc! { "state": 1 });
    let joined = connection.within_deadline("join group", upsert).await?;
    let fenced = state_word(MemberState::Fenced);
    Ok(joined.is_some_and(|joined| joined.get_str("state").is_ok_and(|state| state != fenced)))
}

pub(super) async fn change(connection: &Connection, member: &MemberRecord) -> Result<bool> {
    let fields = member_fields(member);
    let changed =
        ["declined", "state"].map(|field| (field.to_owned(), fields.get(field).cloned().unwrap_or_default()));
    let members = collection(connection);
    let update =
        members.update_one(alive(doc! { "_id": &member.id }), doc! { "$set": Document::from_iter(changed) });
    Ok(connection.within_deadline("change member", update).await?.matched_count > 0)
}

/// One write for all members of the process; who is not among those that it found is looked for only then.
pub(super) async fn beat(connection: &Connection, ids: &[String]) -> Result<Vec<String>> {
    let members = collection(connection);
    let filter = alive(doc! { "_id": { "$in": ids } });
    let update = members.update_many(filter.clone(), vec![doc! { "$set": { "heartbeatAt": "$$NOW" } }]);
    let found = connection.within_deadline("send heartbeat", update).await?.matched_count;
    if found == ids.len() as u64 {
        return Ok(Vec::new());
    }
    let list =
        async { members.find(filter).projection(doc! { "_id": 1 }).await?.try_collect::<Vec<_>>().await };
    let living = connection.within_deadline("look for members", list).await?;
    let is_living =
        |id: &String| living.iter().any(|member| member.get_str("_id").is_ok_and(|living| living == id));
    Ok(ids.iter().filter(|id| !is_living(id)).cloned().collect())
}

pub(super) async fn leave(connection: &Connection, member: &str) -> Result<()> {
    let members = collection(connection);
    let delete = members.delete_one(doc! { "_id": member });
    connection.within_deadline("leave group", delete).await.map(drop)
}

pub(super) async fn load(connection: &Connection, group_id: &str) -> Result<Vec<StoredMember>> {
    let members = collection(connection);
    let find = members.find(doc! { "groupId": group_id }).projection(seen_now()).sort(doc! { "_id": 1 });
    let list = async { find.await?.try_collect::<Vec<_>>().await };
    let documents = connection.within_deadline("load members", list).await?;
    documents.iter().map(decode_member).collect()
}

/// Whether the member is there and leads a group as long as it likes.
pub(super) async fn is_active(connection: &Connection, member: &str) -> Result<bool> {
    let members = collection(connection);
    let find = members.find_one(doc! { "_id": member }).projection(seen_now());
    let found = connection.within_deadline("look for the leader", find).await?;
    let member = found.as_ref().map(decode_member).transpose()?;
    Ok(member.is_some_and(|member| member.record.state == MemberState::Active && !member.is_overdue()))
}

pub(super) async fn expire(connection: &Connection, member: &str) -> Result<bool> {
    let mut filter = alive(doc! { "_id": member });
    filter.insert("$expr", doc! { "$gt": [silence(), "$sessionTimeoutMs"] });
    fence_where(connection, filter, Bson::Null).await
}

pub(super) async fn fence(connection: &Connection, member: &str, replaced_by: Option<&str>) -> Result<bool> {
    fence_where(connection, alive(doc! { "_id": member }), replaced_by.into()).await
}

async fn fence_where(connection: &Connection, filter: Document, replaced_by: Bson) -> Result<bool> {
    let fenced = state_word(MemberState::Fenced);
    let update = doc! { "$set": { "state": fenced, "replacedBy": replaced_by } };
    let members = collection(connection);
    let update = members.update_one(filter, update);
    Ok(connection.within_deadline("fence member", update).await?.matched_count > 0)
}

fn alive(mut filter: Document) -> Document {
    filter.insert("state", doc! { "$in": ["active", "leaving"] });
    filter
}
