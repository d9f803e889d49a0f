//! Messages that are finished before earlier ones: stored with the offset, and not delivered again without a crash.

use std::sync::Arc;
use std::time::Duration;

use bson::{Bson, doc};
use csb_core::broker::Broker;
use csb_core::consumer::checkpoint::Checkpoint;
use csb_core::consumer::position::Position;
use csb_core::feed::stream_token::StreamToken;
use csb_core::runtime::clock;
use csb_core::store::contract::{Claim, OffsetKey};
use csb_test_support::recording_handler::{RecordingHandler, failure};
use tokio::sync::watch;

use crate::on_both_stores;
use crate::process::Process;
use crate::scene::{
    Scene, TOPIC, connected, consumer, offset_key, pick, producer, send_keyed, subscribe_with,
};

on_both_stores!(
    only_what_is_unfinished_comes_again,
    what_an_owner_does_not_get_to_stays_finished,
    what_has_not_come_yet_is_not_forgotten,
    commits_by_interval_and_by_hand_store_it_too
);

const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// The first message fails, and rests for an hour.
fn fails_first() -> Arc<RecordingHandler> {
    RecordingHandler::new(|received| async move {
        if received.n % 100 == 0 && received.attempt == 1 { Err(failure()) } else { Ok(()) }
    })
}

fn at_once() -> bson::Document {
    doc! { "concurrency": 4, "retryDelay": 3_600_000 }
}

fn ten() -> impl Iterator<Item = (i64, Option<&'static str>)> {
    (0..10).map(|n| (n, pick(&KEYS, n)))
}

async fn only_what_is_unfinished_comes_again(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let reader = consumer(&broker, doc! {});
    let handler = fails_first();
    subscribe_with(&reader, &handler, at_once()).await;
    send_keyed(&numbers, ten()).await;
    handler.wait_for_handled(8).await;
    handler.wait_for("the failure", |seen| !seen.told.is_empty()).await;
    reader.pause();
    reader.unsubscribe(true).await;
    let stored = scene.stored(0).await;
    assert_eq!((stored.finished_ahead.len(), stored.attempts.len()), (8, 1));

    reader.resume();
    let next = RecordingHandler::accepting();
    subscribe_with(&reader, &next, at_once()).await;
    send_keyed(&numbers, [(10, None)]).await;
    let recorded = next.wait_for_handled(3).await;
    assert_eq!(recorded.sorted_numbers(), [0, 5, 10]);
    assert_eq!(recorded.attempts_of(0), [2]);
    broker.disconnect(true).await;
    assert_eq!(next.recorded().begun.len(), 3);
    let stored = scene.stored(0).await;
    assert!(stored.finished_ahead.is_empty() && stored.attempts.is_empty());
    scene.end().await;
}

/// The owners in between do little or nothing, in one lane or in several.
async fn what_an_owner_does_not_get_to_stays_finished(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let reader = consumer(&broker, doc! {});
    let first = fails_first();
    subscribe_with(&reader, &first, at_once()).await;
    let keys: Vec<_> = (0..2000).map(|n| format!("k{}", n % 100)).collect();
    for part in keys.chunks(500).enumerate() {
        let first = i64::try_from(part.0 * 500).expect("small");
        send_keyed(&numbers, (first..).zip(part.1.iter().map(|key| Some(key.as_str())))).await;
    }
    first.wait_for_handled(1980).await;
    reader.unsubscribe(true).await;
    assert_eq!(scene.stored(0).await.finished_ahead.len(), 1980);

    let mut all = first.recorded().sorted_numbers();
    for concurrency in [1, 4, 1, 4] {
        // It ends when it has handled its first message.
        let ending = reader.clone();
        let (subscribed, is_subscribed) = watch::channel(false);
        let owner = RecordingHandler::new(move |_| {
            let (ending, mut is_subscribed) = (ending.clone(), is_subscribed.clone());
            async move {
                is_subscribed.wait_for(|subscribed| *subscribed).await.expect("the test goes on");
                ending.unsubscribe(false).await;
                Ok(())
            }
        });
        subscribe_with(&reader, &owner, doc! { "concurrency": concurrency }).await;
        subscribed.send_replace(true);
        owner.wait_for_handled(1).await;
        reader.unsubscribe(true).await;
        all.extend(owner.recorded().sorted_numbers());
    }
    let last = RecordingHandler::accepting();
    subscribe_with(&reader, &last, doc! {}).await;
    last.wait_for_handled(2000 - all.len()).await;
    all.extend(last.recorded().sorted_numbers());
    all.sort_unstable();
    assert_eq!(all, (0..2000).collect::<Vec<_>>());
    broker.disconnect(true).await;
    scene.end().await;
}

/// An owner says what earlier ones have finished, also before it has come.
async fn what_has_not_come_yet_is_not_forgotten(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let key = offset_key(0);
    let ahead = vec![Bson::from("m1"), Bson::from("m3")];
    let claimed = scene.store.claim_offset(&key, "earlier").await.expect("claimed");
    let claim = Claim {
        key: key.clone(),
        owner: "earlier".to_owned(),
        epoch: claimed.epoch,
        revision: claimed.revision,
    };
    let now = StreamToken::after(scene.store.cluster_time().await.expect("a time"));
    let checkpoint = Checkpoint { position: Position::behind(now), finished_ahead: ahead.clone() };
    scene.store.commit_offset(&claim, &checkpoint).await.expect("committed");
    scene.store.release_offset(&claim, 0).await.expect("released");

    let (open, gate) = watch::channel(false);
    let handler = RecordingHandler::new(move |_| {
        let mut gate = gate.clone();
        async move {
            gate.wait_for(|is_open| *is_open).await.expect("opens");
            Ok(())
        }
    });
    let reader = consumer(&broker, doc! { "autoCommit": false });
    subscribe_with(&reader, &handler, doc! { "autoCommit": false }).await;
    send_keyed(&numbers, [(0, None), (1, None)]).await;
    while !reader.commit_offsets().await.expect("committed") {
        // `m1` has not come yet; that it has moves the checkpoint.
        clock::sleep(Duration::from_millis(1)).await;
    }
    let mut stored = scene.store.load_offset(&key).await.expect("readable").expect("there").finished_ahead;
    stored.sort_by_key(ToString::to_string);
    assert_eq!(stored, ahead);

    open.send_replace(true);
    send_keyed(&numbers, (2..=4).map(|n| (n, None))).await;
    let recorded = handler.wait_for_handled(3).await;
    assert_eq!(recorded.numbers_of(0), [0, 2, 4]);
    broker.disconnect(true).await;
    let stored = scene.store.load_offset(&key).await.expect("readable").expect("there");
    assert!(stored.finished_ahead.is_empty());
    scene.end().await;
}

/// After a crash only what was committed does not come again: all of it, and nothing else.
async fn commits_by_interval_and_by_hand_store_it_too(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 2).await;
    // Claimed once, so that the partitions begin here.
    for group in ["by-hand", "by-interval"] {
        let reader = consumer(&broker, doc! { "groupId": group, "partitions": [0] });
        subscribe_with(&reader, &RecordingHandler::accepting(), doc! {}).await;
        reader.disconnect(true).await;
    }
    let twenty = (0..20).map(|n| (n, pick(&KEYS, n / 2)));
    send_keyed(&numbers, twenty).await;
    for (group, consumer_config) in
        [("by-hand", doc! { "autoCommit": false }), ("by-interval", doc! { "autoCommitIntervalMs": 20 })]
    {
        let mut config = doc! { "groupId": group, "partitions": [0] };
        config.extend(consumer_config);
        let process = Process::start();
        let (broker_config, reading) = (scene.broker_config(doc! {}), config.clone());
        let (_broker, reader, handler) = process
            .run(async move {
                let broker = connected(Broker::new(broker_config, None)).await;
                let reader = consumer(&broker, reading);
                let handler = fails_first();
                subscribe_with(&reader, &handler, at_once()).await;
                handler.wait_for_handled(8).await;
                (broker, reader, handler)
            })
            .await;
        let first = handler.recorded().sorted_numbers();
        let key = OffsetKey { group_id: group.to_owned(), topic: TOPIC.to_owned(), partition: 0 };
        let stored = async || scene.store.load_offset(&key).await.expect("readable").expect("claimed");
        if group == "by-hand" {
            assert!(stored().await.finished_ahead.is_empty(), "committed without being asked");
        }
        // The last report of the handler may be on its way.
        while stored().await.finished_ahead.len() < 8 {
            if group == "by-hand" {
                let committing = reader.clone();
                process.run(async move { committing.commit_offsets().await }).await.expect("committed");
            }
            clock::sleep(Duration::from_millis(2)).await;
        }
        drop(process);
        scene.processes_have_ended(group).await;

        let next = RecordingHandler::accepting();
        let reader = consumer(&broker, config);
        subscribe_with(&reader, &next, at_once()).await;
        let mut all = next.wait_for_handled(2).await.sorted_numbers();
        reader.disconnect(true).await;
        all.extend(first);
        all.sort_unstable();
        assert_eq!(all, (0..10).map(|n| n * 2).collect::<Vec<_>>(), "{group}");
        assert_eq!(next.recorded().begun.len(), 2);
    }
    broker.disconnect(true).await;
    scene.end().await;
}
