//! Handlers that fail, partitions that are taken over, offsets that cannot be resumed from.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bson::{Bson, DateTime, doc};
use csb_core::dead_letter::HandlerError;
use csb_core::error_code::ErrorCode;
use csb_core::store::contract::{OffsetKey, OffsetRecord};
use csb_test_support::recording_handler::RecordingHandler;

use crate::on_both_stores;
use crate::scene::{GROUP, Scene, TOPIC, consumer, producer, send, subscribe, subscribe_with};

on_both_stores!(
    a_failed_message_is_tried_again_in_order,
    a_poison_message_is_buried,
    text_that_is_no_token_is_no_offset
);

fn failure() -> HandlerError {
    HandlerError { name: "Error".to_owned(), message: "not today".to_owned(), stack: None }
}

async fn a_failed_message_is_tried_again_in_order(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let failures = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&failures);
    let handler = RecordingHandler::new(move |received| {
        let fails = received.n == 5 && counted.fetch_add(1, Ordering::SeqCst) < 2;
        async move { if fails { Err(failure()) } else { Ok(()) } }
    });
    subscribe_with(&consumer(&broker, doc! {}), &handler, doc! { "maxRetries": 3, "retryDelay": 1 }).await;
    send(&numbers, 0..10).await;
    let recorded = handler.wait_for_handled(10).await;
    assert_eq!(recorded.numbers_of(0), (0..10).collect::<Vec<_>>());
    assert_eq!(recorded.failed, [(1, true), (2, true)]);
    assert_eq!(
        recorded.handled.iter().find(|message| message.n == 5).map(|message| message.attempt),
        Some(3)
    );
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_poison_message_is_buried(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let handler =
        RecordingHandler::new(
            |received| async move { if received.n == 3 { Err(failure()) } else { Ok(()) } },
        );
    subscribe_with(&consumer(&broker, doc! {}), &handler, doc! { "maxRetries": 2, "retryDelay": 1 }).await;
    send(&numbers, 0..6).await;
    let recorded = handler.wait_for_handled(5).await;
    assert_eq!(recorded.numbers_of(0), [0, 1, 2, 4, 5]);
    assert_eq!(recorded.failed, [(1, true), (2, true), (3, false)]);
    broker.disconnect(true).await;

    // It does not come back: its offset is committed with the dead letter.
    let broker = scene.broker().await;
    let second = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! {}), &second).await;
    send(&producer(&broker, 1).await, 6..7).await;
    assert_eq!(second.wait_for_handled(1).await.numbers_of(0), [6]);
    broker.disconnect(true).await;
    scene.end().await;
}

async fn text_that_is_no_token_is_no_offset(scene: Scene) {
    let broker = scene.broker().await;
    drop(producer(&broker, 1).await);
    let key = OffsetKey { group_id: GROUP.to_owned(), topic: TOPIC.to_owned(), partition: 0 };
    let offset = Bson::Document(doc! { "_data": "rubbish" });
    let record = OffsetRecord { key, offset, timestamp: DateTime::now() };
    scene.store.write_offset_record(&record).await.expect("written");
    let reader = consumer(&broker, doc! {});
    let config = csb_core::config::HandlerConfig::from_document(&doc! {}, reader.config()).expect("valid");
    let error = reader.subscribe(config, RecordingHandler::accepting()).await.expect_err("no position");
    assert_eq!(error.code(), ErrorCode::BadOffset);
    assert!(!reader.is_subscribed());
    broker.disconnect(true).await;
    scene.end().await;
}
