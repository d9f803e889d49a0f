//! The ordinary way: every message once, in order, and again from where the group was.

use bson::doc;
use csb_test_support::recording_handler::RecordingHandler;

use crate::on_both_stores;
use crate::scene::{Scene, consumer, producer, send, subscribe};

const PARTITIONS: u32 = 6;

on_both_stores!(
    every_message_once_in_order,
    goes_on_after_a_restart,
    two_groups_both_get_everything,
    begins_now
);

async fn every_message_once_in_order(scene: Scene) {
    let broker = scene.broker().await;
    let producer = producer(&broker, PARTITIONS).await;
    let handler = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! {}), &handler).await;

    let sends = (0..1000).map(|first| producer.send(&[&crate::scene::part([first * 2, first * 2 + 1])]));
    for sent in futures_util::future::join_all(sends).await {
        sent.expect("acknowledged");
    }

    let recorded = handler.wait_for_handled(2000).await;
    assert_eq!(recorded.sorted_numbers(), (0..2000).collect::<Vec<_>>());
    for partition in 0..PARTITIONS {
        assert!(recorded.numbers_of(partition).is_sorted(), "partition {partition} out of order");
    }
    assert!(!recorded.overlapped);
    broker.disconnect(true).await;
    scene.end().await;
}

async fn goes_on_after_a_restart(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, PARTITIONS).await;
    let first = RecordingHandler::accepting();
    let reader = consumer(&broker, doc! {});
    subscribe(&reader, &first).await;
    send(&numbers, 0..500).await;
    first.wait_for_handled(200).await;
    reader.unsubscribe(true).await;
    let handled = first.recorded().sorted_numbers();
    send(&numbers, 500..600).await;
    broker.disconnect(true).await;

    let broker = scene.broker().await;
    let second = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! { "fromBeginning": true }), &second).await;
    second.wait_for_handled(600 - handled.len()).await;
    broker.disconnect(true).await;
    let mut all = handled;
    all.extend(second.recorded().sorted_numbers());
    all.sort_unstable();
    assert_eq!(all, (0..600).collect::<Vec<_>>());
    scene.end().await;
}

async fn two_groups_both_get_everything(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, PARTITIONS).await;
    let handlers = [RecordingHandler::accepting(), RecordingHandler::accepting()];
    for (group, handler) in ["a", "b"].into_iter().zip(&handlers) {
        subscribe(&consumer(&broker, doc! { "groupId": group }), handler).await;
    }
    send(&numbers, 0..100).await;
    for handler in &handlers {
        let recorded = handler.wait_for_handled(100).await;
        assert_eq!(recorded.sorted_numbers(), (0..100).collect::<Vec<_>>());
    }
    broker.disconnect(true).await;
    scene.end().await;
}

async fn begins_now(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    // Another group keeps the feed open, so that the new one joins a stream that is under way.
    let other = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! { "groupId": "other" }), &other).await;
    send(&numbers, 0..50).await;
    let handler = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! {}), &handler).await;
    send(&numbers, 50..60).await;
    let recorded = handler.wait_for_handled(10).await;
    assert_eq!(recorded.sorted_numbers(), (50..60).collect::<Vec<_>>());
    broker.disconnect(true).await;
    scene.end().await;
}
