//! Messages that are suspected of ending their owners: one of the process at a time is handled, and nothing goes past one
//! that was handled before that is stored.

use std::sync::Arc;

use bson::{Bson, doc};
use csb_core::consumer::checkpoint::MessageAttempts;
use csb_core::dead_letter::{FailedAttempt, HandlerError};
use csb_core::error_code::ErrorCode;
use csb_core::store::contract::Claim;
use csb_test_support::recording_handler::{Received, RecordingHandler};
use tokio::sync::watch;

use crate::crashed_owners::{claimed_once, unkeyed};
use crate::on_both_stores;
use crate::scene::{Scene, consumer, offset_key, producer, send_keyed, subscribe_with};
use crate::stubborn_store::StubbornStore;

on_both_stores!(
    a_suspect_waits_until_the_one_before_is_noted_as_past,
    what_follows_waits_until_an_interrupted_message_is_noted_as_past
);

/// Of two partitions, both of which have a message under suspicion.
async fn a_suspect_waits_until_the_one_before_is_noted_as_past(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 2).await;
    claimed_once(&scene, &broker, doc! {}).await;
    send_keyed(&numbers, unkeyed(0..2)).await;
    for partition in 0..2 {
        interrupt(&scene, partition, 2, AndThen::Crashed).await;
    }
    let store = StubbornStore::before(Arc::clone(&scene.store));
    let (begun, mut begins) = watch::channel(Vec::new());
    let handler = {
        let (store, server) = (store.clone(), Arc::clone(&scene.store));
        RecordingHandler::new(move |received: Received| {
            let is_first = begun.borrow().is_empty();
            if is_first {
                // It has been noted that it begins. That it has ended is not.
                store.hold_attempts_of(Some(received.partition));
            }
            begun.send_modify(|begun| begun.push(received.n));
            let server = Arc::clone(&server);
            async move {
                let other = server.load_offset(&offset_key(1 - received.partition)).await;
                let other = other.expect("readable").expect("claimed");
                let is_noted = other.attempts.iter().any(|one| one.in_flight);
                assert!(!is_noted, "{} would be blamed for what {} does", other.key, received.n);
                Ok(())
            }
        })
    };
    let owner = scene.broker_on(store.store()).await;
    subscribe_with(&consumer(&owner, doc! {}), &handler, doc! { "maxRetries": 0 }).await;
    store.wait_for_held_attempts().await;
    assert_eq!(begins.borrow_and_update().len(), 1);
    store.hold_attempts_of(None);
    let recorded = handler.wait_for_handled(2).await;
    assert_eq!((recorded.begun.len(), begins.borrow().len()), (2, 2));
    owner.disconnect(true).await;
    broker.disconnect(true).await;
    scene.end().await;
}

/// Otherwise a process that is killed soon after would leave a message to blame that it has handled long before.
async fn what_follows_waits_until_an_interrupted_message_is_noted_as_past(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    claimed_once(&scene, &broker, doc! {}).await;
    send_keyed(&numbers, unkeyed(0..3)).await;
    interrupt(&scene, 0, 1, AndThen::Released).await;
    let store = StubbornStore::before(Arc::clone(&scene.store));
    let handler = {
        let (store, server) = (store.clone(), Arc::clone(&scene.store));
        RecordingHandler::new(move |received: Received| {
            if received.n == 0 {
                // It has been noted that it begins. That it has ended is not.
                store.hold_attempts_of(Some(0));
            }
            let server = Arc::clone(&server);
            async move {
                let offset = server.load_offset(&offset_key(0)).await.expect("readable").expect("claimed");
                let blamed = offset.attempts.iter().filter(|one| one.in_flight).map(|one| &one.message_id);
                let blamed: Vec<_> = blamed.collect();
                let own = Bson::String("m0".to_owned());
                let expected: Vec<&Bson> = if received.n == 0 { vec![&own] } else { vec![] };
                assert_eq!(blamed, expected, "would be blamed for what {} does", received.n);
                Ok(())
            }
        })
    };
    let owner = scene.broker_on(store.store()).await;
    subscribe_with(&consumer(&owner, doc! {}), &handler, doc! { "maxRetries": 0 }).await;
    store.wait_for_held_attempts().await;
    store.hold_attempts_of(None);
    let recorded = handler.wait_for_handled(3).await;
    assert_eq!(recorded.begun.len(), 3);
    owner.disconnect(true).await;
    broker.disconnect(true).await;
    scene.end().await;
}

/// What the last of the owners did that a message has ended.
enum AndThen {
    Crashed,
    Released,
}

/// The message of this partition has ended so many owners.
async fn interrupt(scene: &Scene, partition: u32, owners: usize, and_then: AndThen) {
    let owner = scene.store.claim_offset(&offset_key(partition), "gone").await.expect("claimed");
    let error = HandlerError {
        name: ErrorCode::HandlerInterrupted.as_str().to_owned(),
        message: "ended".to_owned(),
        stack: None,
    };
    let failed = vec![FailedAttempt { error, at: bson::DateTime::from_millis(1) }; owners];
    let message_id = Bson::String(format!("m{partition}"));
    let note = MessageAttempts { message_id, failed, forgotten: 0, in_flight: false };
    let claim = Claim::of(&owner).expect("an owner");
    scene.store.record_attempts(&claim, &[note]).await.expect("stored");
    if matches!(and_then, AndThen::Released) {
        scene.store.release_offset(&claim, 0).await.expect("released");
    }
}
