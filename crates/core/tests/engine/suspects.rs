//! Messages that are suspected of ending their owners: one of the process at a time is handled.

use std::sync::Arc;

use bson::{Bson, doc};
use csb_core::consumer::checkpoint::MessageAttempts;
use csb_core::dead_letter::{FailedAttempt, HandlerError};
use csb_core::error_code::ErrorCode;
use csb_core::store::contract::{Claim, Store};
use csb_test_support::recording_handler::{Received, RecordingHandler};
use tokio::sync::watch;

use crate::crashed_owners::{claimed_once, unkeyed};
use crate::on_both_stores;
use crate::scene::{Scene, consumer, offset_key, producer, send_keyed, subscribe_with};
use crate::stubborn_store::StubbornStore;

on_both_stores!(a_suspect_waits_until_the_one_before_is_noted_as_past);

/// Of two partitions, both of which have a message under suspicion.
async fn a_suspect_waits_until_the_one_before_is_noted_as_past(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 2).await;
    claimed_once(&scene, &broker, doc! {}).await;
    send_keyed(&numbers, unkeyed(0..2)).await;
    for partition in 0..2 {
        suspect(&scene, partition).await;
    }
    let store = StubbornStore::before(Arc::clone(&scene.store));
    let (begun, mut begins) = watch::channel(Vec::new());
    let handler = {
        let (store, server) = (Arc::clone(&store), Arc::clone(&scene.store));
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
    let owner = scene.broker_on(Arc::clone(&store) as Arc<dyn Store>).await;
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

/// The message of this partition has ended two owners.
async fn suspect(scene: &Scene, partition: u32) {
    let owner = scene.store.claim_offset(&offset_key(partition), "gone").await.expect("claimed");
    let error = HandlerError {
        name: ErrorCode::HandlerInterrupted.as_str().to_owned(),
        message: "ended".to_owned(),
        stack: None,
    };
    let failed = vec![FailedAttempt { error, at: bson::DateTime::from_millis(1) }; 2];
    let message_id = Bson::String(format!("m{partition}"));
    let note = MessageAttempts { message_id, failed, forgotten: 0, in_flight: false };
    let claim = Claim::of(&owner).expect("an owner");
    scene.store.record_attempts(&claim, &[note]).await.expect("stored");
}
