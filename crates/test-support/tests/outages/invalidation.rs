//! Collections and databases vanish under a subscription.

use bson::{Document, doc};
use csb_test_support::replica_set::{ReplicaSet, ReplicaSetOptions};
use mongodb::Client;

use crate::load::Load;

async fn admin(set: &ReplicaSet) -> Client {
    Client::with_uri_str(set.uri()).await.expect("a valid connection string")
}

/// What was in it is gone by the user's will; what is sent later is delivered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_is_dropped_and_one_is_renamed() {
    let set = ReplicaSet::start(ReplicaSetOptions::default()).await;
    let load = Load::start(set.uri(), "outage", Document::new()).await;
    let client = admin(&set).await;
    let database = client.database("outage");
    database.collection::<Document>("numbers_p0").drop().await.expect("dropped");
    load.flows("after a collection was dropped").await;
    let rename = doc! { "renameCollection": "outage.numbers_p1", "to": "outage.moved" };
    client.database("admin").run_command(rename).await.expect("renamed");
    load.flows("after a collection was renamed").await;
    println!("dropped and renamed: {}", load.end().await);
}
