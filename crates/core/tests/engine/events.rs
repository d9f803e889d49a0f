//! What a consumer tells those who listen.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bson::doc;
use csb_core::consumer::Consumer;
use csb_core::dead_letter::HandlerError;
use csb_core::observe::consumer_event::{ConsumerEvent, RevokedReason};
use csb_core::runtime::clock;
use csb_test_support::recording_handler::RecordingHandler;

use crate::on_both_stores;
use crate::scene::{Scene, consumer, producer, send, subscribe, subscribe_with};

on_both_stores!(the_life_of_a_subscription_is_told, a_takeover_is_told);

/// Collects the events of a consumer.
fn listen(consumer: &Consumer) -> Arc<Mutex<Vec<ConsumerEvent>>> {
    let events = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&events);
    consumer.listen(Some(Arc::new(move |event| sink.lock().expect("a lock").push(event.clone()))));
    events
}

fn names(events: &Mutex<Vec<ConsumerEvent>>) -> Vec<&'static str> {
    events.lock().expect("a lock").iter().map(ConsumerEvent::name).collect()
}

async fn the_life_of_a_subscription_is_told(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let handler = RecordingHandler::new(|_| async {
        Err(HandlerError { name: "TypeError".into(), message: "no".into(), stack: None })
    });
    let reader = consumer(&broker, doc! {});
    let events = listen(&reader);
    subscribe_with(&reader, &handler, doc! { "maxRetries": 1, "retryDelay": 5 }).await;
    send(&numbers, [1]).await;
    handler.wait_for("given up", |seen| seen.failed == [(1, true), (2, false)]).await;
    reader.unsubscribe(true).await;

    let seen = events.lock().expect("a lock").clone();
    assert!(matches!(&seen[0], ConsumerEvent::Assigned { partitions } if *partitions == [0]), "{seen:?}");
    let retried = seen.iter().find_map(|event| match event {
        ConsumerEvent::Retried { partition: 0, attempt: 1, error_name, delay_ms: 5, message_id } => {
            Some((error_name.clone(), message_id.clone()))
        }
        _ => None,
    });
    let (error_name, retried_id) = retried.expect("told of the retry");
    assert_eq!(error_name, "TypeError");
    let dead = seen.iter().any(|event| {
        matches!(event, ConsumerEvent::DeadLettered { partition: 0, message_id, attempts: 2, error_name }
            if *message_id == retried_id && error_name == "TypeError")
    });
    assert!(dead, "{seen:?}");
    assert!(names(&events).contains(&"committed"));
    let last = seen.last().expect("events");
    assert!(
        matches!(last, ConsumerEvent::Revoked { partition: 0, reason: RevokedReason::Unsubscribed }),
        "{last:?}"
    );
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_takeover_is_told(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let old = RecordingHandler::accepting();
    let reader = consumer(&broker, doc! {});
    let events = listen(&reader);
    subscribe(&reader, &old).await;
    scene.another_takes_over().await;
    // The old owner hears of it with its next commit.
    send(&numbers, [1]).await;
    while !names(&events).contains(&"revoked") {
        clock::sleep(Duration::from_millis(1)).await;
    }
    reader.unsubscribe(true).await;
    assert!(!names(&events).contains(&"error"));
    let revoked = events.lock().expect("a lock").last().cloned();
    assert!(
        matches!(revoked, Some(ConsumerEvent::Revoked { reason: RevokedReason::LeaseLost, .. })),
        "{revoked:?}"
    );
    broker.disconnect(true).await;
    scene.end().await;
}
