//! A consumer that is killed again and again: nothing is lost, and little is handled twice.

use std::time::Duration;

use bson::doc;
use csb_core::runtime::{clock, random};
use csb_test_support::fault_run::{FaultRun, MemberProcess};
use csb_test_support::history::{Expectations, Happening};
use csb_test_support::member::{ConsumerRole, ProducerRole};
use csb_test_support::replica_set::ReplicaSet;

use crate::{MEMBER, roles};

const PARTITIONS: u32 = 4;
const MESSAGES: u64 = 20_000;
const KILLS: u32 = 20;
/// Beginning takes a process this long at most, when nothing else keeps the machine busy.
const START_UP_MS: u32 = 400;

/// When a consumer is killed.
enum Moment {
    /// So long after it was started.
    Beginning(Duration),
    /// When it has handled so many messages, and a little later.
    Handled(u32, Duration),
}

impl Moment {
    /// Any state of a consumer gets its share of the kills: one that began after a clean end, one that goes carefully
    /// because the one before was killed, and one that has not begun yet.
    fn random(kill: u32) -> Self {
        let up_to = |limit| random::next_u32() % limit;
        let micros = |limit| Duration::from_micros(u64::from(up_to(limit)));
        match kill % 4 {
            0 => Self::Beginning(micros(START_UP_MS * 1_000)),
            2 => Self::Handled(1 + up_to(600), micros(5_000)),
            _ => Self::Handled(1 + up_to(1_200), micros(5_000)),
        }
    }

    async fn come(self, run: &FaultRun, consumer: &MemberProcess) {
        let (handled, later) = match self {
            Self::Beginning(later) => (0, later),
            Self::Handled(handled, later) => (handled, later),
        };
        if handled > 0 {
            let mut own = 0;
            let what = format!("{} to handle {handled} messages", consumer.name());
            run.log()
                .wait_for(0, &what, |_, event| {
                    let is_own = event.member == consumer.name();
                    own += u32::from(is_own && matches!(event.happening, Happening::DeliveryFinished { .. }));
                    own >= handled
                })
                .await;
        }
        clock::sleep(later).await;
    }
}

/// With `autoCommit: true` in the handler's configuration, the offset is stored as soon as possible.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_twenty_times_within_twenty_thousand_messages() {
    let role = ConsumerRole { work_micros: 200, ..committing_at_once() };
    killed_again_and_again("killed_consumer", role, Some(800)).await;
}

/// A handler that takes no time has handled a thousand messages of a backlog before the first offset is stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "what is handled and not stored has no bound: up to 1,500 duplicates of one kill were seen"]
async fn killed_twenty_times_with_a_handler_that_takes_no_time() {
    killed_again_and_again("killed_instant_consumer", committing_at_once(), None).await;
}

fn committing_at_once() -> ConsumerRole {
    ConsumerRole { handler: doc! { "autoCommit": true }, ..roles::consumer(doc! {}) }
}

async fn killed_again_and_again(name: &'static str, role: ConsumerRole, per_second: Option<u32>) {
    let run = FaultRun::begin(name, MEMBER, ReplicaSet::shared().await, PARTITIONS).await;
    let mut consumer = run.subscribed_consumer(role.clone()).await;
    let producer = run.producer(ProducerRole {
        messages: Some(MESSAGES),
        per_second,
        in_flight: 200,
        keys: 100,
        ..roles::producer(PARTITIONS)
    });
    for kill in 1..=KILLS {
        Moment::random(kill).come(&run, &consumer).await;
        consumer.kill().await;
        consumer = run.consumer(role.clone());
        if kill % 2 == 0 {
            consumer.close().await;
            consumer = run.consumer(role.clone());
        }
    }
    run.wait_for_end(producer).await;
    run.wait_until_finished().await;
    consumer.close().await;
    // What is handled and not stored when the process is killed comes again: as much as the handler does in the time of
    // one commit. It is counted and printed; a bound on it would be a bound on the machine's speed.
    let numbers = run.judge(Expectations::default()).await;
    assert_eq!((numbers.acknowledged, numbers.handled), (MESSAGES, MESSAGES));
    assert_eq!(numbers.crashes.len(), KILLS as usize);
}
