//! Resets of offsets while members come.

use std::sync::Arc;

use bson::doc;
use csb_core::broker::Broker;
use csb_core::error_code::ErrorCode;
use csb_core::observe::consumer_event::ConsumerEvent;
use csb_core::offset_reset::ResetRequest;
use csb_test_support::recording_handler::RecordingHandler;

use crate::groups::member;
use crate::handler_failures::events_of;
use crate::on_both_stores;
use crate::scene::{GROUP, Scene, TOPIC, connected, producer, send, subscribe};
use crate::stubborn_store::{StubbornStore, Verb};

on_both_stores!(a_member_that_comes_meanwhile_keeps_its_partition);

/// The group had nobody when the reset began.
async fn a_member_that_comes_meanwhile_keeps_its_partition(scene: Scene) {
    let store = StubbornStore::before(Arc::clone(&scene.store));
    let config = scene.broker_config(doc! {});
    let tool = connected(Broker::with_store(config, store.store(), None)).await;
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    store.hold(Verb::Reset);
    let request = doc! { "groupId": GROUP, "topic": TOPIC, "to": "earliest" };
    let request = ResetRequest::from_document(&request).expect("valid");
    let resets = async { tool.reset_offsets(&request).await };
    let comes = async {
        store.wait_for_calls(Verb::Reset, 1).await;
        let (reader, handler) = (member(&broker, doc! {}), RecordingHandler::accepting());
        let events = events_of(&reader);
        subscribe(&reader, &handler).await;
        store.let_go(Verb::Reset);
        (reader, events, handler)
    };
    let (reset, (_reader, events, handler)) = tokio::join!(resets, comes);
    let error = reset.expect_err("a member runs by now");
    assert_eq!(error.code(), ErrorCode::GroupActive);
    send(&numbers, 0..3).await;
    handler.wait_for_handled(3).await;
    let is_revoked = |event: &ConsumerEvent| matches!(event, ConsumerEvent::Revoked { .. });
    assert!(!events.lock().expect("whole").iter().any(is_revoked));
    tool.disconnect(true).await;
    broker.disconnect(true).await;
    scene.end().await;
}
