//! `concurrency`: messages of different keys at the same time, those of one key in turn.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bson::doc;
use csb_core::runtime::clock;
use csb_core::store::contract::OffsetKey;
use csb_test_support::recording_handler::{Received, Recorded, RecordingHandler, failure};
use tokio::sync::{Barrier, watch};

use crate::on_both_stores;
use crate::scene::{Scene, TOPIC, consumer, pick, producer, send_keyed, subscribe_with};

on_both_stores!(
    different_keys_overlap,
    one_key_and_no_key_stay_in_order,
    whatever_fails_every_key_stays_in_order,
    a_retried_key_holds_only_itself,
    a_slow_message_holds_only_its_key
);

const KEYS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// Asserts that every key's messages, and those without a key, were handled in the order in which they were sent.
pub(crate) fn assert_order_per_key(recorded: &Recorded) {
    let mut by_key: BTreeMap<_, Vec<i64>> = BTreeMap::new();
    for message in &recorded.handled {
        by_key.entry((message.partition, message.key.clone())).or_default().push(message.n);
    }
    for (lane, numbers) in by_key {
        assert!(numbers.is_sorted(), "{lane:?}: {numbers:?}");
    }
}

async fn different_keys_overlap(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let together = Arc::new(Barrier::new(4));
    let handler = RecordingHandler::new(move |_| {
        let together = Arc::clone(&together);
        async move {
            // Nobody goes on before four are here.
            together.wait().await;
            Ok(())
        }
    });
    subscribe_with(&consumer(&broker, doc! {}), &handler, doc! { "concurrency": 4 }).await;
    send_keyed(&numbers, (0_i64..).zip(KEYS.map(Some))).await;
    let recorded = handler.wait_for_handled(8).await;
    assert_eq!(recorded.sorted_numbers(), (0..8).collect::<Vec<_>>());
    assert_eq!(recorded.most_at_once, 4);
    broker.disconnect(true).await;
    scene.end().await;
}

async fn one_key_and_no_key_stay_in_order(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let handler = RecordingHandler::new(|_| async {
        tokio::task::yield_now().await;
        Ok(())
    });
    subscribe_with(&consumer(&broker, doc! {}), &handler, doc! { "concurrency": 16 }).await;
    send_keyed(&numbers, (0..300).map(|n| (n, pick(&["a", "", "b"], n).filter(|key| !key.is_empty())))).await;
    let recorded = handler.wait_for_handled(300).await;
    assert_order_per_key(&recorded);
    assert!(!recorded.key_overlapped);
    assert_eq!(recorded.numbers_with_key(None).len(), 100);
    broker.disconnect(true).await;
    scene.end().await;
}

/// A pseudo-random sequence from a seed.
struct Dice(AtomicU64);

impl Dice {
    fn roll(&self, sides: u64) -> u64 {
        let seed = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % sides
    }
}

async fn whatever_fails_every_key_stays_in_order(scene: Scene) {
    for seed in 1..=3 {
        let broker = scene.broker().await;
        let numbers = producer(&broker, 2).await;
        let dice = Arc::new(Dice(AtomicU64::new(seed)));
        let rolled = Arc::clone(&dice);
        let handler = RecordingHandler::new(move |received| {
            let (pauses, fails) = (rolled.roll(20), rolled.roll(5) == 0 && received.attempt < 4);
            let sleeps = rolled.roll(10) == 0;
            async move {
                for _ in 0..pauses {
                    tokio::task::yield_now().await;
                }
                if sleeps {
                    clock::sleep(Duration::from_millis(1)).await;
                }
                if fails { Err(failure()) } else { Ok(()) }
            }
        });
        let reader = consumer(&broker, doc! { "groupId": format!("group-{seed}"), "fromBeginning": true });
        subscribe_with(&reader, &handler, doc! { "concurrency": 5, "maxRetries": 5, "retryDelay": 1 }).await;
        let first = i64::try_from(seed - 1).expect("small") * 400;
        for part in 0..8 {
            let keyed = (0..50).map(|n| {
                let key = dice.roll(9);
                (first + part * 50 + n, KEYS.get(usize::try_from(key).expect("small")).copied())
            });
            send_keyed(&numbers, keyed).await;
        }
        let total = usize::try_from(first).expect("small") + 400;
        let recorded = handler.wait_for_handled(total).await;
        assert_eq!(recorded.sorted_numbers(), (0..first + 400).collect::<Vec<_>>(), "seed {seed}");
        assert_order_per_key(&recorded);
        assert!(!recorded.key_overlapped, "seed {seed}");
        assert!(recorded.told.iter().all(|told| told.will_retry), "seed {seed}");
        assert!(recorded.most_at_once <= 5);
        broker.disconnect(true).await;
        let key = OffsetKey { group_id: format!("group-{seed}"), topic: TOPIC.to_owned(), partition: 0 };
        let stored = scene.store.load_offset(&key).await.expect("readable").expect("claimed");
        assert_eq!((stored.finished_ahead, stored.attempts), (Vec::new(), Vec::new()));
    }
    scene.end().await;
}

/// Many more messages than are kept in memory pass by a message that waits for its next attempt.
async fn a_retried_key_holds_only_itself(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let handler = RecordingHandler::new(|received| async move {
        if received.n == 0 && received.attempt == 1 { Err(failure()) } else { Ok(()) }
    });
    let reader = consumer(&broker, doc! {});
    subscribe_with(&reader, &handler, doc! { "concurrency": 3, "retryDelay": 3_600_000 }).await;
    send_keyed(&numbers, [(0, Some("a")), (1, Some("a"))]).await;
    for part in 0..3 {
        let first = 2 + part * 1000;
        send_keyed(&numbers, (first..first + 1000).map(|n| (n, pick(&KEYS[1..], n)))).await;
    }
    let recorded = handler.wait_for_handled(3000).await;
    assert_eq!(recorded.sorted_numbers(), (2..3002).collect::<Vec<_>>());
    assert_eq!((recorded.attempts_of(0), recorded.attempts_of(1)), (vec![1], vec![]));
    reader.unsubscribe(true).await;

    // Without a crash nothing is handled twice.
    subscribe_with(&reader, &handler, doc! { "concurrency": 3 }).await;
    handler.wait_for_handled(3002).await;
    broker.disconnect(true).await;
    let recorded = handler.recorded();
    assert_eq!(recorded.sorted_numbers(), (0..3002).collect::<Vec<_>>());
    assert_eq!((recorded.attempts_of(0), recorded.begun.len()), (vec![1, 2], 3003));
    scene.end().await;
}

/// What stands in front of others of another key must not hold them up while there is a free place.
async fn a_slow_message_holds_only_its_key(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let (open, gate) = watch::channel(false);
    let handler = RecordingHandler::new(move |received: Received| {
        let mut gate = gate.clone();
        async move {
            if received.n == 0 {
                gate.wait_for(|is_open| *is_open).await.expect("the test goes on");
            }
            Ok(())
        }
    });
    let reader = consumer(&broker, doc! { "fromBeginning": true });
    // All are there when it begins, many more keys than places.
    let keys: Vec<_> = (0..200).map(|n| format!("k{n}")).collect();
    send_keyed(&numbers, (0_i64..).zip(keys.iter().map(|key| Some(key.as_str())))).await;
    subscribe_with(&reader, &handler, doc! { "concurrency": 3 }).await;
    handler.wait_for_handled(199).await;
    open.send_replace(true);
    handler.wait_for_handled(200).await;
    broker.disconnect(true).await;
    scene.end().await;
}

/// Time is virtual here: it passes only when nothing else is to do.
#[tokio::test(start_paused = true)]
async fn hot_keys_do_not_starve_the_others() {
    let scene = Scene::in_memory().await;
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let handler = RecordingHandler::new(|_| async {
        clock::sleep(Duration::from_millis(50)).await;
        Ok(())
    });
    subscribe_with(&consumer(&broker, doc! {}), &handler, doc! { "concurrency": 2 }).await;
    send_keyed(&numbers, (0..400).map(|n| (n, pick(&["hot", "hotter"], n)))).await;
    handler.wait_for_handled(10).await;
    send_keyed(&numbers, [(1000, Some("cold")), (1001, None)]).await;
    let recorded = handler
        .wait_for("the cold ones", |seen| seen.handled.iter().filter(|one| one.n >= 1000).count() == 2);
    let count = recorded.await.handled.len();
    assert!(count < 22, "the cold ones came as number {count}");
    let recorded = handler.wait_for_handled(402).await;
    assert_order_per_key(&recorded);
    assert!(!recorded.key_overlapped);
    broker.disconnect(true).await;
    scene.end().await;
}
