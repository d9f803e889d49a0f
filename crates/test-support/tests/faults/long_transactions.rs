//! Messages that are sent in transactions which stay open across the beginning of a subscription: delivered once if
//! the transaction commits, never if it does not.

use std::time::Duration;

use bson::doc;
use csb_core::runtime::clock::{self, Instant};
use csb_test_support::fault_run::FaultRun;
use csb_test_support::history::{Expectations, Happening};
use csb_test_support::member::{HistoryWriter, ProducerRole};
use csb_test_support::replica_set::ReplicaSet;
use mongodb::ClientSession;

use crate::stored_messages::{partition_of, store_many, stored};
use crate::{MEMBER, roles};

const PARTITIONS: u32 = 2;
const BACKLOG: u64 = 500;
/// Messages of a transaction, in each partition.
const OF_EACH: u32 = 20;
/// How long the longest one stays open. The server ends those of more than 60 s.
const OPEN_FOR: Duration = Duration::from_secs(25);

/// A transaction with messages in it.
struct Open {
    session: ClientSession,
    history: HistoryWriter,
    values: Vec<String>,
    opened_at: Instant,
}

impl Open {
    async fn begin(run: &FaultRun, name: &str) -> Self {
        let mut session = run.client().start_session().await.expect("a session");
        session.start_transaction().await.expect("a transaction");
        let (history, opened_at) = (run.writer(name), clock::now());
        let mut open = Self { session, history, values: Vec::new(), opened_at };
        open.send(run).await;
        open
    }

    async fn send(&mut self, run: &FaultRun) {
        for partition in 0..PARTITIONS {
            for _ in 0..OF_EACH {
                let value = format!("{}-{}", self.history.member(), self.values.len());
                let begun =
                    Happening::SendBegun { value: value.clone(), key: None, partition: Some(partition) };
                self.history.write(begun).expect("the history is written");
                let message = stored(&value, None, partition, 0);
                let insert =
                    partition_of(run, partition).insert_one(message).session(&mut self.session).await;
                insert.expect("stored");
                self.values.push(value);
            }
        }
    }

    async fn commit(mut self) -> u64 {
        self.session.commit_transaction().await.expect("committed");
        self.end(|value| Happening::SendAcknowledged { value })
    }

    async fn abort(mut self) -> u64 {
        self.session.abort_transaction().await.expect("aborted");
        self.end(|value| Happening::SendNotWritten { value, code: "aborted".to_owned() })
    }

    fn end(self, outcome: impl Fn(String) -> Happening) -> u64 {
        let count = self.values.len() as u64;
        self.history.write_all(self.values.into_iter().map(outcome)).expect("the history is written");
        count
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_across_the_beginning_of_a_subscription() {
    let run = FaultRun::begin("long_transactions", MEMBER, ReplicaSet::shared().await, PARTITIONS).await;
    let driver = run.writer("driver");
    let mut long = Open::begin(&run, "long").await;
    let aborted = Open::begin(&run, "aborted").await;
    let ends_meanwhile = Open::begin(&run, "ends-meanwhile").await;
    for partition in 0..PARTITIONS {
        store_many(&run, partition, BACKLOG, &driver, |number| {
            let value = format!("backlog-{partition}-{number}");
            let document = stored(&value, None, partition, 0);
            (value, document)
        })
        .await;
    }

    let consumer = run.consumer(roles::consumer(doc! { "fromBeginning": true }));
    let mut committed = ends_meanwhile.commit().await;
    run.log().wait_for_happening(consumer.name(), &Happening::Subscribed).await;
    let producer =
        run.producer(ProducerRole { per_second: Some(100), keys: 10, ..roles::producer(PARTITIONS) });
    let opened_later = Open::begin(&run, "opened-later").await;
    run.wait_until_finished().await;
    long.send(&run).await;
    aborted.abort().await;
    // That it stays open is what is tested.
    clock::sleep_until(long.opened_at + OPEN_FOR).await;
    committed += long.commit().await;
    committed += opened_later.commit().await;
    producer.close().await;
    run.wait_until_finished().await;
    consumer.close().await;

    let numbers = run.judge(Expectations::default()).await;
    assert_eq!((numbers.duplicates, numbers.unknown), (0, 0));
    assert_eq!(numbers.not_written, u64::from(OF_EACH * PARTITIONS));
    assert!(numbers.handled > committed + BACKLOG * u64::from(PARTITIONS), "the producer wrote meanwhile");
    assert_eq!(numbers.handled, numbers.acknowledged);
}
