//! Processes that send without a pause, one that handles everything, and the question whether that adds up: the
//! history of the run is judged as that of any fault run.

use std::collections::HashSet;
use std::env;
use std::time::Duration;

use bson::{Document, doc};
use csb_core::runtime::clock::{self, Instant};
use csb_test_support::fault_run::{FaultRun, GROUP, MemberProcess, TOPIC};
use csb_test_support::history::{Expectations, Happening};
use csb_test_support::member::{ConsumerRole, ProducerRole};
use csb_test_support::replica_set::ReplicaSet;
use mongodb::Database;

/// The program that members run.
const MEMBER: &str = env!("CARGO_BIN_EXE_fault_member");
const PRODUCERS: u32 = 5;
const PER_SECOND: u32 = 100;
const PARTITIONS: u32 = 3;
/// A send may take so long, and not longer.
const DELIVERY_TIMEOUT_MS: u64 = 30_000;
const MARGIN_MS: u64 = 10_000;
/// The `appName` of every broker of the load, for fail points.
pub(crate) const APP_NAME: &str = "outages";
/// Messages that have to arrive before it is said that they do.
const SOME: usize = 100;

/// A running load.
pub(crate) struct Load {
    run: FaultRun,
    begun: Instant,
    consumer: MemberProcess,
    producers: Vec<MemberProcess>,
}

impl Load {
    /// Starts it and waits until messages arrive. `broker` adds to the configuration of the members' brokers.
    pub(crate) async fn start(name: &'static str, set: &ReplicaSet, broker: Document) -> Self {
        let mut fields = doc! {
            "appName": APP_NAME,
            "deliveryTimeoutMs": i64::try_from(DELIVERY_TIMEOUT_MS).expect("small"),
            "operationTimeoutMs": 5000,
        };
        fields.extend(broker);
        let run = FaultRun::begin(name, MEMBER, set, PARTITIONS).await.with_broker(fields);
        let role = ConsumerRole {
            handler: doc! { "autoCommit": true },
            ..ConsumerRole::new(doc! { "groupId": GROUP, "topic": TOPIC })
        };
        let consumer = run.subscribed_consumer(role).await;
        let producers = (0..PRODUCERS).map(|_| run.producer(producer())).collect();
        let load = Self { run, begun: clock::now(), consumer, producers };
        load.flows("at the start").await;
        load
    }

    /// Where its messages are.
    pub(crate) fn database(&self) -> Database {
        self.run.database()
    }

    /// Waits until messages that are acknowledged from now on are handled. Returns how long that took.
    pub(crate) async fn flows(&self, when: &str) -> Duration {
        let begun = clock::now();
        let now = self.run.log().len();
        let (mut wanted, mut finished) = (Vec::new(), HashSet::new());
        self.run
            .log()
            .wait_for(0, &format!("messages to arrive {when}"), |index, event| {
                match &event.happening {
                    Happening::SendAcknowledged { value } if index >= now && wanted.len() < SOME => {
                        wanted.push(value.clone());
                    }
                    Happening::DeliveryFinished { value, .. } => _ = finished.insert(value.clone()),
                    _ => {}
                }
                wanted.len() == SOME && wanted.iter().all(|value| finished.contains(value))
            })
            .await;
        begun.elapsed()
    }

    /// Goes on until it has lasted as long as it should, waits for the rest, and judges. `what` it was, and how long it
    /// took until messages arrived again, are printed with the numbers.
    pub(crate) async fn end(self, what: &str, took: Duration) {
        if let Some(lasts) = seconds() {
            clock::sleep_until(self.begun + lasts).await;
        }
        for producer in self.producers {
            producer.close().await;
        }
        self.run.wait_until_finished().await;
        self.consumer.close().await;
        self.run.log().assert_never("the consumer failed", |event| {
            matches!(&event.happening, Happening::Noted { text } if text.starts_with("consumer failed"))
        });
        let numbers = self.run.judge(Expectations::default()).await;
        assert_eq!(numbers.duplicates, 0, "handled twice");
        println!(
            "{what}: {:.1} s until messages arrive; {} acknowledged, {} not written, {} unknown, {} handled",
            took.as_secs_f32(),
            numbers.acknowledged,
            numbers.not_written,
            numbers.unknown,
            numbers.handled,
        );
    }
}

/// `CSB_OUTAGE_SECONDS`: how long the load, and a fault with a length, last. Without it as long as the faults need.
pub(crate) fn seconds() -> Option<Duration> {
    let seconds = env::var("CSB_OUTAGE_SECONDS").ok()?;
    Some(Duration::from_secs(seconds.parse().expect("CSB_OUTAGE_SECONDS is a number")))
}

fn producer() -> ProducerRole {
    ProducerRole {
        per_second: Some(PER_SECOND),
        in_flight: 8,
        keys: 20,
        outcome_within_ms: DELIVERY_TIMEOUT_MS + MARGIN_MS,
        ..ProducerRole::new(doc! {
            "topic": TOPIC,
            "partitions": PARTITIONS,
            "retentionMs": 3_600_000,
            "partitionStrategy": "key-based",
        })
    }
}
