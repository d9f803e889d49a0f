//! Handlers that take too long: asked to end, then given up, and their messages tried again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bson::{Document, doc};
use csb_core::broker::Broker;
use csb_core::error_code::ErrorCode;
use csb_core::producer::Producer;
use csb_core::runtime::clock;
use csb_test_support::recording_handler::{Received, RecordingHandler, Told};
use tokio::sync::watch;

use crate::handler_failures::events_of;
use crate::on_both_stores;
use crate::scene::{Scene, consumer, pick, producer, send, subscribe_with};
use crate::stubborn_store::{StubbornStore, Verb};

on_both_stores!(a_call_that_does_not_end_is_given_up_and_tried_again);

async fn a_call_that_does_not_end_is_given_up_and_tried_again(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let (abort, aborted) = watch::channel(false);
    let handler = RecordingHandler::new(move |received: Received| {
        let mut aborted = aborted.clone();
        async move {
            if received.n == 1 && received.attempt == 1 {
                aborted.wait_for(|aborted| *aborted).await.expect("the test goes on");
            }
            Ok(())
        }
    });
    subscribe_with(&consumer(&broker, doc! {}), &handler, doc! { "handlerTimeoutMs": 200, "retryDelay": 1 })
        .await;
    send(&numbers, 0..4).await;
    let recorded = handler.wait_for("the second attempt", |seen| seen.attempts_of(1) == [1, 2]).await;
    assert!(recorded.timed_out >= 1);
    assert_eq!(recorded.abandoned, 1);
    // What the first attempt comes to now is not heard any more.
    abort.send_replace(true);
    let recorded = handler.wait_for_handled(4).await;
    assert_eq!(recorded.numbers_of(0), [0, 1, 2, 3]);
    assert_eq!(recorded.told, [Told { n: 1, attempt: 1, will_retry: true }]);
    broker.disconnect(true).await;
    assert_eq!(handler.recorded().handled.len(), 4);
    scene.end().await;
}

// Time is virtual from here on: it passes only when nothing else is to do.

async fn in_virtual_time() -> (Scene, Broker, Producer) {
    let scene = Scene::in_memory().await;
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    (scene, broker, numbers)
}

fn one_second() -> Document {
    doc! { "handlerTimeoutMs": 1_000, "retryDelay": 1, "maxRetries": 1 }
}

#[tokio::test(start_paused = true)]
async fn what_ends_after_the_request_is_handled_once() {
    let (scene, broker, numbers) = in_virtual_time().await;
    let handler = RecordingHandler::new(|received| async move {
        if received.n == 1 {
            clock::sleep(Duration::from_secs(4)).await;
        }
        Ok(())
    });
    subscribe_with(&consumer(&broker, doc! {}), &handler, one_second()).await;
    send(&numbers, 0..3).await;
    let recorded = handler.wait_for_handled(3).await;
    clock::sleep(Duration::from_mins(1)).await;
    assert_eq!((recorded.timed_out, recorded.abandoned), (1, 0));
    assert_eq!(handler.recorded().begun.len(), 3);
    broker.disconnect(true).await;
    scene.end().await;
}

#[tokio::test(start_paused = true)]
async fn each_message_has_its_own_time() {
    let (scene, broker, numbers) = in_virtual_time().await;
    let handler = RecordingHandler::new(|_| async {
        clock::sleep(Duration::from_millis(900)).await;
        Ok(())
    });
    subscribe_with(&consumer(&broker, doc! {}), &handler, one_second()).await;
    send(&numbers, 0..20).await;
    let recorded = handler.wait_for_handled(20).await;
    assert_eq!((recorded.timed_out, recorded.abandoned), (0, 0));
    broker.disconnect(true).await;
    scene.end().await;
}

/// The first attempts never end: a message is given up like one whose handler throws, and the next one gets its turn.
#[tokio::test(start_paused = true)]
async fn a_message_that_always_hangs_is_buried() {
    let (scene, broker, numbers) = in_virtual_time().await;
    let handler = RecordingHandler::new(|received| async move {
        if received.n == 1 {
            std::future::pending::<()>().await;
        }
        Ok(())
    });
    let reader = consumer(&broker, doc! {});
    let events = events_of(&reader);
    subscribe_with(&reader, &handler, one_second()).await;
    send(&numbers, 0..3).await;
    let recorded = handler.wait_for_handled(2).await;
    assert_eq!(recorded.numbers_of(0), [0, 2]);
    assert_eq!((recorded.timed_out, recorded.abandoned), (2, 2));
    let names = events.lock().expect("whole").iter().find_map(|event| match event {
        csb_core::observe::consumer_event::ConsumerEvent::DeadLettered { error_name, .. } => {
            Some(error_name.clone())
        }
        _ => None,
    });
    assert_eq!(names.as_deref(), Some(ErrorCode::HandlerTimeout.as_str()));
    broker.disconnect(true).await;
    scene.end().await;
}

/// A batch has one time limit. It is not known which of its messages took too long.
#[tokio::test(start_paused = true)]
async fn a_batch_is_given_up_as_a_whole() {
    let (scene, broker, numbers) = in_virtual_time().await;
    let handler = RecordingHandler::new(|received| async move {
        clock::sleep(Duration::from_millis(if received.n == 2 && received.attempt == 1 {
            100_000
        } else {
            200
        }))
        .await;
        Ok(())
    });
    let mut config = one_second();
    config.extend(doc! { "batch": { "maxMessages": 4, "lingerMs": 1000 }, "maxRetries": 0 });
    subscribe_with(&consumer(&broker, doc! {}), &handler, config).await;
    send(&numbers, 0..4).await;
    let recorded = handler.wait_for_handled(4).await;
    assert_eq!(recorded.numbers_of(0), [0, 1, 2, 3]);
    assert_eq!(recorded.batches, [vec![0, 1, 2, 3], vec![0], vec![1], vec![2], vec![3]]);
    assert_eq!((recorded.timed_out, recorded.abandoned), (1, 1));
    broker.disconnect(true).await;
    scene.end().await;
}

/// A message that is being noted for the case of a crash is not in the user's hands yet.
#[tokio::test(start_paused = true)]
async fn preparing_takes_no_time_of_the_handler() {
    let scene = Scene::in_memory().await;
    let store = StubbornStore::before(Arc::clone(&scene.store));
    let broker = scene.broker_on(store.store()).await;
    let numbers = producer(&broker, 1).await;
    // Two owners that were not heard of again.
    for owner in ["one", "two"] {
        scene.store.claim_offset(&crate::scene::offset_key(0), owner).await.expect("claimed");
    }
    store.hold(Verb::Attempts);
    let handler = RecordingHandler::new(|_| async {
        clock::sleep(Duration::from_millis(900)).await;
        Ok(())
    });
    subscribe_with(&consumer(&broker, doc! {}), &handler, one_second()).await;
    send(&numbers, 0..3).await;
    store.wait_for_calls(Verb::Attempts, 1).await;
    clock::sleep(Duration::from_mins(1)).await;
    assert!(handler.recorded().begun.is_empty());
    store.heal();
    let recorded = handler.wait_for_handled(3).await;
    assert_eq!((recorded.timed_out, recorded.abandoned), (0, 0));
    broker.disconnect(true).await;
    scene.end().await;
}

/// With several lanes each call has its own limit.
#[tokio::test(start_paused = true)]
async fn one_slow_call_of_many_is_given_up_alone() {
    let (scene, broker, numbers) = in_virtual_time().await;
    let slow = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&slow);
    let handler = RecordingHandler::new(move |received: Received| {
        let hangs = received.key.as_deref() == Some("a") && counted.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            clock::sleep(Duration::from_millis(if hangs { 100_000 } else { 500 })).await;
            Ok(())
        }
    });
    let mut config = one_second();
    config.extend(doc! { "concurrency": 3 });
    subscribe_with(&consumer(&broker, doc! {}), &handler, config).await;
    let keys = ["a", "b", "c"];
    crate::scene::send_keyed(&numbers, (0..30).map(|n| (n, pick(&keys, n)))).await;
    let recorded = handler.wait_for_handled(30).await;
    assert_eq!((recorded.timed_out, recorded.abandoned), (1, 1));
    assert_eq!(recorded.attempts_of(0), [1, 2]);
    crate::concurrency::assert_order_per_key(&recorded);
    broker.disconnect(true).await;
    scene.end().await;
}
