//! A consumer that reads the stored messages from the beginning and is killed meanwhile goes on where it was.

use bson::{DateTime, Timestamp, doc};
use csb_core::runtime::random;
use csb_test_support::fault_run::FaultRun;
use csb_test_support::history::{Expectations, Happening};
use csb_test_support::member::{ConsumerRole, ProducerRole};
use csb_test_support::replica_set::ReplicaSet;

use crate::stored_messages::{store_many, stored_at};
use crate::{MEMBER, roles};

const PARTITIONS: u32 = 2;
const STORED: u64 = 4_000;
const SENT: u64 = 1_000;
const KILLS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_it_reads_the_history() {
    let run = FaultRun::begin("killed_in_history", MEMBER, ReplicaSet::shared().await, PARTITIONS).await;
    let history = run.writer("driver");
    // What is older than the longest transaction is read from the collection, anything later from the stream.
    let an_hour_ago = u32::try_from(DateTime::now().timestamp_millis() / 1000 - 3600).expect("after 1970");
    for partition in 0..PARTITIONS {
        store_many(&run, partition, STORED, &history, |number| {
            let increment = u32::try_from(number + 1).expect("small");
            let value = format!("stored-{partition}-{number}");
            let document = stored_at(&value, partition, Timestamp { time: an_hour_ago, increment });
            (value, document)
        })
        .await;
    }
    let role = ConsumerRole { work_micros: 100, ..roles::consumer(doc! { "fromBeginning": true }) };
    let mut consumer = run.consumer(role.clone());
    let producer = run.producer(ProducerRole {
        messages: Some(SENT),
        in_flight: 50,
        keys: 10,
        ..roles::producer(PARTITIONS)
    });
    for _ in 0..KILLS {
        let (name, mut handled) = (consumer.name().to_owned(), 0);
        // After a crash 256 messages of each partition are handed out carefully; this is more.
        let some = 700 + random::next_u32() % 400;
        run.log()
            .wait_for(0, "some of the history to be handled", |_, event| {
                let is_own = event.member == name;
                handled += u32::from(is_own && matches!(event.happening, Happening::DeliveryFinished { .. }));
                handled >= some
            })
            .await;
        consumer.kill().await;
        consumer = run.consumer(role.clone());
    }
    run.wait_for_end(producer).await;
    run.wait_until_finished().await;
    consumer.close().await;
    let numbers = run.judge(Expectations::default()).await;
    assert_eq!(numbers.handled, u64::from(PARTITIONS) * STORED + SENT);
    assert_eq!(numbers.crashes.len(), KILLS);
}
