//! A consumer that is killed again and again: nothing is lost, and little is handled twice.

use std::time::Duration;

use bson::doc;
use csb_core::runtime::{clock, random};
use csb_test_support::fault_run::{FaultRun, MemberProcess};
use csb_test_support::history::{Expectations, Happening, Order};
use csb_test_support::member::{ConsumerRole, ProducerRole};
use csb_test_support::replica_set::ReplicaSet;

use crate::{MEMBER, roles};

const PARTITIONS: u32 = 4;
/// Beginning takes a process this long at most, when nothing else keeps the machine busy.
const START_UP_MS: u32 = 400;
/// More than there are kills: whoever is killed so often, so soon after it began, can be killed with the same innocent
/// message in hand each time, which is then taken for the cause.
const MAX_RETRIES: i32 = 30;

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

/// A consumer that is killed again and again while a producer sends.
struct Plan {
    name: &'static str,
    consumer: ConsumerRole,
    messages: u64,
    per_second: Option<u32>,
    kills: u32,
    order: Order,
}

impl Plan {
    /// With `autoCommit: true` in the handler's configuration, the offset is stored as soon as possible, so that few
    /// messages are handled and not stored at any time.
    fn twenty_kills(name: &'static str) -> Self {
        let handler = doc! { "autoCommit": true, "maxRetries": MAX_RETRIES };
        let consumer = ConsumerRole { handler, ..roles::consumer(doc! {}) };
        Self { name, consumer, messages: 20_000, per_second: None, kills: 20, order: Order::Partition }
    }

    async fn carry_out(self) {
        let run = FaultRun::begin(self.name, MEMBER, ReplicaSet::shared().await, PARTITIONS).await;
        let mut consumer = run.subscribed_consumer(self.consumer.clone()).await;
        let producer = run.producer(ProducerRole {
            messages: Some(self.messages),
            per_second: self.per_second,
            in_flight: 200,
            keys: 100,
            ..roles::producer(PARTITIONS)
        });
        for kill in 1..=self.kills {
            Moment::random(kill).come(&run, &consumer).await;
            consumer.kill().await;
            consumer = run.consumer(self.consumer.clone());
            if kill % 2 == 0 {
                consumer.close().await;
                consumer = run.consumer(self.consumer.clone());
            }
        }
        run.wait_for_end(producer).await;
        run.wait_until_finished().await;
        consumer.close().await;
        // What is handled and not stored when the process is killed comes again: as much as the handler does in the
        // time of one commit. It is counted and printed; a bound on it would be a bound on the machine's speed.
        let numbers = run.judge(Expectations { order: self.order, ..Expectations::default() }).await;
        assert_eq!((numbers.acknowledged, numbers.handled), (self.messages, self.messages));
        assert_eq!(numbers.crashes.len(), self.kills as usize);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_twenty_times_within_twenty_thousand_messages() {
    let mut plan = Plan::twenty_kills("killed_consumer");
    plan.consumer.work_micros = 200;
    plan.per_second = Some(800);
    plan.carry_out().await;
}

/// A handler that takes no time has handled hundreds of messages of a backlog before an offset is stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_twenty_times_with_a_handler_that_takes_no_time() {
    Plan::twenty_kills("killed_instant_consumer").carry_out().await;
}

/// Messages of different keys are handled side by side, and some are tried again while later ones are finished.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_some_messages_are_finished_ahead() {
    let mut plan = Plan::twenty_kills("killed_ahead");
    plan.consumer.handler.extend(doc! { "concurrency": 8, "retryDelay": 20 });
    plan.consumer.work_micros = 200;
    plan.consumer.failing_percent = 5;
    (plan.messages, plan.per_second) = (5_000, Some(800));
    (plan.kills, plan.order) = (5, Order::Key);
    plan.carry_out().await;
}
