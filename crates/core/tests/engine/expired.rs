//! Messages that retention deleted before the group read them: said loudly, and passed over only when somebody wants it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bson::{DateTime, RawDocumentBuf, Timestamp, doc, oid::ObjectId, rawdoc};
use csb_core::broker::Broker;
use csb_core::config::ProducerConfig;
use csb_core::consumer::Consumer;
use csb_core::error_code::ErrorCode;
use csb_core::observe::consumer_event::ConsumerEvent;
use csb_core::producer::Producer;
use csb_core::runtime::clock;
use csb_test_support::recording_handler::RecordingHandler;

use crate::duplicates::wait_for_all;
use crate::on_both_short_logs;
use crate::scene::{Scene, TOPIC, consumer, send, subscribe};
use crate::stored_messages::store_all;

on_both_short_logs!(a_gap_ends_the_partition_or_is_passed_over);

async fn short_lived(broker: &Broker) -> Producer {
    let config =
        doc! { "topic": TOPIC, "partitions": 1, "retentionMs": 2000, "partitionStrategy": "round-robin" };
    broker.create_producer(ProducerConfig::from_document(&config).expect("valid")).await.expect("a producer")
}

/// A message of an hour from now, by its sender's clock: it stays.
fn lasting(n: i64) -> RawDocumentBuf {
    let in_an_hour = DateTime::from_millis(DateTime::now().timestamp_millis() + 3_600_000);
    let stamp = Timestamp { time: 0, increment: 0 };
    rawdoc! {
        "_id": ObjectId::new(), "n": n, "_headers": {}, "_timestamp": in_an_hour, "_key": null, "_partition": 0,
        "_ts": stamp,
    }
}

/// The `expired` events: from, to, and whether the gap was passed over.
fn listen(consumer: &Consumer) -> Arc<Mutex<Vec<(DateTime, DateTime, bool)>>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    consumer.listen(Some(Arc::new(move |event| {
        if let ConsumerEvent::Expired { partition: 0, from, to, skipped } = event {
            sink.lock().expect("a lock").push((*from, *to, *skipped));
        }
    })));
    seen
}

async fn until_deleted(scene: &Scene) {
    let collection = format!("{TOPIC}_p0");
    let deleted = async {
        loop {
            let stats = scene.store.retention_stats().await.expect("readable");
            let messages = stats.iter().find(|stats| stats.collection == collection).expect("is there");
            if messages.document_count == 0 {
                return;
            }
            clock::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(clock::timeout(Duration::from_mins(2), deleted).await.is_some(), "retention deletes nothing");
}

async fn a_gap_ends_the_partition_or_is_passed_over(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = short_lived(&broker).await;
    let before = RecordingHandler::accepting();
    let reader = consumer(&broker, doc! {});
    subscribe(&reader, &before).await;
    send(&numbers, 0..5).await;
    before.wait_for_handled(5).await;
    reader.unsubscribe(true).await;
    let committed = scene.position(0).await;
    send(&numbers, 5..10).await;
    until_deleted(&scene).await;
    scene.forget_events().await;
    store_all(scene.store.as_ref(), (10..20).map(lasting)).await;

    let careful = RecordingHandler::accepting();
    let events = listen(&reader);
    subscribe(&reader, &careful).await;
    let ended = careful.wait_for("the error", |seen| !seen.consumer_errors.is_empty()).await;
    assert_eq!(ended.consumer_errors, [ErrorCode::MessagesExpired]);
    assert!(ended.handled.is_empty() && !reader.is_subscribed());
    reader.unsubscribe(true).await;
    assert_eq!(scene.position(0).await, committed, "nothing is passed over");
    let told = events.lock().expect("a lock").clone();
    assert!(matches!(told.as_slice(), [(from, to, false)] if from < to), "{told:?}");

    let reader = consumer(&broker, doc! { "onExpired": "skip" });
    let events = listen(&reader);
    let resolute = RecordingHandler::accepting();
    subscribe(&reader, &resolute).await;
    wait_for_all(&resolute, 10..20).await;
    let recorded = resolute.recorded();
    assert_eq!(recorded.numbers_of(0), (10..20).collect::<Vec<_>>());
    assert!(recorded.handled.iter().all(|message| !message.possible_duplicate));
    assert!(matches!(events.lock().expect("a lock").as_slice(), [(_, _, true)]));
    broker.disconnect(true).await;
    scene.end().await;
}
