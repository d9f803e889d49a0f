//! The only server is gone for a while.

use std::time::Duration;

use bson::Document;
use csb_core::runtime::clock;
use csb_test_support::replica_set::{ReplicaSet, ReplicaSetOptions};

use crate::load::{self, Load};

/// How long it is gone.
const GONE_FOR: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_is_killed_and_started_again() {
    let gone_for = load::seconds().unwrap_or(GONE_FOR);
    let set = ReplicaSet::start(ReplicaSetOptions::default()).await;
    let load = Load::start("server_gone", &set, Document::new()).await;
    set.kill(0);
    clock::sleep(gone_for).await;
    set.start_again(0).await;
    let took = load.flows("after the server came back").await;
    load.end(&format!("server gone for {} s", gone_for.as_secs()), took).await;
}
