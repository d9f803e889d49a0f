//! One partition of ten takes a second for each message, and its buffer is full: what that does to the latency of the
//! other nine is measured side by side and printed.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bson::doc;
use csb_core::producer::Producer;
use csb_core::runtime::clock::{self, Instant};
use csb_test_support::recording_handler::RecordingHandler;

use crate::on_both_stores;
use crate::scene::{Scene, consumer, producer, send, subscribe};

const PARTITIONS: u32 = 10;
const SLOW: u32 = 0;
const TAKES: Duration = Duration::from_secs(1);
/// The smallest buffer that a configuration allows, and more for each partition than it holds.
const SMALL_BUFFER: i32 = 64 * 1024;
const BACKLOG: i64 = 10_000;
/// Messages whose latency is measured each time, sent one by one.
const MEASURED: i64 = 500;

on_both_stores!(nine_keep_their_latency);

/// Sending and arrival of the messages that are measured.
#[derive(Default)]
struct Times(Mutex<Vec<(Instant, Option<Duration>)>>);

impl Times {
    fn sent(&self) -> i64 {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        times.push((clock::now(), None));
        i64::try_from(times.len()).expect("small") - 1
    }

    fn arrived(&self, n: i64) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((sent, took)) = usize::try_from(n).ok().and_then(|n| times.get_mut(n)) else { return };
        took.get_or_insert(sent.elapsed());
    }

    /// Median and 99th percentile of what has arrived since these were sent, in milliseconds.
    fn latencies(&self, from: i64) -> (f64, f64) {
        let times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = &times[usize::try_from(from).expect("small")..];
        let mut took: Vec<_> = since.iter().filter_map(|(_, took)| *took).collect();
        took.sort();
        let at = |percent: usize| took[(took.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
        (at(50), at(99))
    }
}

async fn nine_keep_their_latency(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, PARTITIONS).await;
    let (times, is_slow) = (Arc::new(Times::default()), Arc::new(AtomicBool::new(false)));
    let handler = {
        let (times, is_slow) = (Arc::clone(&times), Arc::clone(&is_slow));
        RecordingHandler::new(move |received| {
            times.arrived(received.n);
            let waits = received.partition == SLOW && is_slow.load(Ordering::Relaxed);
            async move {
                if waits {
                    clock::sleep(TAKES).await;
                }
                Ok(())
            }
        })
    };
    subscribe(&consumer(&broker, doc! { "maxBufferedBytes": SMALL_BUFFER }), &handler).await;
    let others = |count: i64| usize::try_from(count / 10 * 9).expect("small");

    let first = measure(&numbers, &times).await;
    let whole = usize::try_from(MEASURED).expect("small");
    handler.wait_for_handled(whole).await;
    let before = times.latencies(first);

    is_slow.store(true, Ordering::Relaxed);
    for part in 0..BACKLOG / 1000 {
        // Numbers that are not measured.
        send(&numbers, (part + 1) * 1_000_000..(part + 1) * 1_000_000 + 1000).await;
    }
    handler.wait_for_handled(whole + others(BACKLOG)).await;
    let second = measure(&numbers, &times).await;
    let recorded = handler
        .wait_for("the nine others", |seen| {
            let of_others = seen.handled.iter().filter(|message| message.partition != SLOW);
            of_others.count() >= others(MEASURED + BACKLOG + MEASURED)
        })
        .await;
    let after = times.latencies(second);
    let of_slow = i64::try_from(recorded.numbers_of(SLOW).len()).expect("small");
    assert!(of_slow < (MEASURED + BACKLOG) / 10, "the slow one was not behind: {of_slow}");
    writeln!(
        io::stdout(),
        "nine of ten partitions, milliseconds at p50 and p99: {:.1} and {:.1} alone, {:.1} and {:.1} beside a slow one",
        before.0, before.1, after.0, after.1
    )
    .expect("standard output is open");
    broker.disconnect(true).await;
    scene.end().await;
}

/// Sends one by one; returns the number of the first.
async fn measure(numbers: &Producer, times: &Times) -> i64 {
    let mut first = None;
    for _ in 0..MEASURED {
        let n = times.sent();
        first.get_or_insert(n);
        send(numbers, [n]).await;
    }
    first.expect("some are measured")
}
