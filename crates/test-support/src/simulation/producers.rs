//! Those who send: producers in the processes, transactions of the user's, and services that still use 1.4.2.

use std::sync::Arc;
use std::time::Duration;

use bson::{DateTime, RawArrayBuf, RawDocumentBuf, Timestamp, doc, rawdoc};
use csb_core::config::ProducerConfig;
use csb_core::partition::partition_id::collection_name;
use csb_core::producer::Producer;
use csb_core::runtime::{clock, random};
use tokio::sync::Semaphore;

use super::event::Event;
use super::plan::{ProducerPlan, TOPIC};
use super::process::{Gone, Process};
use super::scheduler::{ProcessId, WORLD};
use super::world::World;
use crate::seeded_random::SeededRandom;

const RETENTION_MS: i64 = 86_400_000;
/// What failed is sent again so many times.
const MOST_TRIES: usize = 4;
/// A transaction takes no longer.
const LONGEST_TRANSACTION_MS: u64 = 58_000;

/// Makes all sends of one producer, and waits until each has an outcome.
pub(super) async fn produce(world: Arc<World>, index: usize, plan: ProducerPlan) {
    let mut random = world.random("producer");
    let at_once = Arc::new(Semaphore::new(plan.at_once));
    let mut made: Option<(ProcessId, Producer)> = None;
    for _ in 0..plan.sends {
        clock::sleep(random.millis(0, plan.every_ms)).await;
        let turn = Arc::clone(&at_once).acquire_owned().await.expect("never closed");
        let (process, producer) = loop {
            let process = world.wait_for_process(index % world.plan.processes).await;
            match &made {
                Some((id, producer)) if *id == process.id => break (process, producer.clone()),
                _ => {}
            }
            if let Ok(Some(producer)) = create_producer(&world, &process, plan).await {
                made = Some((process.id, producer.clone()));
                break (process, producer);
            }
            clock::sleep(Duration::from_millis(50)).await;
        };
        let messages = messages(&world, index, &mut random, plan);
        let scheduler = Arc::clone(&world.machine.scheduler);
        let world = Arc::clone(&world);
        scheduler.spawn_in(WORLD, "send", async move {
            send(&world, &process, &producer, messages, plan.sends_again).await;
            drop(turn);
        });
    }
    let all = u32::try_from(plan.at_once).expect("few");
    drop(at_once.acquire_many(all).await.expect("never closed"));
}

async fn create_producer(
    world: &World,
    process: &Process,
    plan: ProducerPlan,
) -> Result<Option<Producer>, Gone> {
    let config = doc! {
        "topic": TOPIC,
        "partitions": world.plan.partitions,
        "retentionMs": RETENTION_MS,
        "partitionStrategy": if plan.has_keys { "hash" } else { "round-robin" },
    };
    let config = ProducerConfig::from_document(&config).expect("a valid configuration");
    process.run("create producer", async move |broker| broker.create_producer(config).await.ok()).await
}

struct Messages {
    producer: usize,
    numbers: Vec<i64>,
    part: RawDocumentBuf,
}

fn messages(world: &World, producer: usize, random: &mut SeededRandom, plan: ProducerPlan) -> Messages {
    let mut numbers = Vec::new();
    let mut messages = RawArrayBuf::new();
    for _ in 0..random.between(1, plan.most_messages) {
        let number = world.next_number();
        let filler = "x".repeat(usize::try_from(random.between(0, plan.filler_bytes)).expect("small"));
        let mut message = rawdoc! { "v": { "n": number, "filler": filler } };
        if plan.has_keys {
            message.append(bson::raw::cstr!("k"), format!("key-{}", random.below(5)));
        }
        if plan.sends_again {
            message.append(bson::raw::cstr!("i"), format!("message-{number}"));
        }
        numbers.push(number);
        messages.push(message);
    }
    Messages { producer, numbers, part: rawdoc! { "m": messages } }
}

async fn send(world: &World, process: &Process, producer: &Producer, messages: Messages, sends_again: bool) {
    for _ in 0..if sends_again { MOST_TRIES } else { 1 } {
        let send = world.next_send();
        let (events, index, producer) = (world.events().clone(), messages.producer, producer.clone());
        let (numbers, part) = (messages.numbers.clone(), messages.part.clone());
        let sent = process.run("send", async move |_| {
            events.record(Event::SendBegan { send, producer: index, numbers });
            let outcome = producer.send(&[&part]).await;
            let told = outcome.as_ref().map_err(|error| (error.code(), error.effect())).copied();
            events.record(Event::SendEnded { send, outcome: told });
            outcome
        });
        match sent.await {
            Ok(Err(error)) if error.is_retryable() => {}
            Ok(_) | Err(Gone) => return,
        }
    }
}

/// Stores messages at once, as if a producer elsewhere had sent them.
pub(super) async fn store_backlog(world: &World, count: u64) {
    let mut random = world.random("backlog");
    for _ in 0..count {
        let partition = random_partition(world, &mut random);
        insert(world, partition, Some(Timestamp { time: 0, increment: 0 })).await;
    }
}

/// Transactions that insert a message: the server stamps it when it is inserted, and it becomes visible at the end of
/// the transaction.
pub(super) async fn run_transactions(world: Arc<World>) {
    let mut random = world.random("transactions");
    let all = Arc::new(Semaphore::new(0));
    for _ in 0..world.plan.transactions {
        clock::sleep(random.millis(0, 5_000)).await;
        let partition = random_partition(&world, &mut random);
        let takes = random.millis(0, LONGEST_TRANSACTION_MS);
        let (world, all) = (Arc::clone(&world), Arc::clone(&all));
        let scheduler = Arc::clone(&world.machine.scheduler);
        scheduler.spawn_in(WORLD, "transaction", async move {
            let stamp = world.server.cluster_time().await.expect("no faults here");
            clock::sleep(takes).await;
            insert(&world, partition, Some(stamp.into())).await;
            all.add_permits(1);
        });
    }
    let count = u32::try_from(world.plan.transactions).expect("few");
    drop(all.acquire_many(count).await.expect("never closed"));
}

/// A service that uses 1.4.2 sends.
pub(super) async fn send_as_legacy(world: Arc<World>) {
    let mut random = world.random("legacy");
    for _ in 0..world.plan.legacy_messages {
        clock::sleep(random.millis(0, 5_000)).await;
        let partition = random_partition(&world, &mut random);
        insert(&world, partition, None).await;
    }
}

async fn insert(world: &World, partition: u32, stamp: Option<Timestamp>) {
    let (send, number) = (world.next_send(), world.next_number());
    let partition_field = i32::try_from(partition).expect("few");
    let mut document = rawdoc! {
        "_id": random::object_id(),
        "n": number,
        "_headers": {},
        "_timestamp": DateTime::from_millis(clock::unix_millis()),
        "_partition": partition_field,
    };
    if let Some(stamp) = stamp {
        document.append(bson::raw::cstr!("_ts"), stamp);
    }
    world.events().record(Event::SendBegan { send, producer: 0, numbers: vec![number] });
    let refused = world.server.append(&collection_name(TOPIC, partition), &[document]).await;
    assert!(refused.expect("no faults here").is_empty(), "a message was refused");
    world.events().record(Event::SendEnded { send, outcome: Ok(()) });
}

fn random_partition(world: &World, random: &mut SeededRandom) -> u32 {
    u32::try_from(random.below(u64::from(world.plan.partitions))).expect("few")
}
