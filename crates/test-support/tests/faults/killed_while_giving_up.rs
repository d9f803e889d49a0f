//! A consumer that is killed while it moves a message to the dead letters: the next one goes on soon, and does not wait
//! until the server gives the transaction up, which takes it more than a minute.

use std::time::Duration;

use bson::{Document, doc};
use csb_test_support::fault_run::FaultRun;
use csb_test_support::history::Expectations;
use csb_test_support::member::{ConsumerRole, ProducerRole};
use csb_test_support::replica_set::{ReplicaSet, ReplicaSetOptions};

use crate::{MEMBER, roles};

/// Less than the 60 s that a transaction may stay open.
const SOON: Duration = Duration::from_secs(30);
/// Longer than the test.
const BLOCKED_MS: i64 = 600_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the transaction of the dead owner holds the dead letter until the server ends it"]
async fn before_the_offset_is_written() {
    killed_within("update", "consumer_offsets").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the transaction of the dead owner holds the offset until the server ends it"]
async fn before_the_commit() {
    killed_within("commitTransaction", "").await;
}

/// Kills the consumer when this command of its transaction has reached the server and waits there.
async fn killed_within(command: &str, collection: &str) {
    let set = ReplicaSet::start(ReplicaSetOptions::default()).await;
    let run = FaultRun::begin("killed_while_giving_up", MEMBER, &set, 1).await.with_deadline(SOON);
    run.database().create_collection("dead_letters").await.expect("created");
    // Nothing else is written to the offset.
    let handler = doc! { "maxRetries": 0, "autoCommit": false };
    let role = ConsumerRole { handler, ..roles::consumer(doc! { "autoCommit": false }) };
    let consumer = run.subscribed_consumer(role.clone()).await;
    let mut blocked = doc! { "failCommands": [command], "blockConnection": true, "blockTimeMS": BLOCKED_MS };
    if !collection.is_empty() {
        blocked.insert("namespace", format!("{}.{collection}", run.database().name()));
    }
    let point = fail_point(&run, doc! { "times": 1 }, blocked).await;
    let producer = run.producer(ProducerRole { messages: Some(3), poison_every: 2, ..roles::producer(1) });
    run.wait_for_end(producer).await;
    let before = point.get_i32("count").expect("a number");
    admin(&run, doc! { "waitForFailPoint": "failCommand", "timesEntered": before + 1, "maxTimeMS": 30_000 })
        .await;
    consumer.kill().await;

    let consumer = run.consumer(role);
    run.wait_until_finished().await;
    consumer.close().await;
    let poison = ["producer-1-1".to_owned()].into();
    let expectations =
        Expectations { attempts: Some(1), dead_letters: Some(poison), ..Expectations::default() };
    assert_eq!(run.judge(expectations).await.handled, 2);
}

async fn fail_point(run: &FaultRun, mode: Document, data: Document) -> Document {
    admin(run, doc! { "configureFailPoint": "failCommand", "mode": mode, "data": data }).await
}

async fn admin(run: &FaultRun, command: Document) -> Document {
    run.client().database("admin").run_command(command).await.expect("test commands are on")
}
