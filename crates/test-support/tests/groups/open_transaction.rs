//! An owner that dies within a transaction on its offset document: nobody waits for the server to notice.

use std::time::Duration;

use bson::{Document, doc};
use csb_core::runtime::clock;
use csb_test_support::fail_point::{FailPoint, Failure};
use csb_test_support::fault_run::{FaultRun, GROUP, TOPIC};
use csb_test_support::history::{Expectations, Happening};
use csb_test_support::member::ProducerRole;
use csb_test_support::replica_set::{ReplicaSet, ReplicaSetOptions};

use crate::MEMBER;
use crate::team::{HEARTBEAT, milliseconds, role};

const APP_NAME: &str = "dying";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_partition_is_taken_over_within_the_session() {
    let set = ReplicaSet::start(ReplicaSetOptions::default()).await;
    let run = FaultRun::begin("open_transaction", MEMBER, &set, 1)
        .await
        .with_broker(doc! { "heartbeatIntervalMs": milliseconds(HEARTBEAT) });
    // It writes the letter and the offset of the message that nobody can handle, and does not get to the commit.
    let mut burying = role(doc! {});
    burying.handler = doc! { "autoCommit": true, "maxRetries": 0 };
    let owner = run.consumer_with(burying.clone(), doc! { "appName": APP_NAME });
    run.log().wait_for_happening(owner.name(), &Happening::Subscribed).await;
    let standby = run.subscribed_consumer(burying).await;
    let hanging = FailPoint::on(set.uri(), APP_NAME, &["commitTransaction"], 1, Failure::Hangs).await;
    let producer = run.producer(ProducerRole {
        messages: Some(20),
        poison_every: 20,
        ..ProducerRole::new(doc! { "topic": TOPIC, "partitions": 1, "retentionMs": 86_400_000 })
    });
    run.wait_for_end(producer).await;
    let open = doc! { "aggregate": 1, "pipeline": [
        { "$currentOp": { "allUsers": true, "idleSessions": true } },
        { "$match": { "appName": APP_NAME, "transaction": { "$exists": true } } },
    ], "cursor": {} };
    let is_open = async {
        loop {
            let admin = run.client().database("admin");
            let answer: Document = admin.run_command(open.clone()).await.expect("answered");
            let found = answer.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
            if !found.expect("a batch").is_empty() {
                return;
            }
            clock::sleep(Duration::from_millis(20)).await;
        }
    };
    clock::timeout(Duration::from_mins(1), is_open).await.expect("a transaction");
    let begun = clock::now();
    owner.kill().await;
    let name = standby.name().to_owned();
    let is_buried = |_: usize, event: &csb_test_support::history::Event| {
        event.member == name && matches!(event.happening, Happening::DeliveryFailed { .. })
    };
    run.log().wait_for(0, "the standby to read on", is_buried).await;
    println!("owner killed within a transaction: taken over within {:.2} s", begun.elapsed().as_secs_f64());
    run.wait_until_finished().await;
    standby.close().await;
    hanging.off().await;
    let owner_of_all = doc! { "groupId": GROUP };
    let letters = run.database().collection::<Document>("dead_letters");
    assert_eq!(letters.count_documents(owner_of_all).await.expect("counted"), 1);
    run.judge(Expectations { dead_letters: None, ..Expectations::default() }).await;
    set.stop();
}
