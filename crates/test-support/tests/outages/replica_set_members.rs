//! The primary of three servers is killed, steps down, is frozen.

use std::time::Duration;

use bson::Document;
use csb_core::runtime::clock;
use csb_test_support::replica_set::{ReplicaSet, ReplicaSetOptions};

use crate::load::{self, Load};

/// How long a primary stays frozen.
const FROZEN_FOR: Duration = Duration::from_secs(15);

async fn three_servers() -> ReplicaSet {
    ReplicaSet::start(ReplicaSetOptions { members: 3, ..ReplicaSetOptions::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_primary_is_killed() {
    let set = three_servers().await;
    let load = Load::start("primary_killed", &set, Document::new()).await;
    let primary = set.primary().await;
    set.kill(primary);
    let took = load.flows("after the primary was killed").await;
    set.start_again(primary).await;
    load.flows("after it came back").await;
    load.end("primary killed", took).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_primary_steps_down() {
    let set = three_servers().await;
    let load = Load::start("primary_steps_down", &set, Document::new()).await;
    let mut longest = Duration::ZERO;
    for _ in 0..3 {
        set.step_down().await;
        longest = longest.max(load.flows("after the primary stepped down").await);
    }
    load.end("primary stepped down three times, the longest", longest).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_primary_is_frozen() {
    let set = three_servers().await;
    let load = Load::start("primary_frozen", &set, Document::new()).await;
    let primary = set.primary().await;
    set.freeze(primary);
    let frozen_at = clock::now();
    let took = load.flows("after the primary froze").await;
    clock::sleep_until(frozen_at + load::seconds().unwrap_or(FROZEN_FOR)).await;
    set.thaw(primary);
    load.flows("after it thawed").await;
    load.end("primary frozen", took).await;
}
