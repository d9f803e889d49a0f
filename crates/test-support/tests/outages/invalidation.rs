//! Collections and databases vanish under a subscription.

use bson::{Document, doc};
use csb_test_support::fault_run::TOPIC;
use csb_test_support::replica_set::{ReplicaSet, ReplicaSetOptions};

use crate::load::Load;

/// What was in it is gone by the user's will; what is sent later is delivered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_is_dropped_and_one_is_renamed() {
    let set = ReplicaSet::start(ReplicaSetOptions::default()).await;
    let load = Load::start("invalidation", &set, Document::new()).await;
    let database = load.database();
    let collection = |partition| format!("{TOPIC}_p{partition}");
    database.collection::<Document>(&collection(0)).drop().await.expect("dropped");
    let took = load.flows("after a collection was dropped").await;
    let name = database.name();
    let rename =
        doc! { "renameCollection": format!("{name}.{}", collection(1)), "to": format!("{name}.moved") };
    database.client().database("admin").run_command(rename).await.expect("renamed");
    load.flows("after a collection was renamed").await;
    load.end("dropped and renamed", took).await;
}
