//! Members of one group: they share the partitions, and hand them over without a double.

use std::sync::Arc;
use std::time::Duration;

use bson::{Document, doc};
use csb_core::broker::Broker;
use csb_core::config::{ConsumerConfig, HandlerConfig};
use csb_core::consumer::Consumer;
use csb_core::error_code::ErrorCode;
use csb_core::observe::consumer_event::RevokedReason;
use csb_core::runtime::clock;
use csb_test_support::recording_handler::{Received, RecordingHandler};
use tokio::sync::watch;

use crate::on_both_stores;
use crate::scene::{GROUP, Scene, TOPIC, consumer, producer, send, subscribe, subscribe_with};

on_both_stores!(
    members_share_the_partitions_and_hand_them_over,
    a_member_without_partitions_takes_over_at_once,
    each_member_reads_what_it_names,
    a_manual_member_goes_before_the_others,
    a_manual_member_waits_for_another,
    a_topic_that_grows_is_shared_out,
    a_partition_that_cannot_be_read_goes_to_another,
    every_instance_of_a_broadcast_gets_everything,
    the_newer_of_two_instances_of_one_name_stays,
    a_handler_that_takes_too_long_does_not_hold_its_partition,
    hooks_come_before_the_first_message_and_before_the_release
);

/// A member that does not wait for others to come.
pub(crate) fn member(broker: &Broker, extra: Document) -> Consumer {
    let mut config = doc! { "rebalanceDelayMs": 0 };
    config.extend(extra);
    consumer(broker, config)
}

/// Waits until each member owns so many partitions, by what is stored.
async fn owned(scene: &Scene, partitions: u32, wanted: &[(&Consumer, usize)]) {
    let look = async {
        loop {
            let mut owners = Vec::new();
            for partition in 0..partitions {
                let key = crate::scene::offset_key(partition);
                let stored = scene.store.load_offset(&key).await.expect("readable");
                owners.extend(stored.and_then(|stored| stored.owner));
            }
            let of = |member: &Consumer| owners.iter().filter(|owner| owner.starts_with(member.id())).count();
            if wanted.iter().all(|(member, count)| of(member) == *count) {
                return;
            }
            clock::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(clock::timeout(Duration::from_mins(1), look).await.is_some(), "never shared like that");
}

fn union(handlers: &[&Arc<RecordingHandler>]) -> Vec<i64> {
    let mut all: Vec<_> = handlers.iter().flat_map(|handler| handler.recorded().sorted_numbers()).collect();
    all.sort_unstable();
    all
}

/// Waits until they have handled so many between them.
async fn handled(handlers: &[&Arc<RecordingHandler>], count: usize) -> Vec<i64> {
    let look = async {
        while union(handlers).len() < count {
            clock::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(
        clock::timeout(Duration::from_mins(1), look).await.is_some(),
        "{} of {count}",
        union(handlers).len()
    );
    union(handlers)
}

async fn members_share_the_partitions_and_hand_them_over(scene: Scene) {
    let (first_broker, second_broker) = (scene.broker().await, scene.broker().await);
    let numbers = producer(&first_broker, 4).await;
    let (first, second) = (member(&first_broker, doc! {}), member(&second_broker, doc! {}));
    let (of_first, of_second) = (RecordingHandler::accepting(), RecordingHandler::accepting());
    subscribe(&first, &of_first).await;
    owned(&scene, 4, &[(&first, 4)]).await;
    let mut next = 0;
    let mut more = async |count: i64| {
        for n in next..next + count {
            send(&numbers, [n]).await;
        }
        next += count;
        handled(&[&of_first, &of_second], usize::try_from(next).expect("small")).await
    };
    more(20).await;
    subscribe(&second, &of_second).await;
    more(20).await;
    owned(&scene, 4, &[(&first, 2), (&second, 2)]).await;
    more(20).await;
    assert!(!of_second.recorded().handled.is_empty());
    first.disconnect(true).await;
    owned(&scene, 4, &[(&second, 4)]).await;
    let all = more(20).await;
    assert_eq!(all, (0..80).collect::<Vec<_>>());
    for handler in [&of_first, &of_second] {
        let recorded = handler.recorded();
        assert_eq!(recorded.begun.len(), recorded.handled.len());
        assert!(recorded.handled.iter().all(|one| one.attempt == 1 && !one.possible_duplicate));
    }
    first_broker.disconnect(true).await;
    second_broker.disconnect(true).await;
    scene.end().await;
}

async fn a_member_without_partitions_takes_over_at_once(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let (first, standby) = (member(&broker, doc! {}), member(&broker, doc! {}));
    let (of_first, of_standby) = (RecordingHandler::accepting(), RecordingHandler::accepting());
    subscribe(&first, &of_first).await;
    subscribe(&standby, &of_standby).await;
    assert!(standby.is_subscribed());
    send(&numbers, 0..10).await;
    of_first.wait_for_handled(10).await;
    first.disconnect(true).await;
    send(&numbers, 10..20).await;
    assert_eq!(of_standby.wait_for_handled(10).await.numbers_of(0), (10..20).collect::<Vec<_>>());
    assert_eq!(of_first.recorded().handled.len(), 10);
    broker.disconnect(true).await;
    scene.end().await;
}

async fn each_member_reads_what_it_names(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 3).await;
    let left = member(&broker, doc! { "partitions": [0, 1] });
    let right = member(&broker, doc! { "partitions": [1, 2] });
    let (of_left, of_right) = (RecordingHandler::accepting(), RecordingHandler::accepting());
    subscribe(&left, &of_left).await;
    subscribe(&right, &of_right).await;
    send(&numbers, 0..30).await;
    assert_eq!(handled(&[&of_left, &of_right], 30).await, (0..30).collect::<Vec<_>>());
    assert!(of_left.recorded().handled.iter().all(|one| one.partition < 2));
    assert!(of_right.recorded().handled.iter().all(|one| one.partition > 0));
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_manual_member_goes_before_the_others(scene: Scene) {
    let broker = scene.broker().await;
    drop(producer(&broker, 3).await);
    let auto = member(&broker, doc! {});
    let manual = member(&broker, doc! { "assignment": "manual", "partitions": [1] });
    subscribe(&auto, &RecordingHandler::accepting()).await;
    owned(&scene, 3, &[(&auto, 3)]).await;
    subscribe(&manual, &RecordingHandler::accepting()).await;
    owned(&scene, 3, &[(&auto, 2), (&manual, 1)]).await;
    assert!(scene.stored(1).await.owner.is_some_and(|owner| owner.starts_with(manual.id())));
    manual.unsubscribe(true).await;
    owned(&scene, 3, &[(&auto, 3)]).await;
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_manual_member_waits_for_another(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let manual = doc! { "assignment": "manual", "partitions": [0] };
    let (first, second) = (member(&broker, manual.clone()), member(&broker, manual));
    let (of_first, of_second) = (RecordingHandler::accepting(), RecordingHandler::accepting());
    subscribe(&first, &of_first).await;
    subscribe(&second, &of_second).await;
    send(&numbers, 0..5).await;
    of_first.wait_for_handled(5).await;
    first.unsubscribe(true).await;
    send(&numbers, 5..9).await;
    assert_eq!(of_second.wait_for_handled(4).await.numbers_of(0), [5, 6, 7, 8]);
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_topic_that_grows_is_shared_out(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 2).await;
    let (first, second) = (member(&broker, doc! {}), member(&broker, doc! {}));
    let (of_first, of_second) = (RecordingHandler::accepting(), RecordingHandler::accepting());
    subscribe(&first, &of_first).await;
    subscribe(&second, &of_second).await;
    send(&numbers, 0..10).await;
    handled(&[&of_first, &of_second], 10).await;
    let grown = producer(&broker, 6).await;
    send(&grown, 10..40).await;
    assert_eq!(handled(&[&of_first, &of_second], 40).await, (0..40).collect::<Vec<_>>());
    owned(&scene, 6, &[(&first, 3), (&second, 3)]).await;
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_partition_that_cannot_be_read_goes_to_another(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 2).await;
    let (first, second) = (member(&broker, doc! {}), member(&broker, doc! {}));
    let (of_first, of_second) = (RecordingHandler::accepting(), RecordingHandler::accepting());
    subscribe(&first, &of_first).await;
    subscribe(&second, &of_second).await;
    owned(&scene, 2, &[(&first, 1), (&second, 1)]).await;
    second.unsubscribe(true).await;
    owned(&scene, 2, &[(&first, 2)]).await;
    // Nobody can begin there: whoever is offered it says so, and goes on with the rest.
    first.unsubscribe(true).await;
    scene.write_offset(1, "rubbish").await;
    let config = HandlerConfig::from_document(&doc! {}, first.config()).expect("valid");
    let refused =
        first.subscribe(config, RecordingHandler::accepting()).await.expect_err("nothing to resume from");
    assert_eq!(refused.code(), ErrorCode::BadOffset);
    assert!(!first.is_subscribed());
    let other = member(&broker, doc! { "partitions": [0] });
    let of_other = RecordingHandler::accepting();
    subscribe(&other, &of_other).await;
    send(&numbers, 0..4).await;
    of_other.wait_for_handled(2).await;
    broker.disconnect(true).await;
    scene.end().await;
}

async fn every_instance_of_a_broadcast_gets_everything(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 2).await;
    let broadcast =
        |instance: &str| member(&broker, doc! { "groupMode": "broadcast", "instanceId": instance });
    let (a, b) = (broadcast("a"), broadcast("b"));
    let (of_a, of_b) = (RecordingHandler::accepting(), RecordingHandler::accepting());
    subscribe(&a, &of_a).await;
    subscribe(&b, &of_b).await;
    send(&numbers, 0..10).await;
    for handler in [&of_a, &of_b] {
        assert_eq!(handler.wait_for_handled(10).await.sorted_numbers(), (0..10).collect::<Vec<_>>());
    }
    a.disconnect(true).await;
    send(&numbers, 10..12).await;
    of_b.wait_for_handled(12).await;
    // What came in its absence comes when it is back.
    let (a, again) = (broadcast("a"), RecordingHandler::accepting());
    subscribe(&a, &again).await;
    assert_eq!(again.wait_for_handled(2).await.sorted_numbers(), [10, 11]);
    broker.disconnect(true).await;
    scene.end().await;
}

async fn the_newer_of_two_instances_of_one_name_stays(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 2).await;
    let instance = || member(&broker, doc! { "instanceId": "pod-0" });
    let (older, newer) = (instance(), instance());
    let (of_older, of_newer) = (RecordingHandler::accepting(), RecordingHandler::accepting());
    subscribe(&older, &of_older).await;
    send(&numbers, 0..4).await;
    of_older.wait_for_handled(4).await;
    subscribe(&newer, &of_newer).await;
    let told = of_older.wait_for("the news", |seen| !seen.consumer_errors.is_empty()).await;
    assert_eq!(told.consumer_errors, [ErrorCode::InstanceReplaced]);
    assert!(!older.is_subscribed() && newer.is_subscribed());
    send(&numbers, 4..8).await;
    of_newer.wait_for("the new ones", |seen| seen.handled.iter().filter(|one| one.n >= 4).count() == 4).await;
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_handler_that_takes_too_long_does_not_hold_its_partition(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 2).await;
    let (open, gate) = watch::channel(false);
    let slow = RecordingHandler::new(move |received: Received| {
        let mut gate = gate.clone();
        async move {
            if received.n == 1 {
                // The test has ended if nobody opens it.
                let _ = gate.wait_for(|is_open| *is_open).await;
            }
            Ok(())
        }
    });
    let first = member(&broker, doc! { "handoverTimeoutMs": 200 });
    subscribe(&first, &slow).await;
    send(&numbers, 0..2).await;
    slow.wait_for("both", |seen| seen.begun.len() == 2).await;
    // Its only assignment would be the partition that is busy.
    let busy = slow.recorded().begun.iter().find(|one| one.n == 1).map(|one| one.partition).expect("begun");
    let second = member(&broker, doc! { "assignment": "manual", "partitions": [i64::from(busy)] });
    let next = RecordingHandler::accepting();
    subscribe(&second, &next).await;
    let recorded = next.wait_for_handled(1).await;
    assert_eq!((recorded.handled[0].n, recorded.handled[0].partition), (1, busy));
    open.send_replace(true);
    broker.disconnect(true).await;
    scene.end().await;
}

async fn hooks_come_before_the_first_message_and_before_the_release(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let handler = RecordingHandler::accepting();
    handler.hold_hooks(true);
    let reader = member(&broker, doc! {});
    let hooks = doc! { "awaitsAssigned": true, "awaitsRevoked": true };
    subscribe_with(&reader, &handler, hooks).await;
    send(&numbers, 0..3).await;
    handler.wait_for("the first hook", |seen| seen.assigned == [vec![0]]).await;
    clock::sleep(Duration::from_millis(100)).await;
    assert!(handler.recorded().begun.is_empty(), "handed out before");
    handler.hold_hooks(false);
    handler.wait_for_handled(3).await;
    handler.hold_hooks(true);
    reader.unsubscribe(false).await;
    handler.wait_for("the second hook", |seen| seen.revoked == [(0, RevokedReason::Unsubscribed)]).await;
    assert!(scene.stored(0).await.owner.is_some(), "released before");
    handler.hold_hooks(false);
    reader.unsubscribe(true).await;
    assert!(scene.stored(0).await.owner.is_none());
    broker.disconnect(true).await;
    scene.end().await;
}

/// What is checked before anything is stored.
#[tokio::test]
async fn configurations_that_do_not_fit_are_refused() {
    let scene = Scene::in_memory().await;
    let broker = scene.broker().await;
    let refused = |extra: Document| {
        let mut config = doc! { "groupId": GROUP, "topic": TOPIC };
        config.extend(extra);
        let config = ConsumerConfig::from_document(&config);
        let error = config.and_then(|config| broker.create_consumer(config)).err().expect("is refused");
        assert_eq!(error.code(), ErrorCode::InvalidConfig);
        error.message().to_owned()
    };
    let session = refused(doc! { "sessionTimeoutMs": 8_999 });
    assert!(session.contains("sessionTimeoutMs is 8999") && session.contains("at least 9000"), "{session}");
    assert!(refused(doc! { "assignment": "manual" }).contains("partitions is missing"));
    let long = refused(doc! { "groupMode": "broadcast", "instanceId": "x".repeat(200) });
    assert!(long.contains("at most 199"), "{long}");
    broker.disconnect(true).await;
    scene.end().await;
}
