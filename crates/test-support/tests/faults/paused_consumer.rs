//! A consumer that is paused while many messages come gets all of them, in order, when it goes on.

use bson::doc;
use csb_test_support::fault_run::FaultRun;
use csb_test_support::history::{Expectations, Happening};
use csb_test_support::member::{Order, ProducerRole};
use csb_test_support::replica_set::ReplicaSet;

use crate::{MEMBER, roles};

const PARTITIONS: u32 = 4;
const BEFORE: u64 = 100;
const MEANWHILE: u64 = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_messages_wait() {
    let run = FaultRun::begin("paused_consumer", MEMBER, ReplicaSet::shared().await, PARTITIONS).await;
    // The smallest buffer: the partitions leave the feed and catch up later.
    let role = roles::consumer(doc! { "maxBufferedBytes": 64 * 1024 });
    let mut consumer = run.subscribed_consumer(role).await;
    let sending = |messages| ProducerRole {
        messages: Some(messages),
        in_flight: 500,
        keys: 40,
        ..roles::producer(PARTITIONS)
    };
    run.wait_for_end(run.producer(sending(BEFORE))).await;
    run.wait_until_finished().await;

    consumer.order(Order::Pause).await;
    let paused = run.log().wait_for_happening(consumer.name(), &Happening::Paused).await;
    run.wait_for_end(run.producer(sending(MEANWHILE))).await;
    consumer.order(Order::Resume).await;
    let mut handled_meanwhile = 0;
    run.log()
        .wait_for(paused, "the consumer to resume", |_, event| {
            handled_meanwhile += usize::from(matches!(event.happening, Happening::DeliveryBegun { .. }));
            event.happening == Happening::Resumed
        })
        .await;
    assert_eq!(handled_meanwhile, 0, "handled while it was paused");

    run.wait_until_finished().await;
    consumer.close().await;
    let numbers = run.judge(Expectations::default()).await;
    assert_eq!((numbers.handled, numbers.duplicates), (BEFORE + MEANWHILE, 0));
}
