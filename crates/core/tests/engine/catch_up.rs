//! Partitions that cannot keep up leave the shared feed, read on their own, and join again: no gap, no double, and
//! the others do not wait.

use std::time::Duration;

use bson::doc;
use csb_core::runtime::clock;
use csb_test_support::recording_handler::RecordingHandler;
use tokio::sync::watch;

use crate::on_both_stores;
use crate::scene::{Scene, consumer, producer, send, subscribe};

/// The smallest buffer that a configuration allows; some hundred messages fill it.
const SMALL_BUFFER: i32 = 64 * 1024;

on_both_stores!(
    a_full_buffer_is_caught_up_with,
    a_paused_consumer_misses_nothing,
    a_stuck_partition_holds_nobody_up
);

async fn a_full_buffer_is_caught_up_with(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 2).await;
    let handler = RecordingHandler::new(|received| async move {
        if received.n % 50 == 0 {
            clock::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    });
    subscribe(&consumer(&broker, doc! { "maxBufferedBytes": SMALL_BUFFER }), &handler).await;
    for thousand in 0..8 {
        send(&numbers, thousand * 1000..(thousand + 1) * 1000).await;
    }
    let recorded = handler.wait_for_handled(8000).await;
    assert_eq!(recorded.sorted_numbers(), (0..8000).collect::<Vec<_>>());
    assert!((0..2).all(|partition| recorded.numbers_of(partition).is_sorted()));
    // It is live again: a message now comes without a restart.
    send(&numbers, 8000..8002).await;
    handler.wait_for_handled(8002).await;
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_paused_consumer_misses_nothing(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 2).await;
    let handler = RecordingHandler::accepting();
    let reader = consumer(&broker, doc! { "maxBufferedBytes": SMALL_BUFFER });
    subscribe(&reader, &handler).await;
    send(&numbers, 0..10).await;
    handler.wait_for_handled(10).await;

    reader.pause();
    assert!(reader.is_paused());
    for thousand in 0..3 {
        send(&numbers, 10 + thousand * 1000..10 + (thousand + 1) * 1000).await;
    }
    assert_eq!(handler.recorded().handled.len(), 10);
    reader.resume();
    let recorded = handler.wait_for_handled(3010).await;
    assert_eq!(recorded.sorted_numbers(), (0..3010).collect::<Vec<_>>());
    assert!((0..2).all(|partition| recorded.numbers_of(partition).is_sorted()));
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_stuck_partition_holds_nobody_up(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 4).await;
    let (open_gate, gate) = watch::channel(false);
    let handler = RecordingHandler::new(move |received| {
        let mut gate = gate.clone();
        async move {
            if received.partition == 0 {
                gate.wait_for(|open| *open).await.expect("the gate is there");
            }
            Ok(())
        }
    });
    subscribe(&consumer(&broker, doc! { "maxBufferedBytes": SMALL_BUFFER }), &handler).await;
    for thousand in 0..4 {
        send(&numbers, thousand * 1000..(thousand + 1) * 1000).await;
    }
    // All of the three other partitions, while the first one has not finished a single message.
    let recorded = handler.wait_for_handled(3000).await;
    assert_eq!(recorded.numbers_of(0), Vec::<i64>::new());
    open_gate.send_replace(true);
    let recorded = handler.wait_for_handled(4000).await;
    assert_eq!(recorded.sorted_numbers(), (0..4000).collect::<Vec<_>>());
    assert!((0..4).all(|partition| recorded.numbers_of(partition).is_sorted()));
    broker.disconnect(true).await;
    scene.end().await;
}
