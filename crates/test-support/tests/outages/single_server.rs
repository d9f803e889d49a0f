//! The only server is gone for a while.

use std::time::Duration;

use bson::doc;
use csb_core::runtime::clock;
use csb_test_support::replica_set::{ReplicaSet, ReplicaSetOptions};

use crate::load::Load;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_is_killed_and_started_again() {
    let seconds = std::env::var("CSB_OUTAGE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let set = ReplicaSet::start(ReplicaSetOptions::default()).await;
    let load = Load::start(set.uri(), "outage", doc! { "operationTimeoutMs": 5000 }).await;
    set.kill(0);
    clock::sleep(Duration::from_secs(seconds)).await;
    set.start_again(0).await;
    let took = load.flows("after the server came back").await;
    println!(
        "server gone for {seconds} s: {:.1} s until messages arrive; {}",
        took.as_secs_f32(),
        load.end().await
    );
}
