//! A consumer that is stopped, and one that is left alone.

use std::process::Stdio;
use std::time::Duration;

use bson::doc;
use csb_core::runtime::clock;
use csb_test_support::fault_run::FaultRun;
use csb_test_support::history::{Expectations, Happening};
use csb_test_support::member::{ConsumerRole, MemberConfig, ProducerRole, Role};
use csb_test_support::replica_set::ReplicaSet;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::{MEMBER, roles};

const PARTITIONS: u32 = 3;
const MESSAGES: u64 = 3_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goes_on_after_it_was_frozen() {
    let run = FaultRun::begin("frozen_consumer", MEMBER, ReplicaSet::shared().await, PARTITIONS).await;
    let role = ConsumerRole { work_micros: 100, ..roles::consumer(doc! {}) };
    let consumer = run.subscribed_consumer(role).await;
    let sending = ProducerRole {
        messages: Some(MESSAGES),
        per_second: Some(1_500),
        in_flight: 100,
        keys: 30,
        ..roles::producer(PARTITIONS)
    };
    let producer = run.producer(sending);
    let mut finished = 0;
    run.log()
        .wait_for(0, "some messages", |_, event| {
            finished += usize::from(matches!(event.happening, Happening::DeliveryFinished { .. }));
            finished >= 500
        })
        .await;
    consumer.freeze().await;
    run.wait_for_end(producer).await;
    consumer.thaw();
    run.wait_until_finished().await;
    consumer.close().await;
    let numbers = run.judge(Expectations::default()).await;
    assert_eq!((numbers.handled, numbers.duplicates), (MESSAGES, 0));
}

/// So that no member outlives the test that started it, however that ended.
#[tokio::test]
async fn a_member_that_is_left_alone_ends() {
    let broker = doc! { "mongoUri": "memory://left-alone" };
    let role = Role::Consumer(roles::consumer(doc! { "partitions": [0] }));
    let config = MemberConfig { member: "alone".to_owned(), broker, role };
    let mut child = Command::new(MEMBER)
        .arg(serde_json::to_string(&config).expect("JSON"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    while let Some(line) = lines.next_line().await.expect("readable") {
        if line.contains("subscribed") {
            break;
        }
    }
    drop(child.stdin.take());
    let ended = clock::timeout(Duration::from_mins(1), child.wait()).await.expect("it ends");
    assert_eq!(ended.expect("a status").code(), Some(3));
}
