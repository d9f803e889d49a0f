//! Producers that send without a pause, a consumer that takes everything, and the question whether that adds up.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bson::{Document, RawDocumentBuf, doc, rawdoc};
use csb_core::broker::Broker;
use csb_core::config::{BrokerConfig, ConsumerConfig, HandlerConfig, LogLevel, ProducerConfig};
use csb_core::consumer::Consumer;
use csb_core::error_code::Effect;
use csb_core::observe::log::{LogSink, Logger};
use csb_core::producer::Producer;
use csb_core::runtime::clock::{self, Instant};
use csb_core::runtime::task_group::TaskGroup;
use csb_test_support::recording_handler::RecordingHandler;
use tokio::sync::Semaphore;

/// Producers, each on a broker of its own.
const PRODUCERS: i64 = 5;
/// Sends of one producer that may be under way.
const IN_FLIGHT: usize = 8;
/// Between two sends of a producer: together they send about 1000 messages per second.
const PACE: Duration = Duration::from_millis(5);
const PARTITIONS: u32 = 3;
/// Numbers of one producer.
const SPAN: i64 = 1_000_000;
/// A send may take so long, and not longer.
pub(crate) const DELIVERY_TIMEOUT: Duration = Duration::from_secs(30);
const MARGIN: Duration = Duration::from_secs(10);
const ENDS_WITHIN: Duration = Duration::from_secs(90);
/// The `appName` of every client of the load, for fail points.
pub(crate) const APP_NAME: &str = "outages";

/// Prints what the brokers say, when `CSB_OUTAGE_LOG` is set: for whoever looks for the cause of a failure.
struct Printer(Instant);

impl LogSink for Printer {
    fn log(&self, level: LogLevel, _: &str, message: &str) {
        println!("{:8.3} {level:?} {message}", self.0.elapsed().as_secs_f32());
    }
}

/// What became of the sends.
#[derive(Debug, Default)]
struct Ledger {
    acknowledged: HashSet<i64>,
    not_written: HashSet<i64>,
    unknown: HashSet<i64>,
    longest: Duration,
}

/// A running load.
pub(crate) struct Load {
    brokers: Vec<Broker>,
    consumer: Consumer,
    pub(crate) handler: Arc<RecordingHandler>,
    ledger: Arc<Mutex<Ledger>>,
    is_over: Arc<AtomicBool>,
    sending: TaskGroup,
}

impl Load {
    /// Starts it and waits until messages arrive. `extra` adds to the brokers' configuration.
    pub(crate) async fn start(uri: &str, database: &str, extra: Document) -> Self {
        let reader = broker(uri, database, &extra).await;
        let first = producer(&reader).await;
        drop(first);
        let handler = RecordingHandler::accepting();
        let config = doc! { "groupId": "readers", "topic": "numbers" };
        let config = ConsumerConfig::from_document(&config).expect("valid");
        let consumer = reader.create_consumer(config).expect("a consumer");
        let config = HandlerConfig::from_document(&doc! { "autoCommit": true }, consumer.config());
        let handling: Arc<RecordingHandler> = Arc::clone(&handler);
        consumer.subscribe(config.expect("valid"), handling).await.expect("subscribed");

        let mut load = Self {
            brokers: vec![reader],
            consumer,
            handler,
            ledger: Arc::default(),
            is_over: Arc::default(),
            sending: TaskGroup::new(Logger::silent()),
        };
        for number in 0..PRODUCERS {
            let broker = broker(uri, database, &extra).await;
            let producer = producer(&broker).await;
            load.brokers.push(broker);
            load.send_on(producer, number * SPAN);
        }
        load.flows("at the start").await;
        load
    }

    fn send_on(&self, producer: Producer, first: i64) {
        let (ledger, is_over, group) =
            (Arc::clone(&self.ledger), Arc::clone(&self.is_over), self.sending.clone());
        let next = AtomicI64::new(first);
        let room = Arc::new(Semaphore::new(IN_FLIGHT));
        let sends = self.sending.clone();
        group.spawn("sends of a producer", async move {
            while !is_over.load(Ordering::Acquire) {
                let Ok(turn) = Arc::clone(&room).acquire_owned().await else { return };
                let number = next.fetch_add(1, Ordering::Relaxed);
                let ledger = Arc::clone(&ledger);
                // Queued before the next one is: the order of calls is the order of messages.
                let sending = send(&producer, number, ledger);
                sends.spawn("send", async move {
                    sending.await;
                    drop(turn);
                });
                clock::sleep(PACE).await;
            }
        });
    }

    /// Waits until messages sent from now on arrive. Returns how long that took.
    pub(crate) async fn flows(&self, when: &str) -> Duration {
        let begun = clock::now();
        let before = self.lock().acknowledged.len();
        loop {
            let sent_since = {
                let ledger = self.lock();
                (ledger.acknowledged.len() > before + 100).then(|| ledger.acknowledged.len())
            };
            if let Some(wanted) = sent_since {
                self.handler
                    .wait_for(&format!("messages sent {when}"), |seen| seen.handled.len() >= wanted)
                    .await;
                return begun.elapsed();
            }
            assert!(begun.elapsed() < ENDS_WITHIN, "nothing is acknowledged any more {when}");
            clock::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Stops sending, waits for the rest and judges. Returns a line of numbers.
    pub(crate) async fn end(self) -> String {
        self.is_over.store(true, Ordering::Release);
        assert!(self.sending.wait_until_idle(ENDS_WITHIN).await, "a send hangs");
        let wanted = self.lock().acknowledged.clone();
        self.handler
            .wait_for("every acknowledged message", |seen| {
                seen.handled.len() >= wanted.len()
                    && wanted.is_subset(&seen.handled.iter().map(|message| message.n).collect())
            })
            .await;
        for broker in &self.brokers {
            broker.disconnect(true).await;
        }
        assert!(!self.consumer.is_subscribed());
        self.judge()
    }

    fn judge(&self) -> String {
        let ledger = self.lock();
        let recorded = self.handler.recorded();
        let handled: Vec<_> = recorded.handled.iter().map(|message| message.n).collect();
        let once: HashSet<_> = handled.iter().copied().collect();
        assert_eq!(once.len(), handled.len(), "handled twice");
        let lost: Vec<_> = ledger.acknowledged.difference(&once).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        let aborted: Vec<_> = ledger.not_written.intersection(&once).collect();
        assert!(aborted.is_empty(), "not written and handled: {aborted:?}");
        for partition in 0..PARTITIONS {
            let numbers = recorded.numbers_of(partition);
            for producer in 0..PRODUCERS {
                let of_producer = || numbers.iter().filter(|number| **number / SPAN == producer);
                assert!(of_producer().is_sorted(), "order broken in partition {partition}");
            }
        }
        assert!(!recorded.overlapped, "two messages of a partition at the same time");
        assert!(recorded.consumer_errors.is_empty(), "{:?}", recorded.consumer_errors);
        let longest = ledger.longest;
        assert!(longest < DELIVERY_TIMEOUT + MARGIN, "a send took {longest:?}");
        format!(
            "{} acknowledged, {} not written, {} unknown, {} handled, longest send {:.1} s",
            ledger.acknowledged.len(),
            ledger.not_written.len(),
            ledger.unknown.len(),
            handled.len(),
            longest.as_secs_f32()
        )
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn send(
    producer: &Producer,
    number: i64,
    ledger: Arc<Mutex<Ledger>>,
) -> impl Future<Output = ()> + Send + use<> {
    let begun: Instant = clock::now();
    let part = part(number);
    let outcome = producer.send(&[&part]);
    async move {
        let outcome = outcome.await;
        let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.longest = ledger.longest.max(begun.elapsed());
        match outcome {
            Ok(()) => ledger.acknowledged.insert(number),
            Err(error) if error.effect() == Effect::None => ledger.not_written.insert(number),
            Err(_) => ledger.unknown.insert(number),
        };
    }
}

fn part(number: i64) -> RawDocumentBuf {
    let mut messages = bson::RawArrayBuf::new();
    messages.push(rawdoc! { "v": { "n": number } });
    rawdoc! { "m": messages }
}

async fn broker(uri: &str, database: &str, extra: &Document) -> Broker {
    let mut config = doc! {
        "mongoUri": uri,
        "database": database,
        "autoCreateTopics": true,
        "appName": APP_NAME,
        "logLevel": "DEBUG",
        "deliveryTimeoutMs": i64::try_from(DELIVERY_TIMEOUT.as_millis()).expect("small"),
    };
    config.extend(extra.clone());
    let sink =
        std::env::var_os("CSB_OUTAGE_LOG").map(|_| Arc::new(Printer(clock::now())) as Arc<dyn LogSink>);
    let broker = Broker::new(BrokerConfig::from_document(&config).expect("valid"), sink);
    broker.connect().await.expect("connected");
    broker
}

async fn producer(broker: &Broker) -> Producer {
    let config = doc! {
        "topic": "numbers",
        "partitions": PARTITIONS,
        "retentionMs": 3_600_000,
        "partitionStrategy": "round-robin",
    };
    broker.create_producer(ProducerConfig::from_document(&config).expect("valid")).await.expect("a producer")
}
