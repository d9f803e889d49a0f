//! Replays with an end: `until`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bson::{Bson, DateTime, Document, doc};
use csb_core::consumer::Consumer;
use csb_core::observe::consumer_event::ConsumerEvent;
use csb_core::runtime::clock;
use csb_test_support::recording_handler::RecordingHandler;
use tokio::sync::Notify;

use crate::on_both_stores;
use crate::scene::{Scene, consumer, producer, send, subscribe};
use crate::stored_messages::{stamped, store_all, written_by_1_4_2};

on_both_stores!(
    ends_within_the_stored_messages,
    what_1_4_2_wrote_later_is_passed_over,
    ends_in_the_stream_behind_an_offset,
    an_empty_partition_completes,
    a_replay_that_is_done_completes_again,
    waits_for_a_time_that_is_to_come,
);

/// `completed` events: partition and how many remain.
struct Completions {
    seen: Arc<Mutex<Vec<(u32, usize)>>>,
    came: Arc<Notify>,
}

impl Completions {
    fn of(consumer: &Consumer) -> Self {
        let (seen, came) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::new()));
        let (events, notify) = (Arc::clone(&seen), Arc::clone(&came));
        consumer.listen(Some(Arc::new(move |event| {
            if let ConsumerEvent::Completed { partition, remaining, .. } = event {
                events.lock().expect("whole").push((*partition, *remaining));
                notify.notify_one();
            }
        })));
        Self { seen, came }
    }

    async fn wait_for(&self, count: usize) -> Vec<(u32, usize)> {
        let all = async {
            while self.seen.lock().expect("whole").len() < count {
                self.came.notified().await;
            }
        };
        clock::timeout(Duration::from_secs(30), all).await.expect("completed");
        self.seen.lock().expect("whole").clone()
    }
}

/// A reader of the whole group until there, its handler and its completions.
async fn replay(
    broker: &csb_core::broker::Broker,
    more: Document,
) -> (Consumer, Arc<RecordingHandler>, Completions) {
    let mut config = doc! { "fromBeginning": true };
    config.extend(more);
    let (reader, handler) = (consumer(broker, config), RecordingHandler::accepting());
    let completions = Completions::of(&reader);
    subscribe(&reader, &handler).await;
    (reader, handler, completions)
}

fn seconds_ago(seconds: i64) -> Bson {
    DateTime::from_millis(DateTime::now().timestamp_millis() - seconds * 1000).into()
}

/// What the group gets from a consumer without an end.
async fn rest(broker: &csb_core::broker::Broker, count: usize) -> Vec<i64> {
    let handler = RecordingHandler::accepting();
    subscribe(&consumer(broker, doc! {}), &handler).await;
    handler.wait_for_handled(count).await.numbers_of(0)
}

async fn ends_within_the_stored_messages(scene: Scene) {
    let broker = scene.broker().await;
    drop(producer(&broker, 1).await);
    store_all(scene.store.as_ref(), (0..50).map(|n| stamped(n, 3000))).await;
    store_all(scene.store.as_ref(), (50..80).map(|n| stamped(n, 1000))).await;
    let (reader, handler, completions) = replay(&broker, doc! { "until": seconds_ago(2000) }).await;
    assert_eq!(completions.wait_for(1).await, [(0, 0)]);
    assert_eq!(handler.recorded().numbers_of(0), (0..50).collect::<Vec<_>>());
    reader.disconnect(true).await;
    assert_eq!(
        rest(&broker, 30).await,
        (50..80).collect::<Vec<_>>(),
        "nothing behind the end is passed over"
    );
    broker.disconnect(true).await;
    scene.end().await;
}

/// It stands before everything else, whatever its age.
async fn what_1_4_2_wrote_later_is_passed_over(scene: Scene) {
    let broker = scene.broker().await;
    drop(producer(&broker, 1).await);
    store_all(scene.store.as_ref(), (0..10).map(|n| written_by_1_4_2(n, 3000))).await;
    store_all(scene.store.as_ref(), (10..20).map(|n| written_by_1_4_2(n, 1000))).await;
    store_all(scene.store.as_ref(), (20..30).map(|n| stamped(n, 3000))).await;
    let (_reader, handler, completions) = replay(&broker, doc! { "until": seconds_ago(2000) }).await;
    completions.wait_for(1).await;
    assert_eq!(handler.recorded().numbers_of(0), (0..10).chain(20..30).collect::<Vec<_>>());
    broker.disconnect(true).await;
    scene.end().await;
}

async fn ends_in_the_stream_behind_an_offset(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let first = consumer(&broker, doc! { "groupId": "first" });
    let seen = RecordingHandler::accepting();
    subscribe(&first, &seen).await;
    send(&numbers, 0..10).await;
    seen.wait_for_handled(10).await;
    first.disconnect(true).await;
    let offset = scene.store.list_offsets("first").await.expect("listed").remove(0).offset;
    send(&numbers, 10..20).await;
    let until = doc! { "until": offset };
    let (reader, handler, completions) = replay(&broker, until).await;
    assert_eq!(completions.wait_for(1).await, [(0, 0)]);
    assert_eq!(handler.recorded().numbers_of(0), (0..10).collect::<Vec<_>>());
    send(&numbers, 20..30).await;
    reader.disconnect(true).await;
    assert_eq!(handler.recorded().handled.len(), 10);
    assert_eq!(rest(&broker, 20).await, (10..30).collect::<Vec<_>>());
    broker.disconnect(true).await;
    scene.end().await;
}

async fn an_empty_partition_completes(scene: Scene) {
    let broker = scene.broker().await;
    drop(producer(&broker, 3).await);
    let (_reader, handler, completions) = replay(&broker, doc! { "until": seconds_ago(10) }).await;
    let mut completed = completions.wait_for(3).await;
    let remaining: Vec<_> = completed.iter().map(|(_, remaining)| *remaining).collect();
    assert_eq!(remaining, [2, 1, 0]);
    completed.sort_unstable();
    assert_eq!(completed.iter().map(|(partition, _)| *partition).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(handler.recorded().handled.is_empty());
    broker.disconnect(true).await;
    scene.end().await;
}

/// All that the consumer is to have count, also those whose turn to begin has not come.
async fn a_replay_that_is_done_completes_again(scene: Scene) {
    let broker = scene.broker().await;
    drop(producer(&broker, 4).await);
    for _ in 0..2 {
        let (reader, _, completions) = replay(&broker, doc! { "until": seconds_ago(10) }).await;
        let completed = completions.wait_for(4).await;
        let remaining: Vec<_> = completed.iter().map(|(_, remaining)| *remaining).collect();
        assert_eq!(remaining, [3, 2, 1, 0]);
        reader.disconnect(true).await;
    }
    broker.disconnect(true).await;
    scene.end().await;
}

async fn waits_for_a_time_that_is_to_come(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let (_reader, handler, completions) = replay(&broker, doc! { "until": seconds_ago(-10) }).await;
    send(&numbers, 0..5).await;
    handler.wait_for_handled(5).await;
    let sending = async {
        // The server's time moves on with what it stores.
        for n in 5.. {
            send(&numbers, [n]).await;
            clock::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        completed = completions.wait_for(1) => assert_eq!(completed, [(0, 0)]),
        () = sending => {}
    }
    let numbers_seen = handler.recorded().numbers_of(0);
    assert!(numbers_seen.len() > 5, "{numbers_seen:?}");
    assert_eq!(numbers_seen, (0..i64::try_from(numbers_seen.len()).expect("few")).collect::<Vec<_>>());
    broker.disconnect(true).await;
    scene.end().await;
}
