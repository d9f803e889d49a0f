//! Dead letters that cannot be stored: the group does not pass them by, and nothing else waits.

use std::sync::Arc;
use std::time::Duration;

use bson::{Document, doc};
use csb_core::broker::Broker;
use csb_core::consumer::Consumer;
use csb_core::consumer::checkpoint::MessageAttempts;
use csb_core::producer::Producer;
use csb_core::runtime::clock;
use csb_test_support::recording_handler::{Received, RecordingHandler, failure};

use crate::concurrency::assert_order_per_key;
use crate::handler_failures::{dead_letters, events_of};
use crate::on_both_stores;
use crate::process::Process;
use crate::scene::{GROUP, Scene, connected, consumer, pick, producer, send_keyed, subscribe_with};
use crate::stubborn_store::{StubbornStore, Verb};

on_both_stores!(
    in_one_lane_the_partition_waits_for_the_letter,
    with_several_lanes_only_its_key_waits,
    closing_leaves_the_message_to_the_next_owner,
    a_crash_before_the_letter_is_stored_loses_nothing,
    a_letter_commits_nothing_that_is_committed_by_hand,
    a_letter_that_may_be_stored_is_not_taken_back,
    attempts_are_stored_when_the_server_is_back
);

struct Stubborn {
    broker: Broker,
    numbers: Producer,
    reader: Consumer,
    store: StubbornStore,
}

async fn stubborn(scene: &Scene, config: Document) -> Stubborn {
    let store = StubbornStore::before(Arc::clone(&scene.store));
    let broker = scene.broker_on(store.store()).await;
    let numbers = producer(&broker, 1).await;
    Stubborn { reader: consumer(&broker, config), broker, numbers, store }
}

/// Numbers that end in 7 are poison.
fn poisoned() -> Arc<RecordingHandler> {
    RecordingHandler::new(
        |received| async move { if received.n % 10 == 7 { Err(failure()) } else { Ok(()) } },
    )
}

const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];

fn keyed(numbers: std::ops::Range<i64>) -> impl Iterator<Item = (i64, Option<&'static str>)> {
    numbers.map(|n| (n, pick(&KEYS, n)))
}

async fn in_one_lane_the_partition_waits_for_the_letter(scene: Scene) {
    let Stubborn { broker, numbers, reader, store } = stubborn(&scene, doc! {}).await;
    let events = events_of(&reader);
    let handler = poisoned();
    store.refuse(Verb::DeadLetter);
    subscribe_with(&reader, &handler, doc! { "maxRetries": 0 }).await;
    send_keyed(&numbers, keyed(0..10)).await;
    store.wait_for_calls(Verb::DeadLetter, 3).await;
    assert_eq!(handler.recorded().begun.len(), 8);
    assert!(dead_letters(&events).is_empty());
    store.heal();
    let recorded = handler.wait_for_handled(9).await;
    assert_eq!(recorded.numbers_of(0), [0, 1, 2, 3, 4, 5, 6, 8, 9]);
    assert_eq!(dead_letters(&events), ["m7"]);
    broker.disconnect(true).await;
    let stored = scene.stored(0).await;
    assert!(stored.finished_ahead.is_empty() && stored.attempts.is_empty());
    scene.end().await;
}

async fn with_several_lanes_only_its_key_waits(scene: Scene) {
    let Stubborn { broker, numbers, reader, store } = stubborn(&scene, doc! {}).await;
    let events = events_of(&reader);
    let handler = poisoned();
    store.refuse(Verb::DeadLetter);
    subscribe_with(&reader, &handler, doc! { "maxRetries": 0, "concurrency": 4 }).await;
    let before = scene.stored(0).await.position;
    send_keyed(&numbers, keyed(0..10)).await;
    // 7 is of key c, and of the others all come through.
    handler.wait_for_handled(9).await;
    send_keyed(&numbers, keyed(10..15)).await;
    let recorded = handler.wait_for_handled(13).await;
    assert_eq!(recorded.attempts_of(12), Vec::<u32>::new());
    // They are stored as finished, and the position stays before the letter.
    let finished = async {
        loop {
            let stored = scene.stored(0).await;
            if stored.finished_ahead.len() >= 6 && stored.position != before {
                return;
            }
            clock::sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(clock::timeout(Duration::from_mins(1), finished).await.is_some());
    assert!(reader.commit_offsets().await.is_ok(), "commits do not wait for the letter");
    store.heal();
    let recorded = handler.wait_for_handled(14).await;
    assert_order_per_key(&recorded);
    broker.disconnect(true).await;
    assert_eq!(dead_letters(&events), ["m7"]);
    let stored = scene.stored(0).await;
    assert!(stored.finished_ahead.is_empty() && stored.attempts.is_empty());
    scene.end().await;
}

async fn closing_leaves_the_message_to_the_next_owner(scene: Scene) {
    let Stubborn { broker, numbers, reader, store } = stubborn(&scene, doc! {}).await;
    let events = events_of(&reader);
    let handler = poisoned();
    store.refuse(Verb::DeadLetter);
    let config = || doc! { "maxRetries": 1, "retryDelay": 1, "concurrency": 4 };
    subscribe_with(&reader, &handler, config()).await;
    send_keyed(&numbers, keyed(0..10)).await;
    handler.wait_for_handled(9).await;
    store.wait_for_calls(Verb::DeadLetter, 2).await;
    // Not the whole time that a handler would be given.
    let closed = clock::timeout(Duration::from_secs(9), reader.unsubscribe(true)).await;
    assert!(closed.is_some(), "it waits for a letter that cannot be stored");
    let stored = scene.stored(0).await;
    assert_eq!((stored.owner, stored.unclean_ends), (None, 0), "it is released");
    assert_eq!(stored.attempts.iter().map(MessageAttempts::count).collect::<Vec<_>>(), [2]);

    store.heal();
    let next = poisoned();
    subscribe_with(&reader, &next, config()).await;
    send_keyed(&numbers, keyed(10..12)).await;
    let recorded =
        next.wait_for("the letter and the others", |seen| seen.handled.len() == 2 && !seen.told.is_empty());
    let recorded = recorded.await;
    assert_eq!((recorded.begun.len(), recorded.attempts_of(7)), (3, vec![3]));
    broker.disconnect(true).await;
    assert_eq!(dead_letters(&events), ["m7"]);
    scene.end().await;
}

async fn a_crash_before_the_letter_is_stored_loses_nothing(scene: Scene) {
    let store = StubbornStore::before(Arc::clone(&scene.store));
    store.refuse(Verb::DeadLetter);
    let process = Process::start();
    let (config, stubborn) = (scene.broker_config(doc! {}), store.clone());
    let kept = process
        .run(async move {
            let broker = connected(Broker::with_store(config, stubborn.store(), None)).await;
            let numbers = producer(&broker, 1).await;
            let reader = consumer(&broker, doc! {});
            let handler = poisoned();
            subscribe_with(&reader, &handler, doc! { "maxRetries": 0, "concurrency": 4 }).await;
            send_keyed(&numbers, keyed(0..10)).await;
            handler.wait_for_handled(9).await;
            stubborn.wait_for_calls(Verb::DeadLetter, 2).await;
            (broker, reader)
        })
        .await;
    drop(process);
    drop(kept);
    scene.processes_have_ended(GROUP).await;

    let broker = scene.broker().await;
    let reader = consumer(&broker, doc! {});
    let events = events_of(&reader);
    let next = poisoned();
    subscribe_with(&reader, &next, doc! { "maxRetries": 0 }).await;
    let recorded = next.wait_for("the poison", |seen| seen.told.iter().any(|told| told.n == 7)).await;
    assert!(recorded.attempts_of(7).iter().all(|attempt| *attempt <= 2));
    send_keyed(&producer(&broker, 1).await, keyed(10..11)).await;
    next.wait_for("the rest", |seen| seen.handled.iter().any(|one| one.n == 10)).await;
    assert_eq!(dead_letters(&events), ["m7"]);
    broker.disconnect(true).await;
    scene.end().await;
}

/// Who commits by hand says what is done with; a dead letter must not say it for him.
async fn a_letter_commits_nothing_that_is_committed_by_hand(scene: Scene) {
    let Stubborn { broker, numbers, reader, store } = stubborn(&scene, doc! { "autoCommit": false }).await;
    let events = events_of(&reader);
    let handler = poisoned();
    subscribe_with(&reader, &handler, doc! { "maxRetries": 0 }).await;
    let before = scene.stored(0).await;
    send_keyed(&numbers, keyed(0..10)).await;
    handler.wait_for_handled(9).await;
    assert_eq!(dead_letters(&events), ["m7"]);
    let stored = scene.stored(0).await;
    assert_eq!(stored.position, before.position);
    assert_eq!(stored.finished_ahead, [bson::Bson::String("m7".to_owned())]);
    assert_eq!(store.calls(Verb::DeadLetter), 1);
    while !reader.commit_offsets().await.expect("committed") {
        // The last report of the handler may be on its way.
        clock::sleep(Duration::from_millis(1)).await;
    }
    assert_ne!(scene.stored(0).await.position, before.position);
    broker.disconnect(true).await;
    scene.end().await;
}

/// It is stored with the fact that its message is finished, but nobody knows. What is committed next must not forget it.
async fn a_letter_that_may_be_stored_is_not_taken_back(scene: Scene) {
    let Stubborn { broker, numbers, reader, store } = stubborn(&scene, doc! {}).await;
    let events = events_of(&reader);
    let handler = poisoned();
    store.lose_answers(Verb::DeadLetter);
    subscribe_with(&reader, &handler, doc! { "maxRetries": 0, "concurrency": 4 }).await;
    send_keyed(&numbers, keyed(7..8)).await;
    store.wait_for_calls(Verb::DeadLetter, 1).await;
    send_keyed(&numbers, keyed(8..12)).await;
    handler.wait_for_handled(4).await;
    store.wait_for_calls(Verb::DeadLetter, 3).await;
    assert_eq!(scene.stored(0).await.finished_ahead, [bson::Bson::String("m7".to_owned())]);
    // At the end it is asked again until it is known.
    let healing = store.clone();
    let calls = store.calls(Verb::DeadLetter);
    let heal = async move {
        healing.wait_for_calls(Verb::DeadLetter, calls + 2).await;
        healing.heal();
    };
    tokio::join!(reader.unsubscribe(true), heal);
    assert_eq!(dead_letters(&events), ["m7"]);
    let stored = scene.stored(0).await;
    assert_eq!((stored.owner, stored.finished_ahead.len(), stored.attempts.len()), (None, 0, 0));

    let next = RecordingHandler::accepting();
    subscribe_with(&reader, &next, doc! {}).await;
    send_keyed(&numbers, keyed(12..13)).await;
    next.wait_for_handled(1).await;
    assert_eq!(next.recorded().numbers_of(0), [12]);
    broker.disconnect(true).await;
    scene.end().await;
}

async fn attempts_are_stored_when_the_server_is_back(scene: Scene) {
    let Stubborn { broker, numbers, reader, store } = stubborn(&scene, doc! {}).await;
    let handler = RecordingHandler::new(|received: Received| async move {
        if received.n == 1 && received.attempt < 4 { Err(failure()) } else { Ok(()) }
    });
    store.refuse(Verb::Attempts);
    subscribe_with(&reader, &handler, doc! { "maxRetries": 9, "retryDelay": 1 }).await;
    send_keyed(&numbers, keyed(0..1)).await;
    handler.wait_for_handled(1).await;
    send_keyed(&numbers, keyed(1..3)).await;
    // Retries go on meanwhile.
    handler.wait_for_handled(3).await;
    send_keyed(&numbers, [(27, None)]).await;
    handler.wait_for_handled(4).await;
    assert_eq!(handler.recorded().attempts_of(1), [1, 2, 3, 4]);
    store.heal();
    reader.unsubscribe(true).await;

    store.refuse(Verb::Attempts);
    let failing = RecordingHandler::new(|_| async { Err(failure()) });
    subscribe_with(&reader, &failing, doc! { "maxRetries": 9, "retryDelay": 3_600_000 }).await;
    send_keyed(&numbers, keyed(30..31)).await;
    failing.wait_for("the failure", |seen| !seen.told.is_empty()).await;
    store.wait_for_calls(Verb::Attempts, store.calls(Verb::Attempts) + 1).await;
    assert!(scene.stored(0).await.attempts.is_empty());
    store.heal();
    let stored = async {
        while scene.stored(0).await.attempts.len() != 1 {
            clock::sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(clock::timeout(Duration::from_mins(1), stored).await.is_some());
    broker.disconnect(true).await;
    scene.end().await;
}

/// Time is virtual here: it passes only when nothing else is to do.
#[tokio::test(start_paused = true)]
async fn letters_that_cannot_be_stored_do_not_fill_the_memory() {
    let scene = Scene::in_memory().await;
    let Stubborn { broker, numbers, reader, store } = stubborn(&scene, doc! {}).await;
    let events = events_of(&reader);
    let handler = poisoned();
    store.refuse(Verb::DeadLetter);
    subscribe_with(&reader, &handler, doc! { "maxRetries": 0, "concurrency": 4 }).await;
    let keys: Vec<_> = (0..20_000).map(|n| format!("k{n}")).collect();
    for part in keys.chunks(1000).enumerate() {
        let first = i64::try_from(part.0 * 1000).expect("small");
        send_keyed(&numbers, (first..).zip(part.1.iter().map(|key| Some(key.as_str())))).await;
    }
    clock::sleep(Duration::from_mins(10)).await;
    let begun = handler.recorded().begun.len();
    assert!((100..6_000).contains(&begun), "{begun} messages were begun");
    store.heal();
    let recorded = handler.wait_for_handled(18_000).await;
    assert_eq!(recorded.begun.len(), 20_000);
    broker.disconnect(true).await;
    assert_eq!(dead_letters(&events).len(), 2_000);
    scene.end().await;
}
