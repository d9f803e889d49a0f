//! Ends that somebody does not wait for: a handler that does not finish, a server that does not answer.

use std::sync::Arc;
use std::time::Duration;

use bson::doc;
use csb_core::broker::Broker;
use csb_core::runtime::clock;
use csb_test_support::recording_handler::{Received, RecordingHandler, failure};
use tokio::sync::watch;

use crate::on_both_stores;
use crate::scene::{Scene, connected, consumer, producer, send_keyed, subscribe, subscribe_with};
use crate::stubborn_store::{StubbornStore, Verb};

on_both_stores!(
    what_others_have_finished_is_stored_when_a_handler_does_not_end,
    a_server_that_fails_for_a_moment_costs_no_duplicates,
    what_may_be_stored_is_not_taken_back
);

async fn what_others_have_finished_is_stored_when_a_handler_does_not_end(scene: Scene) {
    let broker = connected(Broker::new(scene.broker_config(doc! { "shutdownGraceMs": 300 }), None)).await;
    let numbers = producer(&broker, 1).await;
    let (open, gate) = watch::channel(false);
    let handler = RecordingHandler::new(move |received: Received| {
        let mut gate = gate.clone();
        async move {
            if received.n == 0 {
                gate.wait_for(|is_open| *is_open).await.expect("the test goes on");
            }
            Ok(())
        }
    });
    let reader = consumer(&broker, doc! { "autoCommit": false });
    subscribe_with(&reader, &handler, doc! { "concurrency": 2 }).await;
    send_keyed(&numbers, (0..10).map(|n| (n, Some(if n == 0 { "a" } else { "b" })))).await;
    handler.wait_for_handled(9).await;
    reader.disconnect(true).await;
    // The last writes are waited for only so long.
    let released = async {
        while scene.stored(0).await.owner.is_some() {
            clock::sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(clock::timeout(Duration::from_mins(1), released).await.is_some(), "it is not released");
    let stored = scene.stored(0).await;
    assert_eq!((stored.unclean_ends, stored.finished_ahead.len()), (0, 9));
    // Nobody listens to it any more.
    open.send_replace(true);

    let next = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! {}), &next).await;
    send_keyed(&numbers, [(10, None)]).await;
    let recorded = next.wait_for_handled(2).await;
    assert_eq!(recorded.numbers_of(0), [0, 10]);
    assert_eq!(recorded.attempts_of(0), [1], "an attempt that the end interrupted is not counted");
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_server_that_fails_for_a_moment_costs_no_duplicates(scene: Scene) {
    let store = StubbornStore::before(Arc::clone(&scene.store));
    let broker = scene.broker_on(store.store()).await;
    let numbers = producer(&broker, 1).await;
    let handler = RecordingHandler::accepting();
    let reader = consumer(&broker, doc! { "autoCommit": false });
    subscribe(&reader, &handler).await;
    send_keyed(&numbers, (0..10).map(|n| (n, None))).await;
    handler.wait_for_handled(10).await;
    let commits = store.calls(Verb::Commit);
    store.refuse(Verb::Commit);
    store.refuse(Verb::Release);
    let (closing, healing) = (reader.clone(), store.clone());
    let heal = async move {
        healing.wait_for_calls(Verb::Commit, commits + 2).await;
        healing.heal();
    };
    tokio::join!(closing.unsubscribe(true), heal);
    let stored = scene.stored(0).await;
    assert_eq!((stored.owner, stored.unclean_ends), (None, 0));
    subscribe(&reader, &handler).await;
    send_keyed(&numbers, [(10, None)]).await;
    let recorded = handler.wait_for("the next one", |seen| seen.handled.iter().any(|one| one.n == 10)).await;
    assert_eq!(recorded.begun.len(), 11);
    broker.disconnect(true).await;
    scene.end().await;
}

/// The answer to a commit gets lost; what was asked to be stored before it must not replace it.
async fn what_may_be_stored_is_not_taken_back(scene: Scene) {
    let store = StubbornStore::before(Arc::clone(&scene.store));
    let broker = scene.broker_on(store.store()).await;
    let numbers = producer(&broker, 1).await;
    let handler = RecordingHandler::new(|received: Received| async move {
        if received.n == 7 { Err(failure()) } else { Ok(()) }
    });
    let reader = consumer(&broker, doc! {});
    subscribe_with(&reader, &handler, doc! { "concurrency": 2, "maxRetries": 0 }).await;
    // A commit that is to be tried again waits behind a letter that is not answered.
    let commits = store.calls(Verb::Commit);
    store.refuse(Verb::Commit);
    send_keyed(&numbers, [(0, Some("b"))]).await;
    store.wait_for_calls(Verb::Commit, commits + 1).await;
    store.hold(Verb::DeadLetter);
    send_keyed(&numbers, [(7, Some("a"))]).await;
    store.wait_for_calls(Verb::DeadLetter, 1).await;
    store.accept(Verb::Commit);
    store.lose_answers(Verb::Commit);
    let by_hand = reader.commit_offsets();
    let later = async {
        // More is finished when the commit by hand gets its turn: when the last one begins, the one before is.
        for n in 1..4 {
            send_keyed(&numbers, [(n, Some("b"))]).await;
            handler.wait_for("the next one", |seen| seen.begun.iter().any(|one| one.n == n)).await;
        }
        // By now the refused commit is due.
        clock::sleep(Duration::from_millis(300)).await;
        let commits = store.calls(Verb::Commit);
        store.let_go(Verb::DeadLetter);
        store.wait_for_calls(Verb::Commit, commits + 2).await;
        store.heal();
    };
    // The commit by hand may fail, as its answer is lost; what is stored does not go back.
    let (_, ()) = tokio::join!(by_hand, later);
    reader.unsubscribe(true).await;
    assert_eq!(store.commits_that_went_back(), 0);
    broker.disconnect(true).await;
    scene.end().await;
}

/// A server that never comes back keeps nobody from ending.
#[tokio::test(start_paused = true)]
async fn a_server_that_is_gone_keeps_nobody() {
    let scene = Scene::in_memory().await;
    let store = StubbornStore::before(Arc::clone(&scene.store));
    let broker = scene.broker_on(store.store()).await;
    let numbers = producer(&broker, 1).await;
    let handler = RecordingHandler::accepting();
    let reader = consumer(&broker, doc! {});
    subscribe(&reader, &handler).await;
    store.hold(Verb::Commit);
    send_keyed(&numbers, (0..10).map(|n| (n, None))).await;
    handler.wait_for_handled(10).await;
    store.wait_for_calls(Verb::Commit, 2).await;
    let since = clock::now();
    reader.disconnect(true).await;
    assert!(clock::now() - since < Duration::from_secs(15), "{:?}", clock::now() - since);
    broker.disconnect(true).await;
    scene.end().await;
}
