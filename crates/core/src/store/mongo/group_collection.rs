//! The `consumer_groups` collection: one document per group. Whatever changes it is seen by every feed.

use bson::{Bson, Document, doc};
use mongodb::Collection;

use super::connection::Connection;
use super::{member_collection, mongo_error};
use crate::error::Result;
use crate::group::assignment::MemberPartitions;
use crate::group::group_record::GroupView;
use crate::store::group_document::{assignment_array, decode_group};

pub(super) const COLLECTION: &str = "consumer_groups";

fn collection(connection: &Connection) -> Collection<Document> {
    connection.database().collection(COLLECTION)
}

/// The group, and whether its leader lives. Two reads by id, which cost the server less than one that joins.
pub(super) async fn load(connection: &Connection, group_id: &str) -> Result<GroupView> {
    let fields = doc! {
        "leader": 1,
        "leaderEpoch": 1,
        "generation": 1,
        "assignment": 1,
        "assignedMsAgo": { "$subtract": ["$$NOW", "$assignedAt"] },
    };
    let groups = collection(connection);
    let find = groups.find_one(doc! { "_id": group_id }).projection(fields);
    let Some(document) = connection.within_deadline("load group", find).await? else {
        return Ok(GroupView::default());
    };
    let group = decode_group(&document)?;
    let is_led = match &group.leader {
        Some(leader) => member_collection::is_active(connection, leader).await?,
        None => false,
    };
    Ok(GroupView { group, is_led })
}

pub(super) async fn lead(
    connection: &Connection,
    group_id: &str,
    member: &str,
    after_epoch: i64,
) -> Result<bool> {
    let epoch = if after_epoch == 0 {
        doc! { "$in": [0_i64, Bson::Null] }
    } else {
        doc! { "$eq": after_epoch }
    };
    let update =
        doc! { "$set": { "leader": member, "leaderEpoch": after_epoch + 1 }, "$inc": { "changes": 1_i64 } };
    let groups = collection(connection);
    let lead = async {
        let filter = doc! { "_id": group_id, "leaderEpoch": epoch };
        match groups.update_one(filter, update).upsert(after_epoch == 0).await {
            // There is a group, with another epoch.
            Err(error) if mongo_error::is_duplicate_key(&error) => Ok(false),
            outcome => outcome.map(|result| result.matched_count > 0 || result.upserted_id.is_some()),
        }
    };
    connection.within_deadline("lead group", lead).await
}

pub(super) async fn resign(connection: &Connection, group_id: &str, member: &str) -> Result<()> {
    let update = doc! { "$set": { "leader": Bson::Null }, "$inc": { "changes": 1_i64 } };
    let groups = collection(connection);
    let resign = groups.update_one(doc! { "_id": group_id, "leader": member }, update);
    connection.within_deadline("resign leadership", resign).await.map(drop)
}

pub(super) async fn assign(
    connection: &Connection,
    group_id: &str,
    leader_epoch: i64,
    after_generation: i64,
    assignment: &[MemberPartitions],
) -> Result<bool> {
    let generation = if after_generation == 0 {
        doc! { "$in": [0_i64, Bson::Null] }
    } else {
        doc! { "$eq": after_generation }
    };
    let filter = doc! { "_id": group_id, "leaderEpoch": leader_epoch, "generation": generation };
    let set = doc! { "generation": after_generation + 1, "assignment": assignment_array(assignment) };
    let update = doc! {
        "$set": set, "$inc": { "changes": 1_i64 }, "$currentDate": { "assignedAt": true },
    };
    let groups = collection(connection);
    let assign = groups.update_one(filter, update);
    Ok(connection.within_deadline("assign partitions", assign).await?.matched_count > 0)
}

pub(super) async fn signal(connection: &Connection, group_id: &str) -> Result<()> {
    let groups = collection(connection);
    let signal = groups.update_one(doc! { "_id": group_id }, doc! { "$inc": { "changes": 1_i64 } });
    connection.within_deadline("signal group", signal).await.map(drop)
}
