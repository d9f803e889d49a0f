//! Leaders that die or sleep in the middle of their work, and many members at once.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bson::{Document, doc};
use csb_core::runtime::clock;
use csb_test_support::fault_run::GROUP;
use csb_test_support::replica_set::ReplicaSet;
use futures_util::StreamExt;
use mongodb::change_stream::event::ChangeStreamEvent;

use crate::team::{PARTITIONS, Team, role};

/// Which process leads: the one whose consumer's members have this name.
async fn leader(team: &Team) -> String {
    let groups = team.run.database().collection::<Document>("consumer_groups");
    let group = groups.find_one(doc! { "_id": GROUP }).await.expect("readable").expect("there");
    group.get_str("leader").expect("somebody leads").to_owned()
}

/// The name of the process in which a member lives, by its process id.
async fn process_of(team: &Team, member: &str) -> String {
    let members = team.run.database().collection::<Document>("consumer_members");
    let stored = members.find_one(doc! { "_id": member }).await.expect("readable").expect("there");
    let process = stored.get_str("process").expect("a text");
    let id: u32 = process
        .rsplit_once('#')
        .and_then(|(_, rest)| rest.split_once('@'))
        .expect("as on Linux")
        .0
        .parse()
        .expect("a number");
    team.process_name(id).expect("one of the team")
}

async fn has_members(team: &Team, count: u64) {
    let members = team.run.database().collection::<Document>("consumer_members");
    let there = async {
        while members.count_documents(doc! { "groupId": GROUP }).await.expect("readable") < count {
            clock::sleep(Duration::from_millis(5)).await;
        }
    };
    clock::timeout(Duration::from_mins(1), there).await.expect("members");
}

/// The new member makes the leader assign; the leader dies while it waits for others to come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leader_is_killed_in_the_middle_of_an_assignment() {
    let mut team = Team::start("killed_leader", ReplicaSet::shared().await, 3).await;
    let name = process_of(&team, &leader(&team).await).await;
    team.add(team.run.consumer(role(doc! {})));
    has_members(&team, 4).await;
    let (had, member) = (team.read_by(&name), team.take(&name));
    let (now, begun) = (team.run.log().len(), clock::now());
    member.kill().await;
    let took = team.read_by_others(now, &name, had, begun).await;
    println!("leader killed: taken over within {:.2} s", took.as_secs_f64());
    team.shared().await;
    team.end("leader killed in the middle of an assignment").await;
}

/// A leader that slept finds out that another one leads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_leaders() {
    let mut team = Team::start("two_leaders", ReplicaSet::shared().await, 3).await;
    let first = leader(&team).await;
    let name = process_of(&team, &first).await;
    let (had, member) = (team.read_by(&name), team.take(&name));
    let (now, begun) = (team.run.log().len(), clock::now());
    member.freeze().await;
    team.read_by_others(now, &name, had, begun).await;
    let second = leader(&team).await;
    assert_ne!(first, second);
    // It has something to decide when it wakes.
    team.add(team.run.consumer(role(doc! {})));
    member.thaw();
    team.add(member);
    team.shared().await;
    assert_eq!(leader(&team).await, second, "the one that slept does not lead");
    team.end("two leaders").await;
}

/// Few settled assignments: no partition moves more often than it is assigned, which is twice if nothing else keeps the
/// machine busy. That members which come together are assigned together is shown in virtual time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_members_at_once() {
    let mut team = Team::start("twenty_members", ReplicaSet::shared().await, 1).await;
    let database = team.run.database();
    let groups = database.collection::<Document>("consumer_groups");
    let mut changes = groups.watch().await.expect("watched");
    let took = team.grow_to(20).await;
    let offsets = database.collection::<Document>("consumer_offsets");
    let mark = groups.update_one(doc! { "_id": GROUP }, doc! { "$set": { "mark": true } }).await;
    mark.expect("marked");
    let mut assignments = 0;
    loop {
        let change: ChangeStreamEvent<Document> = changes.next().await.expect("open").expect("readable");
        let updated = change.update_description.map(|update| update.updated_fields).unwrap_or_default();
        if updated.contains_key("mark") {
            break;
        }
        assignments += u32::from(updated.contains_key("generation"));
    }
    let mut epochs = BTreeMap::new();
    let mut found = offsets.find(doc! { "groupId": GROUP }).await.expect("readable");
    while let Some(offset) = found.next().await {
        let offset = offset.expect("readable");
        let partition = offset.get_i64("partition").or_else(|_| offset.get_i32("partition").map(i64::from));
        epochs.insert(partition.expect("a number"), offset.get_i64("epoch").expect("a number"));
    }
    let moves: HashMap<_, _> = epochs.iter().map(|(partition, epoch)| (partition, epoch - 1)).collect();
    println!(
        "20 members at once: shared within {:.2} s, {assignments} assignments, at most {} moves of a partition",
        took.as_secs_f64(),
        moves.values().max().expect("partitions")
    );
    assert_eq!(epochs.len(), PARTITIONS as usize);
    let most = i64::from(assignments.max(2));
    assert!(moves.values().all(|moves| *moves <= most), "{moves:?}");
    let numbers = team.end("20 members at once").await;
    assert_eq!(numbers.duplicates, 0);
}
