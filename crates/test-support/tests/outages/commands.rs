//! The server refuses or drops single commands.

use std::time::Duration;

use bson::{Document, doc};
use csb_core::broker::Broker;
use csb_core::config::BrokerConfig;
use csb_core::error_code::ErrorCode;
use csb_core::runtime::clock;
use csb_test_support::client_close;
use csb_test_support::fail_point::{FailPoint, Failure};
use csb_test_support::replica_set::{ReplicaSet, ReplicaSetOptions};
use mongodb::Client;

use crate::load::{APP_NAME, Load};

/// Each command fails so often in a row.
const TIMES: i32 = 3;

async fn under_failures(what: &'static str, commands: &[&str], failures: &[Failure]) {
    let set = ReplicaSet::start(ReplicaSetOptions::default()).await;
    let load = Load::start(what, &set, Document::new()).await;
    let mut longest = Duration::ZERO;
    for failure in failures {
        let point = FailPoint::on(set.uri(), APP_NAME, commands, TIMES, *failure).await;
        longest = longest.max(load.flows(&format!("while {commands:?} fails with {failure:?}")).await);
        let met = point.off().await;
        assert!(met > 0, "{commands:?} never met the fail point");
    }
    load.end(&format!("{what} fails, the longest"), longest).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_the_stream_fails() {
    let failures = [
        Failure::Code(43),
        Failure::Code(89),
        Failure::Code(237),
        Failure::Code(11602),
        Failure::Code(189),
        Failure::ConnectionClosed,
    ];
    under_failures("getMore", &["getMore"], &failures).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inserting_fails() {
    let failures = [
        Failure::Code(91),
        Failure::Code(11600),
        Failure::Code(10107),
        Failure::ConnectionClosed,
        Failure::WriteConcern(91),
    ];
    under_failures("insert", &["insert"], &failures).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn committing_offsets_fails() {
    let failures = [Failure::Code(91), Failure::ConnectionClosed, Failure::WriteConcern(91)];
    under_failures("update", &["update"], &failures).await;
}

/// The server is found, and does not answer: that is no reason to wait for ever, nor to end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connecting_hangs() {
    let set = ReplicaSet::start(ReplicaSetOptions::default()).await;
    let _point = FailPoint::on(set.uri(), APP_NAME, &["hello"], 1000, Failure::Hangs).await;
    let config = doc! {
        "mongoUri": format!("{}&serverSelectionTimeoutMS=1000", set.uri()),
        "appName": APP_NAME,
        "operationTimeoutMs": 500,
    };
    let broker = Broker::new(BrokerConfig::from_document(&config).expect("valid"), None);
    let connected = clock::timeout(Duration::from_mins(1), broker.connect()).await.expect("an end");
    assert_eq!(connected.expect_err("no answer").code(), ErrorCode::Timeout);
    let disconnected = clock::timeout(Duration::from_mins(1), broker.disconnect(true)).await;
    assert!(disconnected.is_some(), "it waits for the server");
    set.stop();
}

/// All is done but telling the server that the sessions are not needed any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disconnecting_hangs() {
    let set = ReplicaSet::start(ReplicaSetOptions::default()).await;
    let config = doc! { "mongoUri": set.uri(), "appName": APP_NAME };
    let broker = Broker::new(BrokerConfig::from_document(&config).expect("valid"), None);
    broker.connect().await.expect("connected");
    let _point = FailPoint::on(set.uri(), APP_NAME, &["endSessions"], 1000, Failure::Hangs).await;
    let disconnected = clock::timeout(Duration::from_mins(1), broker.disconnect(true)).await;
    assert!(disconnected.is_some(), "it waits for the server");
    assert!(hangs(&set, "endSessions").await, "it never met the fail point");
    set.stop();
}

/// Whether the server is at work on such a command.
async fn hangs(set: &ReplicaSet, command: &str) -> bool {
    let client = Client::with_uri_str(set.uri()).await.expect("a valid connection string");
    let wanted = doc! { format!("command.{command}"): { "$exists": true } };
    let stages = [doc! { "$currentOp": { "allUsers": true } }, doc! { "$match": wanted }];
    let mut found = client.database("admin").aggregate(stages).await.expect("answered");
    let hangs = found.advance().await.expect("readable");
    client_close::close(client).await;
    hangs
}
