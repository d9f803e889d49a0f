//! `batchHandler`: how batches are filled, and what becomes of the messages of one that fails.

use std::time::Duration;

use bson::{Document, doc};
use csb_core::broker::Broker;
use csb_core::dead_letter::HandlerError;
use csb_core::producer::Producer;
use csb_core::runtime::clock;
use csb_test_support::recording_handler::{NEVER_RETRIED, Received, RecordingHandler, Told, failure};
use tokio::sync::watch;

use crate::concurrency::assert_order_per_key;
use crate::handler_failures::{dead_letters, events_of};
use crate::on_both_stores;
use crate::scene::{Scene, consumer, part, producer, send, send_keyed, subscribe, subscribe_with};

on_both_stores!(
    a_batch_has_its_number_of_messages,
    a_batch_has_its_bytes,
    only_what_failed_comes_again_and_alone,
    of_a_batch_that_fails_only_the_poison_is_given_up,
    an_error_that_must_not_be_retried_gives_up_only_its_message,
    batches_with_concurrency_share_no_key,
    a_lingering_batch_is_left_to_the_next_owner,
    what_was_handled_beside_a_failure_is_not_handled_again
);

fn batches(batch: Document) -> Document {
    doc! { "batch": batch, "retryDelay": 1 }
}

async fn a_batch_has_its_number_of_messages(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let handler = RecordingHandler::accepting();
    let config = batches(doc! { "maxMessages": 5, "lingerMs": 60_000 });
    subscribe_with(&consumer(&broker, doc! {}), &handler, config).await;
    send(&numbers, 0..12).await;
    let recorded = handler.wait_for_handled(10).await;
    assert_eq!(recorded.batches, [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]);
    send(&numbers, 12..15).await;
    let recorded = handler.wait_for_handled(15).await;
    assert_eq!(recorded.batches[2..], [[10, 11, 12, 13, 14]]);
    assert_eq!(recorded.numbers_of(0), (0..15).collect::<Vec<_>>());
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_batch_has_its_bytes(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let handler = RecordingHandler::accepting();
    let config = batches(doc! { "maxMessages": 1000, "maxBytes": 1024, "lingerMs": 60_000 });
    subscribe_with(&consumer(&broker, doc! {}), &handler, config).await;
    // Each takes some 100 bytes.
    send(&numbers, 0..100).await;
    let recorded = handler.wait_for_handled(80).await;
    assert!(recorded.batches.iter().all(|batch| (5..=15).contains(&batch.len())), "{:?}", recorded.batches);
    // One message may be larger than a batch.
    let long = bson::rawdoc! { "v": { "n": 100_i64, "text": "x".repeat(5000) } };
    let mut messages = bson::RawArrayBuf::new();
    messages.push(long);
    numbers.send(&[&bson::rawdoc! { "m": messages }]).await.expect("acknowledged");
    let recorded = handler.wait_for_handled(101).await;
    assert_eq!(recorded.batches.last(), Some(&vec![100]));
    assert_eq!(recorded.numbers_of(0), (0..=100).collect::<Vec<_>>());
    broker.disconnect(true).await;
    scene.end().await;
}

async fn only_what_failed_comes_again_and_alone(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let handler = RecordingHandler::new(|received| async move {
        if [2, 4].contains(&received.n) && received.attempt == 1 { Err(failure()) } else { Ok(()) }
    });
    let config = batches(doc! { "maxMessages": 6, "lingerMs": 60_000 });
    subscribe_with(&consumer(&broker, doc! {}), &handler, config).await;
    send(&numbers, 0..12).await;
    let recorded = handler.wait_for_handled(12).await;
    assert_eq!(recorded.batches, [vec![0, 1, 2, 3, 4, 5], vec![2], vec![4], vec![6, 7, 8, 9, 10, 11]]);
    assert_eq!(recorded.told, [2, 4].map(|n| Told { n, attempt: 1, will_retry: true }));
    assert!(!recorded.overlapped);
    broker.disconnect(true).await;
    scene.end().await;
}

/// The handler rejects the batch as a whole: it is not known which of its messages is to blame, so none is given up
/// before it has failed on its own.
async fn of_a_batch_that_fails_only_the_poison_is_given_up(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let handler = RecordingHandler::new(|received| async move {
        if received.attempt == 1 || received.n == 3 { Err(failure()) } else { Ok(()) }
    });
    let reader = consumer(&broker, doc! {});
    let events = events_of(&reader);
    let config = doc! { "batch": { "maxMessages": 6, "lingerMs": 60_000 }, "maxRetries": 0, "retryDelay": 1 };
    subscribe_with(&reader, &handler, config).await;
    send(&numbers, 0..6).await;
    let recorded = handler.wait_for_handled(5).await;
    assert_eq!(recorded.numbers_of(0), [0, 1, 2, 4, 5]);
    assert_eq!(recorded.batches[0], [0, 1, 2, 3, 4, 5]);
    assert_eq!(recorded.batches[1..], [[0], [1], [2], [3], [4], [5]]);
    assert_eq!(recorded.told.last(), Some(&Told { n: 3, attempt: 2, will_retry: false }));
    broker.disconnect(true).await;
    assert_eq!(dead_letters(&events).len(), 1);
    assert!(scene.stored(0).await.attempts.is_empty());
    scene.end().await;
}

async fn an_error_that_must_not_be_retried_gives_up_only_its_message(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let never = || HandlerError { name: NEVER_RETRIED.into(), message: "invalid".into(), stack: None };
    let handler = RecordingHandler::new(move |received: Received| async move {
        if received.attempt == 1 || received.n == 3 { Err(never()) } else { Ok(()) }
    });
    let reader = consumer(&broker, doc! {});
    let events = events_of(&reader);
    subscribe_with(&reader, &handler, batches(doc! { "maxMessages": 6, "lingerMs": 60_000 })).await;
    send(&numbers, 0..6).await;
    assert_eq!(handler.wait_for_handled(5).await.numbers_of(0), [0, 1, 2, 4, 5]);
    broker.disconnect(true).await;
    assert_eq!(dead_letters(&events).len(), 1);
    scene.end().await;
}

async fn batches_with_concurrency_share_no_key(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let (arrived, arrivals) = watch::channel(0);
    let handler = RecordingHandler::new(move |received| {
        arrived.send_modify(|count| *count += 1);
        let mut arrivals = arrivals.clone();
        async move {
            // The first two batches run at the same time.
            if received.n < 20 {
                arrivals.wait_for(|count| *count >= 2).await.expect("the handler lives");
            }
            if received.n % 17 == 0 && received.attempt == 1 { Err(failure()) } else { Ok(()) }
        }
    });
    let config = doc! { "batch": { "maxMessages": 10 }, "retryDelay": 1, "concurrency": 2 };
    subscribe_with(&consumer(&broker, doc! { "fromBeginning": true }), &handler, config).await;
    let keys: Vec<_> = (0..200).map(|n| format!("k{}", n % 11)).collect();
    send_keyed(&numbers, (0_i64..).zip(keys.iter().map(|key| Some(key.as_str())))).await;
    let recorded = handler.wait_for_handled(200).await;
    assert_eq!(recorded.sorted_numbers(), (0..200).collect::<Vec<_>>());
    assert!(!recorded.key_overlapped);
    assert_eq!(recorded.most_at_once, 2);
    assert!(recorded.batches.iter().any(|batch| batch.len() > 1));
    // Beside a failure later ones of its key may have been handled in its own batch.
    let mut without_failures = recorded.clone();
    without_failures.handled.retain(|one| one.attempt == 1);
    assert_order_per_key(&without_failures);
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_lingering_batch_is_left_to_the_next_owner(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let reader = consumer(&broker, doc! {});
    let handler = RecordingHandler::accepting();
    let config = || batches(doc! { "maxMessages": 5, "lingerMs": 60_000 });
    subscribe_with(&reader, &handler, config()).await;
    send(&numbers, 0..8).await;
    handler.wait_for_handled(5).await;
    reader.pause();
    reader.unsubscribe(true).await;
    assert_eq!(handler.recorded().batches.len(), 1);
    reader.resume();
    subscribe_with(&reader, &handler, config()).await;
    numbers.send(&[&part(8..10)]).await.expect("acknowledged");
    let recorded = handler.wait_for_handled(10).await;
    assert_eq!(recorded.batches, [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]);
    broker.disconnect(true).await;
    scene.end().await;
}

async fn what_was_handled_beside_a_failure_is_not_handled_again(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let reader = consumer(&broker, doc! {});
    let handler =
        RecordingHandler::new(
            |received| async move { if received.n == 1 { Err(failure()) } else { Ok(()) } },
        );
    let config =
        doc! { "batch": { "maxMessages": 4, "lingerMs": 60_000 }, "retryDelay": 3_600_000, "maxRetries": 9 };
    subscribe_with(&reader, &handler, config).await;
    send(&numbers, 0..6).await;
    handler.wait_for("the failure", |seen| !seen.told.is_empty()).await;
    reader.unsubscribe(true).await;
    let next = RecordingHandler::accepting();
    subscribe(&reader, &next).await;
    let recorded = next.wait_for_handled(3).await;
    assert_eq!(recorded.numbers_of(0), [1, 4, 5]);
    assert_eq!(recorded.attempts_of(1), [2]);
    broker.disconnect(true).await;
    scene.end().await;
}

/// Time is virtual from here on: it passes only when nothing else is to do.
async fn in_virtual_time() -> (Scene, Broker, Producer) {
    let scene = Scene::in_memory().await;
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    (scene, broker, numbers)
}

#[tokio::test(start_paused = true)]
async fn each_batch_waits_as_long_as_its_own_first_message_may() {
    let (scene, broker, numbers) = in_virtual_time().await;
    let handler = RecordingHandler::new(|_| async {
        clock::sleep(Duration::from_secs(1)).await;
        Ok(())
    });
    let config = batches(doc! { "maxMessages": 4, "lingerMs": 10_000 });
    subscribe_with(&consumer(&broker, doc! {}), &handler, config).await;
    send(&numbers, 0..3).await;
    let since = clock::now();
    clock::sleep(Duration::from_millis(9_900)).await;
    assert!(handler.recorded().begun.is_empty());
    // Number 3 makes the batch full; number 4 has to wait as long as the first one did, also behind the batch.
    send(&numbers, 3..5).await;
    let recorded = handler.wait_for("a full batch", |seen| !seen.batches.is_empty()).await;
    assert_eq!(recorded.batches, [[0, 1, 2, 3]]);
    assert!(clock::now() - since < Duration::from_secs(10));
    let second = clock::now();
    let recorded = handler.wait_for("the rest", |seen| seen.batches.len() == 2).await;
    assert_eq!(recorded.batches[1], [4]);
    let waited = clock::now() - second;
    assert!((9_500..=10_500).contains(&waited.as_millis()), "{waited:?}");
    // What comes while a batch is handled waits from when it came, not from when the handler is free.
    send(&numbers, 5..6).await;
    let third = clock::now();
    handler.wait_for("the last one", |seen| seen.batches.len() == 3).await;
    let waited = clock::now() - third;
    assert!((9_500..=10_500).contains(&waited.as_millis()), "{waited:?}");
    broker.disconnect(true).await;
    scene.end().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_delivered_while_paused_and_nothing_is_lost() {
    let (scene, broker, numbers) = in_virtual_time().await;
    let handler = RecordingHandler::accepting();
    let reader = consumer(&broker, doc! {});
    subscribe_with(&reader, &handler, batches(doc! { "maxMessages": 4, "lingerMs": 5_000 })).await;
    send(&numbers, 0..2).await;
    clock::sleep(Duration::from_secs(1)).await;
    reader.pause();
    send(&numbers, 2..9).await;
    clock::sleep(Duration::from_mins(1)).await;
    assert!(handler.recorded().begun.is_empty());
    reader.resume();
    let recorded = handler.wait_for_handled(9).await;
    assert_eq!(recorded.numbers_of(0), (0..9).collect::<Vec<_>>());
    assert!(recorded.batches.iter().all(|batch| batch.len() <= 4));
    broker.disconnect(true).await;
    scene.end().await;
}

/// What is asked for does not fit into what is kept in memory: a batch is delivered as it is, and nothing waits.
#[tokio::test(start_paused = true)]
async fn a_batch_that_cannot_get_full_does_not_linger() {
    let (scene, broker, numbers) = in_virtual_time().await;
    let handler = RecordingHandler::new(|received: Received| async move {
        if received.key.as_deref() == Some("stuck") {
            clock::sleep(Duration::from_secs(50)).await;
        }
        Ok(())
    });
    let config = doc! { "batch": { "maxMessages": 300, "lingerMs": 20_000 }, "concurrency": 2 };
    subscribe_with(&consumer(&broker, doc! {}), &handler, config).await;
    send_keyed(&numbers, [(0, Some("stuck"))]).await;
    handler.wait_for("the stuck one", |seen| !seen.begun.is_empty()).await;
    // The first ones stay in memory behind the one that is being handled, and leave less than a batch its room.
    let since = clock::now();
    send_keyed(&numbers, (1..451).map(|n| (n, Some("stuck")))).await;
    send_keyed(&numbers, (1000..2000).map(|n| (n, Some("free")))).await;
    handler
        .wait_for("the free ones", |seen| seen.handled.iter().filter(|one| one.n >= 1000).count() >= 800)
        .await;
    assert!(clock::now() - since < Duration::from_secs(20));
    broker.disconnect(true).await;
    scene.end().await;
}
