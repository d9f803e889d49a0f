//! A backlog is read from the beginning in bounded memory, once, while more messages come.

use std::env;
use std::time::Duration;

use bson::doc;
use csb_core::runtime::clock;
use csb_test_support::fault_run::{FaultRun, Outstanding};
use csb_test_support::history::Expectations;
use csb_test_support::member::ProducerRole;
use csb_test_support::replica_set::ReplicaSet;

use crate::stored_messages::{store_many, stored};
use crate::{MEMBER, roles};

const PARTITIONS: u32 = 4;
const PADDING: usize = 400;
const MIB: u64 = 1 << 20;
/// A consumer that has read 1,000 messages has about 22 MiB, and up to 39 after 1,000,000. Each partition may hold 1 MiB
/// in its buffer, as much with its handler, and a batch of 1,000 messages on its way from the server. What is stored,
/// 100,000 messages of more than 500 bytes, would not fit.
const MOST_MEMORY: u64 = 64 * MIB;

/// `CSB_BACKLOG_MESSAGES` says how many are stored: 100,000 by default, which a debug build reads in some seconds. What
/// was stored in the last two minutes is read from the stream, anything older from the collections;
/// `CSB_BACKLOG_AGE_SECONDS`, 0 by default, is how long the messages lie before they are read. A million of either:
///
/// ```text
/// CSB_BACKLOG_MESSAGES=1000000 cargo test --release -p csb-test-support --test faults -- --nocapture backlog
/// CSB_BACKLOG_MESSAGES=1000000 CSB_BACKLOG_AGE_SECONDS=130 cargo test …
/// ```
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_in_bounded_memory_while_a_producer_writes() {
    let count = number_from("CSB_BACKLOG_MESSAGES", 100_000);
    let age = Duration::from_secs(number_from("CSB_BACKLOG_AGE_SECONDS", 0));
    let patience = Duration::from_secs(150 + count / 2_000);
    let run = FaultRun::begin("backlog", MEMBER, ReplicaSet::shared().await, PARTITIONS).await;
    let run = run.with_deadline(patience);
    let driver = run.writer("driver");
    let begun = clock::now();
    for partition in 0..PARTITIONS {
        store_many(&run, partition, count / u64::from(PARTITIONS), &driver, |number| {
            let value = format!("backlog-{partition}-{number}");
            let document = stored(&value, None, partition, PADDING);
            (value, document)
        })
        .await;
    }
    let stored_in = begun.elapsed();
    clock::sleep(age).await;

    let producer = run.producer(ProducerRole {
        per_second: Some(200),
        in_flight: 20,
        keys: 100,
        padding: PADDING,
        ..roles::producer(PARTITIONS)
    });
    let begun = clock::now();
    let consumer = run.subscribed_consumer(roles::consumer(doc! { "fromBeginning": true })).await;
    let mut finished = Outstanding::default();
    let backlog = usize::try_from(count).expect("small");
    run.log()
        .wait_for(0, "the backlog to be handled", |_, event| {
            finished.observe(event);
            finished.finished() >= backlog
        })
        .await;
    let read_in = begun.elapsed();
    producer.close().await;
    run.wait_until_finished().await;
    let peak = consumer.peak_memory();
    consumer.close().await;
    let numbers = run.judge(Expectations::default()).await;
    report(count, stored_in, read_in, peak);
    assert_eq!((numbers.handled, numbers.duplicates), (numbers.acknowledged, 0));
    assert!(numbers.handled > count, "the producer wrote meanwhile");
    assert!(peak < MOST_MEMORY, "peak memory {peak} bytes");
}

fn number_from(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |number| number.parse().expect("a number"))
}

#[expect(clippy::print_stderr, reason = "the numbers are what the run is for")]
fn report(count: u64, stored_in: Duration, read_in: Duration, peak: u64) {
    eprintln!(
        "backlog of {count}: stored in {stored_in:.1?}, read in {read_in:.1?}, peak memory {} MiB",
        peak / MIB
    );
}
