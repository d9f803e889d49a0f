//! The primary of three servers is killed, steps down, is frozen.

use std::time::Duration;

use bson::doc;
use csb_core::runtime::clock;
use csb_test_support::replica_set::{ReplicaSet, ReplicaSetOptions};

use crate::load::Load;

/// How long the fault of each primary lasts in seconds; 60 for the long form.
fn fault_lasts() -> Duration {
    let seconds = std::env::var("CSB_OUTAGE_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(15))
}

async fn three_servers() -> ReplicaSet {
    ReplicaSet::start(ReplicaSetOptions { members: 3, ..ReplicaSetOptions::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_primary_is_killed() {
    let set = three_servers().await;
    let load = Load::start(set.uri(), "outage", doc! { "operationTimeoutMs": 5000 }).await;
    let primary = set.primary().await;
    set.kill(primary);
    let took = load.flows("after the primary was killed").await;
    set.start_again(primary).await;
    load.flows("after it came back").await;
    println!("primary killed: {:.1} s until messages arrive again; {}", took.as_secs_f32(), load.end().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_primary_steps_down() {
    let set = three_servers().await;
    let load = Load::start(set.uri(), "outage", doc! { "operationTimeoutMs": 5000 }).await;
    for _ in 0..3 {
        set.step_down().await;
        let took = load.flows("after the primary stepped down").await;
        println!("stepped down: {:.1} s until messages arrive again", took.as_secs_f32());
    }
    println!("primary stepped down three times: {}", load.end().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_primary_is_frozen() {
    let set = three_servers().await;
    let load = Load::start(set.uri(), "outage", doc! { "operationTimeoutMs": 5000 }).await;
    let primary = set.primary().await;
    set.freeze(primary);
    let frozen_at = clock::now();
    let took = load.flows("after the primary froze").await;
    clock::sleep_until(frozen_at + fault_lasts()).await;
    set.thaw(primary);
    load.flows("after it thawed").await;
    println!("primary frozen: {:.1} s until messages arrive again; {}", took.as_secs_f32(), load.end().await);
}
