//! Members of 1.4.2 in the same group, which store offsets without asking who owns the partition.

use bson::{Document, doc};
use csb_core::consumer::Consumer;
use csb_core::observe::consumer_event::ConsumerEvent;
use csb_core::runtime::clock;
use csb_test_support::recording_handler::RecordingHandler;
use std::time::Duration;

use crate::handler_failures::events_of;
use crate::scene::{GROUP, Scene, TOPIC, consumer, producer, send, subscribe};

/// Far behind everything that is sent here.
const LATER: &str = "827FFFFFFF000000012B0229296E04";

/// What 1.4.2 does when it commits.
async fn commit_as_legacy(scene: &Scene, token: &str) {
    let offsets = scene.mongo_database().collection::<Document>("consumer_offsets");
    let filter = doc! { "groupId": GROUP, "topic": TOPIC, "partition": 0 };
    let set = doc! { "offset": { "_data": token }, "timestamp": bson::DateTime::now() };
    let written = offsets.update_one(filter, doc! { "$set": set }).await.expect("written");
    assert_eq!(written.matched_count, 1);
}

async fn stored_offset(scene: &Scene) -> Option<String> {
    let offsets = scene.mongo_database().collection::<Document>("consumer_offsets");
    let found = offsets.find_one(doc! { "groupId": GROUP, "topic": TOPIC, "partition": 0 }).await;
    let found = found.expect("readable").expect("claimed");
    found.get_document("offset").ok()?.get_str("_data").ok().map(str::to_owned)
}

/// A handler is recorded a moment before it has returned, and only what has returned is committed.
async fn commits_another_offset(reader: &Consumer, scene: &Scene, before: Option<&str>) -> String {
    let is_stored = async {
        loop {
            reader.commit_offsets().await.expect("committed");
            if let Some(stored) = stored_offset(scene).await.filter(|stored| Some(stored.as_str()) != before)
            {
                return stored;
            }
        }
    };
    clock::timeout(Duration::from_mins(1), is_stored).await.expect("it commits")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_they_store_is_told_and_not_taken_back() {
    let scene = Scene::on_replica_set().await;
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let (reader, handler) = (consumer(&broker, doc! {}), RecordingHandler::accepting());
    subscribe(&reader, &handler).await;
    send(&numbers, 0..3).await;
    handler.wait_for_handled(3).await;
    let earlier = commits_another_offset(&reader, &scene, None).await;

    // Ours goes on from where it was, and leaves the later one alone.
    commit_as_legacy(&scene, LATER).await;
    send(&numbers, 3..6).await;
    handler.wait_for_handled(6).await;
    reader.commit_offsets().await.expect("committed");
    assert_eq!(stored_offset(&scene).await.as_deref(), Some(LATER));
    reader.disconnect(true).await;

    // Once it is ours alone again, what was stored earlier does not hold it back.
    commit_as_legacy(&scene, &earlier).await;
    let (reader, handler) = (consumer(&broker, doc! {}), RecordingHandler::accepting());
    let events = events_of(&reader);
    subscribe(&reader, &handler).await;
    send(&numbers, 6..9).await;
    assert_eq!(handler.wait_for_handled(3).await.numbers_of(0), [6, 7, 8]);
    commits_another_offset(&reader, &scene, Some(&earlier)).await;
    // Also what was finished since.
    reader.disconnect(true).await;
    let stored = stored_offset(&scene).await.expect("committed");
    assert!(stored > earlier && stored.as_str() < LATER, "{stored}");
    assert!(told(&events.lock().expect("whole")).is_empty());

    // Behind every event of its time.
    commit_as_legacy(&scene, &format!("{}FF", &stored[..18])).await;
    let reader = consumer(&broker, doc! {});
    let events = events_of(&reader);
    subscribe(&reader, &RecordingHandler::accepting()).await;
    let is_told = async {
        while told(&events.lock().expect("whole")) != [0] {
            clock::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(clock::timeout(Duration::from_mins(1), is_told).await.is_some(), "nothing was said");
    broker.disconnect(true).await;
    scene.end().await;
}

fn told(events: &[ConsumerEvent]) -> Vec<u32> {
    let told = events.iter().filter_map(|event| match event {
        ConsumerEvent::UnfencedWriter { partition } => Some(*partition),
        _ => None,
    });
    told.collect()
}
