//! Partitions that another member takes over, and handlers that are gone, while messages are being handled.

use std::sync::{Arc, Mutex};

use bson::doc;
use csb_core::config::HandlerConfig;
use csb_core::consumer::record_handler::{
    Delivery, DeliveryId, DeliveryReport, FailedMessage, RecordHandler, Reports,
};
use csb_core::error::Error;
use csb_core::observe::consumer_event::{ConsumerEvent, RevokedReason};
use csb_core::runtime::clock;
use csb_test_support::recording_handler::{Received, RecordingHandler, failure};
use std::time::Duration;
use tokio::sync::{oneshot, watch};

use crate::handler_failures::events_of;
use crate::on_both_stores;
use crate::scene::{Scene, consumer, pick, producer, send_keyed, subscribe, subscribe_with};

on_both_stores!(
    after_a_take_over_nothing_is_begun_and_nothing_committed,
    a_take_over_during_a_retry_ends_it,
    a_handler_that_is_gone_ends_the_partition_in_good_order
);

const KEYS: [&str; 4] = ["a", "b", "c", "d"];

async fn after_a_take_over_nothing_is_begun_and_nothing_committed(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let (open, gate) = watch::channel(false);
    let handler = RecordingHandler::new(move |received: Received| {
        let mut gate = gate.clone();
        async move {
            if received.n > 0 {
                gate.wait_for(|is_open| *is_open).await.expect("the test goes on");
            }
            Ok(())
        }
    });
    let reader = consumer(&broker, doc! {});
    let events = events_of(&reader);
    subscribe_with(&reader, &handler, doc! { "concurrency": 2 }).await;
    // The last one is the only one of its key: it is committed, which is how a take-over is noticed.
    send_keyed(&numbers, (1..40).map(|n| (n, pick(&KEYS, n)))).await;
    handler.wait_for("two at once", |seen| seen.begun.len() == 2).await;
    let taken_over = scene.another_takes_over().await;
    assert!(reader.commit_offsets().await.is_ok(), "nothing to commit");
    open.send_replace(true);
    revoked(&events, RevokedReason::LeaseLost).await;
    let begun = handler.recorded().begun.len();
    assert!(handler.recorded().consumer_errors.is_empty() && reader.is_subscribed(), "it may have it again");
    let stored = scene.stored(0).await;
    assert_eq!((stored.position, stored.finished_ahead), (taken_over.position, taken_over.finished_ahead));
    assert_eq!((stored.owner.as_deref(), stored.epoch), (Some("another"), taken_over.epoch));

    reader.disconnect(true).await;
    assert_eq!(handler.recorded().begun.len(), begun, "begun after the news");
    scene.store.leave_group("another").await.expect("left");
    let next = RecordingHandler::accepting();
    let reader = consumer(&broker, doc! {});
    subscribe(&reader, &next).await;
    assert_eq!(next.wait_for_handled(39).await.sorted_numbers(), (1..40).collect::<Vec<_>>());
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_take_over_during_a_retry_ends_it(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let handler = RecordingHandler::new(|received: Received| async move {
        if received.n == 0 { Err(failure()) } else { Ok(()) }
    });
    let reader = consumer(&broker, doc! {});
    subscribe_with(&reader, &handler, doc! { "concurrency": 2, "retryDelay": 200, "maxRetries": 1000 }).await;
    send_keyed(&numbers, [(0, Some("a"))]).await;
    handler.wait_for("the failure", |seen| !seen.told.is_empty()).await;
    let events = events_of(&reader);
    scene.another_takes_over().await;
    // Whatever is to be stored next tells it.
    send_keyed(&numbers, [(1, Some("b"))]).await;
    revoked(&events, RevokedReason::LeaseLost).await;
    let begun = handler.recorded().begun.len();
    clock::sleep(Duration::from_millis(500)).await;
    assert_eq!(handler.recorded().begun.len(), begun);
    broker.disconnect(true).await;
    scene.end().await;
}

/// Waits until the first partition is gone for this reason, which is the last thing that happens.
async fn revoked(events: &Mutex<Vec<ConsumerEvent>>, wanted: RevokedReason) {
    let is_revoked = || {
        let events = events.lock().expect("whole");
        events.iter().any(
            |event| matches!(event, ConsumerEvent::Revoked { reason, partition: 0 } if *reason == wanted),
        )
    };
    while !is_revoked() {
        clock::sleep(Duration::from_millis(1)).await;
    }
}

/// Handles what it is given until a number comes, and is gone then, as when the embedder's runtime has ended.
struct Vanishing {
    at: i64,
    handled: Mutex<Vec<i64>>,
    vanished: watch::Sender<bool>,
}

impl RecordHandler for Vanishing {
    fn deliver(&self, delivery: Delivery<'_>, reports: Reports) {
        for (index, message) in delivery.messages.iter().enumerate() {
            let value = message.stored.value().expect("readable");
            let n = value.as_document().and_then(|value| value.get_i64("n").ok()).expect("{ n }");
            if n == self.at {
                self.vanished.send_replace(true);
                return;
            }
            self.handled.lock().expect("whole").push(n);
            reports.progress(index + 1);
        }
        reports.end(DeliveryReport::Done);
    }

    fn stop(&self, _: DeliveryId) {}

    fn time_out(&self, _: DeliveryId, _: usize) {}

    fn abandon(&self, _: DeliveryId, _: usize) {}

    fn attempt_failed(&self, _: FailedMessage, reports: Reports) {
        reports.end(DeliveryReport::ErrorHandlerFinished);
    }

    fn ping(&self, answer: oneshot::Sender<()>) {
        // Whoever asked may have gone.
        let _ = answer.send(());
    }

    fn consumer_failed(&self, _: &Error) {}
}

async fn a_handler_that_is_gone_ends_the_partition_in_good_order(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let reader = consumer(&broker, doc! { "autoCommit": false });
    let vanishing =
        Arc::new(Vanishing { at: 5, handled: Mutex::default(), vanished: watch::Sender::new(false) });
    let config = HandlerConfig::from_document(&doc! {}, reader.config()).expect("valid");
    reader.subscribe(config, Arc::clone(&vanishing) as Arc<dyn RecordHandler>).await.expect("subscribed");
    send_keyed(&numbers, (0..10).map(|n| (n, None))).await;
    vanishing.vanished.subscribe().wait_for(|vanished| *vanished).await.expect("it comes");
    let released = async {
        while scene.stored(0).await.owner.is_some() {
            clock::sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(clock::timeout(Duration::from_mins(1), released).await.is_some());
    assert!(!reader.is_subscribed());
    assert_eq!(*vanishing.handled.lock().expect("whole"), [0, 1, 2, 3, 4]);

    let next = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! {}), &next).await;
    let recorded = next.wait_for_handled(5).await;
    assert_eq!(recorded.numbers_of(0), [5, 6, 7, 8, 9]);
    assert!(recorded.handled.iter().all(|one| one.attempt == 1));
    broker.disconnect(true).await;
    scene.end().await;
}
