//! Messages whose handler fails: tried again in order, at growing distances, their attempts counted over owners.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bson::doc;
use csb_core::consumer::Consumer;
use csb_core::dead_letter::HandlerError;
use csb_core::observe::consumer_event::ConsumerEvent;
use csb_core::runtime::clock;
use csb_test_support::recording_handler::{NEVER_RETRIED, RecordingHandler, Told, failure};
use tokio::sync::watch;

use crate::on_both_stores;
use crate::scene::{Scene, consumer, producer, send, subscribe, subscribe_with};

const HOUR_MS: i32 = 3_600_000;

on_both_stores!(
    a_failing_message_holds_its_partition_and_no_other,
    the_wait_doubles_within_its_limits,
    what_must_not_be_retried_is_not,
    attempts_are_counted_over_owners,
    closing_while_a_handler_fails_leaves_the_message_to_the_next_owner,
    a_consumer_paused_during_a_retry_goes_on_where_it_was
);

/// Collects the events of a consumer.
pub(crate) fn events_of(consumer: &Consumer) -> Arc<Mutex<Vec<ConsumerEvent>>> {
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    consumer.listen(Some(Arc::new(move |event| seen.lock().expect("whole").push(event.clone()))));
    events
}

/// Ids of the messages that were given up.
pub(crate) fn dead_letters(events: &Mutex<Vec<ConsumerEvent>>) -> Vec<String> {
    let events = events.lock().expect("whole");
    let dead = events.iter().filter_map(|event| match event {
        ConsumerEvent::DeadLettered { message_id, .. } => Some(message_id.clone()),
        _ => None,
    });
    dead.collect()
}

async fn a_failing_message_holds_its_partition_and_no_other(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 2).await;
    let (other_partition, mut other_is_done) = watch::channel(0);
    let handler = RecordingHandler::new(move |received| {
        if received.partition == 1 {
            other_partition.send_modify(|count| *count += 1);
        }
        let mut other_is_done = other_partition.subscribe();
        async move {
            if received.n == 4 && received.attempt < 4 {
                // The last attempt comes after the other partition is through.
                if received.attempt == 3 {
                    other_is_done.wait_for(|count| *count == 10).await.expect("is handled");
                }
                return Err(failure());
            }
            Ok(())
        }
    });
    subscribe_with(&consumer(&broker, doc! {}), &handler, doc! { "maxRetries": 5, "retryDelay": 1 }).await;
    send(&numbers, 0..20).await;
    let recorded = handler.wait_for_handled(20).await;
    other_is_done.wait_for(|count| *count == 10).await.expect("is handled");
    for partition in 0..2 {
        assert!(recorded.numbers_of(partition).is_sorted());
    }
    assert_eq!(recorded.attempts_of(4), [1, 2, 3, 4]);
    assert!(!recorded.overlapped);
    broker.disconnect(true).await;
    scene.end().await;
}

async fn the_wait_doubles_within_its_limits(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let handler = RecordingHandler::new(|received| async move {
        if received.attempt <= 6 { Err(failure()) } else { Ok(()) }
    });
    let reader = consumer(&broker, doc! {});
    let events = events_of(&reader);
    let config =
        doc! { "maxRetries": 6, "retryDelay": 8, "retryBackoff": "exponential", "maxRetryDelay": 100 };
    subscribe_with(&reader, &handler, config).await;
    send(&numbers, 0..1).await;
    handler.wait_for_handled(1).await;
    let delays: Vec<_> = events
        .lock()
        .expect("whole")
        .iter()
        .filter_map(|event| match event {
            ConsumerEvent::Retried { attempt, delay_ms, .. } => Some((*attempt, *delay_ms)),
            _ => None,
        })
        .collect();
    let wholes = [8, 16, 32, 64, 100, 100];
    assert_eq!(delays.iter().map(|(attempt, _)| *attempt).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    for ((_, delay), whole) in delays.iter().zip(wholes) {
        assert!((whole / 2..=whole).contains(delay), "{delays:?}");
    }
    broker.disconnect(true).await;
    scene.end().await;
}

async fn what_must_not_be_retried_is_not(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let handler = RecordingHandler::new(|received| async move {
        let error = HandlerError { name: NEVER_RETRIED.into(), message: "invalid".into(), stack: None };
        if received.n == 1 { Err(error) } else { Ok(()) }
    });
    let reader = consumer(&broker, doc! {});
    let events = events_of(&reader);
    subscribe_with(&reader, &handler, doc! { "maxRetries": 9, "retryDelay": HOUR_MS }).await;
    send(&numbers, 0..3).await;
    let recorded = handler.wait_for_handled(2).await;
    assert_eq!(recorded.numbers_of(0), [0, 2]);
    assert_eq!(recorded.told, [Told { n: 1, attempt: 1, will_retry: false }]);
    assert_eq!(dead_letters(&events).len(), 1);
    broker.disconnect(true).await;
    scene.end().await;
}

/// Each owner is closed while the message waits for its next attempt.
async fn attempts_are_counted_over_owners(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let reader = consumer(&broker, doc! {});
    let events = events_of(&reader);
    let fails_at_first = || {
        RecordingHandler::new(|received| async move { if received.n == 0 { Err(failure()) } else { Ok(()) } })
    };
    let config = || doc! { "maxRetries": 2, "retryDelay": HOUR_MS };
    let mut handler = fails_at_first();
    subscribe_with(&reader, &handler, config()).await;
    send(&numbers, 0..3).await;
    for attempt in 1..=2 {
        let recorded = handler.wait_for("the attempt to fail", |seen| !seen.told.is_empty()).await;
        assert_eq!(recorded.attempts_of(0), [attempt]);
        assert_eq!(recorded.told, [Told { n: 0, attempt, will_retry: true }]);
        reader.unsubscribe(true).await;
        let stored = scene.stored(0).await;
        assert_eq!(
            stored.attempts.iter().map(|one| (one.count(), one.in_flight)).collect::<Vec<_>>(),
            [(attempt, false)]
        );
        handler = fails_at_first();
        subscribe_with(&reader, &handler, config()).await;
    }
    let recorded = handler.wait_for_handled(2).await;
    assert_eq!(recorded.told, [Told { n: 0, attempt: 3, will_retry: false }]);
    assert_eq!(recorded.numbers_of(0), [1, 2]);
    assert_eq!(dead_letters(&events).len(), 1);
    reader.unsubscribe(true).await;
    assert!(scene.stored(0).await.attempts.is_empty());
    broker.disconnect(true).await;
    scene.end().await;
}

async fn closing_while_a_handler_fails_leaves_the_message_to_the_next_owner(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let reader = consumer(&broker, doc! {});
    let (entered, mut is_in_handler) = watch::channel(false);
    let (fail, failing) = watch::channel(false);
    let handler = RecordingHandler::new(move |_| {
        entered.send_replace(true);
        let mut failing = failing.clone();
        async move {
            failing.wait_for(|fails| *fails).await.expect("the test goes on");
            Err(failure())
        }
    });
    subscribe_with(&reader, &handler, doc! { "maxRetries": 1, "retryDelay": 1 }).await;
    send(&numbers, 0..2).await;
    is_in_handler.wait_for(|entered| *entered).await.expect("the handler runs");
    reader.unsubscribe(false).await;
    fail.send_replace(true);
    reader.unsubscribe(true).await;
    assert_eq!(handler.recorded().told, [Told { n: 0, attempt: 1, will_retry: true }]);
    assert_eq!(handler.recorded().attempts_of(0), [1], "no retry after the end");

    let next = RecordingHandler::accepting();
    subscribe(&reader, &next).await;
    let recorded = next.wait_for_handled(2).await;
    assert_eq!((recorded.attempts_of(0), recorded.attempts_of(1)), (vec![2], vec![1]));
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_consumer_paused_during_a_retry_goes_on_where_it_was(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let reader = consumer(&broker, doc! {});
    let pausing = reader.clone();
    let handler = RecordingHandler::with_error_handler(
        |received| async move { if received.attempt == 1 && received.n == 0 { Err(failure()) } else { Ok(()) } },
        move |_| {
            pausing.pause();
            async {}
        },
    );
    subscribe_with(&reader, &handler, doc! { "retryDelay": 1 }).await;
    send(&numbers, 0..3).await;
    handler.wait_for("the failure", |seen| !seen.told.is_empty()).await;
    // An owner that closes while it is paused leaves it as it is.
    reader.unsubscribe(true).await;
    assert_eq!(handler.recorded().attempts_of(0), [1]);
    subscribe_with(&reader, &handler, doc! { "retryDelay": 1 }).await;
    assert!(reader.is_paused());
    reader.resume();
    let recorded = handler.wait_for_handled(3).await;
    assert_eq!(recorded.numbers_of(0), [0, 1, 2]);
    assert_eq!(recorded.attempts_of(0), [1, 2]);
    broker.disconnect(true).await;
    scene.end().await;
}

/// Time is virtual here: it passes only when nothing else is to do.
#[tokio::test(start_paused = true)]
async fn a_paused_consumer_does_not_retry() {
    let scene = Scene::in_memory().await;
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let reader = consumer(&broker, doc! {});
    let handler = RecordingHandler::new(|received| async move {
        if received.attempt == 1 && received.n == 0 { Err(failure()) } else { Ok(()) }
    });
    subscribe_with(&reader, &handler, doc! { "retryDelay": 60_000 }).await;
    send(&numbers, 0..3).await;
    handler.wait_for("the failure", |seen| !seen.told.is_empty()).await;
    reader.pause();
    clock::sleep(Duration::from_mins(10)).await;
    assert_eq!(handler.recorded().begun.len(), 1);
    reader.resume();
    let resumed_at = clock::now();
    let recorded = handler.wait_for_handled(3).await;
    assert_eq!(recorded.numbers_of(0), [0, 1, 2]);
    // It has rested long enough.
    assert!(clock::now() - resumed_at < Duration::from_mins(1));
    broker.disconnect(true).await;
    scene.end().await;
}

/// What the user is told takes too long as well.
#[tokio::test(start_paused = true)]
async fn an_error_handler_that_never_ends_holds_nothing_up() {
    let scene = Scene::in_memory().await;
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let reader = consumer(&broker, doc! {});
    let handler = RecordingHandler::with_error_handler(
        |received| async move { if received.n == 0 { Err(failure()) } else { Ok(()) } },
        |_| std::future::pending(),
    );
    subscribe_with(&reader, &handler, doc! { "maxRetries": 1, "retryDelay": 1000, "handlerTimeoutMs": 5000 })
        .await;
    send(&numbers, 0..3).await;
    let recorded = handler.wait_for_handled(2).await;
    assert_eq!(recorded.numbers_of(0), [1, 2]);
    assert_eq!(recorded.attempts_of(0), [1, 2]);
    broker.disconnect(true).await;
    scene.end().await;
}
