//! Members that are not heard, and members that are out.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bson::doc;
use csb_core::broker::Broker;
use csb_core::error_code::ErrorCode;
use csb_core::runtime::clock;
use csb_test_support::recording_handler::{Recorded, RecordingHandler};

use crate::groups::member;
use crate::on_both_stores;
use crate::scene::{GROUP, Scene, connected, producer, send, subscribe};
use crate::stubborn_store::{StubbornStore, Verb};

on_both_stores!(
    a_fenced_member_comes_back,
    a_member_that_is_not_heard_hands_nothing_out,
    who_comes_back_late_leaves_its_instance_id_to_its_successor,
    what_a_member_declines_is_stored_when_it_can_be,
);

async fn a_fenced_member_comes_back(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 2).await;
    let reader = member(&broker, doc! {});
    let handler = RecordingHandler::accepting();
    subscribe(&reader, &handler).await;
    send(&numbers, 0..10).await;
    handler.wait_for_handled(10).await;
    let epoch = scene.stored(0).await.epoch;
    scene.processes_have_ended(GROUP).await;
    // Its next heartbeat tells.
    let look = async {
        while scene.stored(0).await.epoch == epoch || scene.stored(1).await.owner.is_none() {
            clock::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(clock::timeout(Duration::from_mins(1), look).await.is_some(), "it stays away");
    assert!(reader.is_subscribed());
    send(&numbers, 10..20).await;
    handler
        .wait_for("the new ones", |seen| seen.handled.iter().filter(|one| one.n >= 10).count() >= 10)
        .await;
    let all: BTreeSet<_> = handler.recorded().handled.iter().map(|one| one.n).collect();
    assert_eq!(all, (0..20).collect());
    assert!(handler.recorded().consumer_errors.is_empty());
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_member_that_is_not_heard_hands_nothing_out(scene: Scene) {
    let store = StubbornStore::before(Arc::clone(&scene.store));
    let config = scene.broker_config(doc! { "heartbeatIntervalMs": 2000 });
    let broker = connected(Broker::with_store(config, store.store(), None)).await;
    let numbers = producer(&broker, 1).await;
    let reader = member(&broker, doc! { "sessionTimeoutMs": 6000 });
    let handler = RecordingHandler::accepting();
    subscribe(&reader, &handler).await;
    send(&numbers, 0..3).await;
    handler.wait_for_handled(3).await;
    store.refuse(Verb::Beat);
    // The lease ends a beat before the session does.
    let stops = async {
        for n in 3.. {
            send(&numbers, [n]).await;
            let has_it = |seen: &Recorded| seen.handled.last().is_some_and(|last| last.n == n);
            let wait = handler.wait_for("it", has_it);
            if clock::timeout(Duration::from_secs(2), wait).await.is_none() {
                return n;
            }
            clock::sleep(Duration::from_millis(100)).await;
        }
        0
    };
    let held_back = clock::timeout(Duration::from_mins(1), stops).await.expect("it stops");
    store.heal();
    handler
        .wait_for("what was held back", |seen| seen.handled.last().is_some_and(|last| last.n == held_back))
        .await;
    let recorded = handler.recorded();
    assert_eq!(recorded.begun.len(), recorded.handled.len(), "nobody has taken it over meanwhile");
    broker.disconnect(true).await;
    scene.end().await;
}

async fn who_comes_back_late_leaves_its_instance_id_to_its_successor(scene: Scene) {
    let store = StubbornStore::before(Arc::clone(&scene.store));
    let config = scene.broker_config(doc! { "heartbeatIntervalMs": 1000 });
    let cut_off = connected(Broker::with_store(config, store.store(), None)).await;
    let broker = scene.broker().await;
    let numbers = producer(&broker, 2).await;
    let (older, newer) =
        (member(&cut_off, doc! { "instanceId": "pod-0" }), member(&broker, doc! { "instanceId": "pod-0" }));
    let (of_older, of_newer) = (RecordingHandler::accepting(), RecordingHandler::accepting());
    subscribe(&older, &of_older).await;
    store.refuse(Verb::Beat);
    // It has expired, and cannot hear of it.
    let members = scene.store.load_members(GROUP).await.expect("loaded");
    assert!(scene.store.fence_member(&members[0].record.id, None).await.expect("fenced"));
    subscribe(&newer, &of_newer).await;
    store.heal();
    let told = of_older.wait_for("the news", |seen| !seen.consumer_errors.is_empty()).await;
    assert_eq!(told.consumer_errors, [ErrorCode::InstanceReplaced]);
    assert!(!older.is_subscribed() && newer.is_subscribed());
    send(&numbers, 0..4).await;
    of_newer.wait_for_handled(4).await;
    assert!(of_newer.recorded().consumer_errors.is_empty());
    cut_off.disconnect(true).await;
    broker.disconnect(true).await;
    scene.end().await;
}

/// Until it is, nobody else is offered the partition.
async fn what_a_member_declines_is_stored_when_it_can_be(scene: Scene) {
    let store = StubbornStore::before(Arc::clone(&scene.store));
    let config = scene.broker_config(doc! { "heartbeatIntervalMs": 500 });
    let broker = connected(Broker::with_store(config, store.store(), None)).await;
    drop(producer(&broker, 1).await);
    let reader = member(&broker, doc! {});
    let handler = RecordingHandler::accepting();
    subscribe(&reader, &handler).await;
    scene.write_offset(1, "rubbish").await;
    store.refuse(Verb::ChangeMember);
    drop(producer(&broker, 2).await);
    store.wait_for_calls(Verb::ChangeMember, 1).await;
    store.heal();
    let is_stored = async {
        while scene.store.load_members(GROUP).await.expect("loaded")[0].record.declined != [1] {
            clock::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(clock::timeout(Duration::from_mins(1), is_stored).await.is_some(), "it is never declined");
    assert_eq!(handler.recorded().consumer_errors, [ErrorCode::BadOffset]);
    broker.disconnect(true).await;
    scene.end().await;
}
