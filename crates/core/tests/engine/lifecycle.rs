//! Beginning and ending, in every order.

use std::sync::Arc;
use std::time::Duration;

use bson::doc;
use csb_core::config::{CommitSchedule, HandlerConfig};
use csb_core::consumer::record_handler::RecordHandler;
use csb_core::error_code::ErrorCode;
use csb_core::runtime::clock;
use csb_core::store::contract::OffsetKey;
use csb_test_support::recording_handler::RecordingHandler;
use tokio::sync::watch;

use crate::on_both_stores;
use crate::scene::{GROUP, Scene, TOPIC, consumer, part, producer, send, subscribe, subscribe_with};

on_both_stores!(
    draining_finishes_the_message_in_the_handler,
    closing_twice_and_at_once,
    the_broker_waits_for_consumers_that_are_still_draining,
    nothing_works_after_disconnect,
    a_subscribed_consumer_refuses_another_handler,
    commits_by_hand_when_asked_and_at_the_end,
    unsubscribing_while_subscribing_duplicates_nothing,
    brokers_on_one_database_share_and_part
);

async fn draining_finishes_the_message_in_the_handler(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let (entered, mut in_handler) = watch::channel(0);
    let handler = RecordingHandler::new(move |received| {
        entered.send_replace(received.n + 1);
        async move {
            clock::sleep(Duration::from_millis(100)).await;
            Ok(())
        }
    });
    let reader = consumer(&broker, doc! {});
    subscribe(&reader, &handler).await;
    send(&numbers, 0..200).await;
    in_handler.wait_for(|entered| *entered > 0).await.expect("the handler runs");
    reader.unsubscribe(true).await;
    let recorded = handler.recorded();
    let last_entered = *in_handler.borrow();
    assert_eq!(
        recorded.handled.len(),
        usize::try_from(last_entered).expect("small"),
        "a handler was abandoned"
    );
    assert!(recorded.handled.len() < 200, "the rest is left for later");
    assert!(!reader.offset_info().has_uncommitted);
    assert!(!reader.is_subscribed());

    let rest = RecordingHandler::accepting();
    subscribe(&reader, &rest).await;
    let recorded = rest.wait_for_handled(200 - recorded.handled.len()).await;
    assert_eq!(recorded.numbers_of(0), (last_entered..200).collect::<Vec<_>>());
    broker.disconnect(true).await;
    scene.end().await;
}

async fn closing_twice_and_at_once(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 3).await;
    let handler = RecordingHandler::accepting();
    let reader = consumer(&broker, doc! {});
    subscribe(&reader, &handler).await;
    send(&numbers, 0..30).await;
    tokio::join!(
        reader.unsubscribe(true),
        reader.unsubscribe(true),
        broker.disconnect(true),
        broker.disconnect(true)
    );
    reader.disconnect(true).await;
    broker.disconnect(true).await;
    assert!(!broker.is_connected() && !reader.is_connected());
    scene.end().await;
}

async fn the_broker_waits_for_consumers_that_are_still_draining(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let (entered, mut in_handler) = watch::channel(false);
    let handler = RecordingHandler::new(move |_| {
        entered.send_replace(true);
        async move {
            clock::sleep(Duration::from_millis(200)).await;
            Ok(())
        }
    });
    let reader = consumer(&broker, doc! {});
    subscribe(&reader, &handler).await;
    send(&numbers, 0..1).await;
    in_handler.wait_for(|entered| *entered).await.expect("the handler runs");
    // As from inside of the handler.
    reader.disconnect(false).await;
    drop(consumer(&broker, doc! { "groupId": "another" }));
    broker.disconnect(true).await;
    assert_eq!(handler.recorded().handled.len(), 1, "the handler was left behind");
    assert_eq!(handler.recorded().consumer_errors, []);

    let broker = scene.broker().await;
    let again = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! {}), &again).await;
    send(&producer(&broker, 1).await, 1..2).await;
    assert_eq!(again.wait_for_handled(1).await.numbers_of(0), [1], "the last commit was lost");
    broker.disconnect(true).await;
    scene.end().await;
}

async fn nothing_works_after_disconnect(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let reader = consumer(&broker, doc! {});
    broker.disconnect(true).await;
    let sent = numbers.send(&[&part(0..1)]).await.expect_err("closed");
    assert_eq!(sent.code(), ErrorCode::Closed);
    let config = HandlerConfig::from_document(&doc! {}, reader.config()).expect("valid");
    let subscribed = reader.subscribe(config, RecordingHandler::accepting()).await.expect_err("closed");
    assert_eq!(subscribed.code(), ErrorCode::Closed);
    assert_eq!(broker.topics().err().map(|error| error.code()), Some(ErrorCode::NotConnected));
    broker.connect().await.expect("a broker may be connected again");
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_subscribed_consumer_refuses_another_handler(scene: Scene) {
    let broker = scene.broker().await;
    drop(producer(&broker, 1).await);
    let reader = consumer(&broker, doc! {});
    subscribe(&reader, &RecordingHandler::accepting()).await;
    let config = HandlerConfig::from_document(&doc! {}, reader.config()).expect("valid");
    let error = reader.subscribe(config, RecordingHandler::accepting()).await.expect_err("twice");
    assert_eq!(error.code(), ErrorCode::AlreadySubscribed);
    assert!(reader.is_subscribed());
    broker.disconnect(true).await;
    scene.end().await;
}

async fn commits_by_hand_when_asked_and_at_the_end(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let handler = RecordingHandler::accepting();
    let reader = consumer(&broker, doc! { "autoCommit": false });
    let by_hand =
        HandlerConfig::from_document(&doc! { "autoCommit": false }, reader.config()).expect("valid");
    assert_eq!(by_hand.commit_schedule(reader.config()), CommitSchedule::Manual);
    subscribe_with(&reader, &handler, doc! { "autoCommit": false }).await;
    let key = OffsetKey { group_id: GROUP.to_owned(), topic: TOPIC.to_owned(), partition: 0 };
    let stored = async || scene.store.load_offset(&key).await.expect("readable").expect("claimed").position;
    let at_the_start = stored().await;

    send(&numbers, 0..5).await;
    handler.wait_for_handled(5).await;
    while !reader.offset_info().has_uncommitted {
        // The last report of the handler may still be on its way.
        clock::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(stored().await, at_the_start, "committed without being asked");
    assert!(reader.commit_offsets().await.expect("committed"));
    assert_ne!(stored().await, at_the_start);

    send(&numbers, 5..8).await;
    handler.wait_for_handled(8).await;
    reader.unsubscribe(true).await;
    let again = RecordingHandler::accepting();
    subscribe(&reader, &again).await;
    send(&numbers, 8..9).await;
    assert_eq!(again.wait_for_handled(1).await.numbers_of(0), [8]);
    broker.disconnect(true).await;
    scene.end().await;
}

/// With a backlog the handler runs before `subscribe` has resolved, and may end the subscription there.
async fn unsubscribing_while_subscribing_duplicates_nothing(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 2).await;
    let reader = consumer(&broker, doc! { "fromBeginning": true, "autoCommit": false });
    send(&numbers, 0..100).await;
    let ending = reader.clone();
    let handler = RecordingHandler::new(move |received| {
        let ending = ending.clone();
        async move {
            if received.n % 10 == 0 {
                ending.unsubscribe(false).await;
            }
            Ok(())
        }
    });
    let config = HandlerConfig::from_document(&doc! {}, reader.config()).expect("valid");
    for _ in 0..30 {
        let (subscribed, ()) = tokio::join!(
            reader.subscribe(config.clone(), Arc::clone(&handler) as Arc<dyn RecordHandler>),
            reader.unsubscribe(true)
        );
        if let Err(error) = subscribed {
            assert_eq!(error.code(), ErrorCode::Closed);
        }
        reader.unsubscribe(true).await;
    }
    let last = RecordingHandler::accepting();
    subscribe(&reader, &last).await;
    let first = handler.recorded().sorted_numbers();
    let mut all = last.wait_for_handled(100 - first.len()).await.sorted_numbers();
    all.extend(first);
    all.sort_unstable();
    assert_eq!(all, (0..100).collect::<Vec<_>>());
    broker.disconnect(true).await;
    scene.end().await;
}

/// Two brokers of one process share client and change stream; the first to leave does not take them along.
async fn brokers_on_one_database_share_and_part(scene: Scene) {
    let (one, other) = (scene.broker().await, scene.broker().await);
    let numbers = producer(&one, 2).await;
    let handlers = [RecordingHandler::accepting(), RecordingHandler::accepting()];
    subscribe(&consumer(&one, doc! { "groupId": "one" }), &handlers[0]).await;
    subscribe(&consumer(&other, doc! { "groupId": "other" }), &handlers[1]).await;
    send(&numbers, 0..10).await;
    for handler in &handlers {
        handler.wait_for_handled(10).await;
    }
    one.disconnect(true).await;
    assert!(!one.is_connected() && other.is_connected());

    send(&producer(&other, 2).await, 10..20).await;
    let recorded = handlers[1].wait_for_handled(20).await;
    assert_eq!(recorded.sorted_numbers(), (0..20).collect::<Vec<_>>());
    assert_eq!(handlers[0].recorded().handled.len(), 10);

    one.connect().await.expect("joins again");
    one.disconnect(true).await;
    other.disconnect(true).await;
    scene.end().await;
}
