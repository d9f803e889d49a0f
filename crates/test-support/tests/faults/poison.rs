//! Messages that no handler can handle, among good ones: exactly they become dead letters, and order is kept.

use std::collections::BTreeSet;

use bson::{Document, doc};
use csb_test_support::fault_run::{FaultRun, GROUP};
use csb_test_support::history::{Expectations, Happening, Order};
use csb_test_support::member::{ConsumerRole, ProducerRole};
use csb_test_support::replica_set::ReplicaSet;
use futures_util::TryStreamExt;

use crate::{MEMBER, roles};

const PARTITIONS: u32 = 4;
const MESSAGES: u64 = 4_000;
/// So many that a good message will not fail each time: 5 % to the power of 7.
const RETRIES: u32 = 6;

/// How often a message may be tried.
const ATTEMPTS: u32 = RETRIES + 1;

/// Of each partition one message at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_at_a_time() {
    poison_among_good_messages("poison_one_at_a_time", 1, 0).await;
}

/// Several, of different keys.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_at_a_time() {
    poison_among_good_messages("poison_several_at_a_time", 8, 0).await;
}

/// Attempts are not forgotten with the process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "stands still for a minute if a kill meets the transaction of a dead letter: see `killed_while_giving_up`"]
async fn killed_meanwhile() {
    poison_among_good_messages("poison_killed_meanwhile", 1, 3).await;
}

async fn poison_among_good_messages(name: &'static str, concurrency: u32, kills: u64) {
    let run = FaultRun::begin(name, MEMBER, ReplicaSet::shared().await, PARTITIONS).await;
    let handler = doc! { "maxRetries": RETRIES, "retryDelay": 1, "concurrency": concurrency };
    let role = ConsumerRole { handler, failing_percent: 5, ..roles::consumer(doc! {}) };
    let mut consumer = run.subscribed_consumer(role.clone()).await;
    let sending = ProducerRole {
        messages: Some(MESSAGES),
        in_flight: 100,
        keys: 40,
        poison_every: 50,
        ..roles::producer(PARTITIONS)
    };
    let producer = run.producer(sending.clone());
    let poison = (0..MESSAGES).filter(|number| sending.is_poison(*number));
    let poison: BTreeSet<_> = poison.map(|number| format!("{}-{number}", producer.name())).collect();
    for kill in 1..=kills {
        wait_for_failed_attempts(&run, consumer.name(), 50 * kill).await;
        consumer.kill().await;
        consumer = run.consumer(role.clone());
    }
    run.wait_for_end(producer).await;
    run.wait_until_finished().await;
    consumer.close().await;

    assert_letters_of(&poison, &dead_letters(&run).await);
    let expectations = Expectations {
        order: if concurrency == 1 { Order::Partition } else { Order::Key },
        attempts: Some(ATTEMPTS),
        dead_letters: Some(poison.clone()),
        ..Expectations::default()
    };
    let numbers = run.judge(expectations).await;
    let good = MESSAGES - poison.len() as u64;
    assert_eq!((numbers.handled, numbers.dead_letters), (good, poison.len() as u64));
    assert!(kills > 0 || numbers.duplicates == 0);
    let of_poison = u64::from(ATTEMPTS) * poison.len() as u64;
    assert!(numbers.failed_attempts + kills > of_poison, "good messages failed too");
}

async fn wait_for_failed_attempts(run: &FaultRun, member: &str, attempts: u64) {
    let mut failed = 0;
    run.log()
        .wait_for(0, "failed attempts", |_, event| {
            let is_own = event.member == member;
            failed += u64::from(is_own && matches!(event.happening, Happening::DeliveryFailed { .. }));
            failed >= attempts
        })
        .await;
}

fn assert_letters_of(poison: &BTreeSet<String>, letters: &[Document]) {
    let attempts = i32::try_from(ATTEMPTS).ok();
    assert!(letters.iter().all(|letter| letter.get_i32("attempts").ok() == attempts), "{letters:?}");
    let values: Vec<_> = letters.iter().map(value).collect();
    assert_eq!(values.len(), poison.len());
    assert_eq!(values.into_iter().collect::<BTreeSet<_>>(), *poison);
}

async fn dead_letters(run: &FaultRun) -> Vec<Document> {
    let letters = run.database().collection::<Document>("dead_letters");
    let letters = letters.find(doc! { "groupId": GROUP }).await.expect("letters");
    letters.try_collect().await.expect("letters")
}

fn value(letter: &Document) -> String {
    let message = letter.get_document("message").expect("the message, whole");
    message.get_str("value").expect("its value").to_owned()
}
