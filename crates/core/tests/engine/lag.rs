//! How far a group is behind, by what it has committed.

use std::time::Duration;

use bson::doc;
use csb_core::consumer::{Consumer, PartitionLag};
use csb_core::error_code::ErrorCode;
use csb_core::runtime::clock;
use csb_test_support::recording_handler::RecordingHandler;

use crate::on_both_stores;
use crate::scene::{Scene, consumer, producer, send, subscribe};

const PARTITIONS: u32 = 2;
const DEADLINE: Duration = Duration::from_mins(1);

on_both_stores!(
    counts_what_is_not_committed,
    a_group_without_offsets_has_what_it_would_read,
    a_disconnected_consumer_says_so
);

async fn messages(consumer: &Consumer) -> Vec<u64> {
    consumer.lag().await.expect("measured").iter().map(|lag| lag.messages).collect()
}

async fn counts_what_is_not_committed(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, PARTITIONS).await;
    let handler = RecordingHandler::accepting();
    let reader = consumer(&broker, doc! {});
    subscribe(&reader, &handler).await;
    assert_eq!(messages(&reader).await, [0, 0]);

    reader.pause();
    send(&numbers, 0..10).await;
    let lag = reader.lag().await.expect("measured");
    assert_eq!(lag.iter().map(|lag| (lag.partition, lag.messages)).collect::<Vec<_>>(), [(0, 5), (1, 5)]);
    let watcher = consumer(&broker, doc! { "partitions": [1] });
    assert_eq!(messages(&watcher).await, [5]);

    reader.resume();
    handler.wait_for_handled(10).await;
    // A handler is recorded a moment before it has returned, and only what has returned is committed.
    let nothing = |partition| PartitionLag { partition, messages: 0, seconds: 0 };
    let is_committed = async {
        while reader.lag().await.expect("measured") != [nothing(0), nothing(1)] {
            reader.commit_offsets().await.expect("committed");
        }
    };
    assert!(clock::timeout(DEADLINE, is_committed).await.is_some(), "{:?}", reader.lag().await);
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_group_without_offsets_has_what_it_would_read(scene: Scene) {
    let broker = scene.broker().await;
    send(&producer(&broker, PARTITIONS).await, 0..10).await;
    assert_eq!(messages(&consumer(&broker, doc! {})).await, [0, 0]);
    assert_eq!(messages(&consumer(&broker, doc! { "fromBeginning": true })).await, [5, 5]);
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_disconnected_consumer_says_so(scene: Scene) {
    let broker = scene.broker().await;
    let reader = consumer(&broker, doc! {});
    broker.disconnect(true).await;
    let error = reader.lag().await.expect_err("is refused");
    assert_eq!(error.code(), ErrorCode::Closed);
    scene.end().await;
}
