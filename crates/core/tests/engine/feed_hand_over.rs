//! Members of the shared feed that come and go between two looks of its actor, and such whose buffers are full.

use std::sync::Arc;
use std::time::Duration;

use bson::{RawDocumentBuf, oid::ObjectId, rawdoc};
use csb_core::feed::partition_buffer::PartitionBuffer;
use csb_core::feed::stream_token::StreamToken;
use csb_core::feed::{Feed, FeedSettings, JoinRequest};
use csb_core::observe::log::Logger;
use csb_core::runtime::clock;
use csb_core::runtime::task_group::TaskGroup;

use crate::on_both_stores;
use crate::scene::Scene;

const MESSAGES: usize = 10;

on_both_stores!(
    a_member_that_starts_earlier_gets_what_the_last_one_has_had,
    a_member_with_a_small_buffer_stays_while_it_makes_room,
    a_member_that_makes_no_room_is_left_behind,
    a_member_may_leave_while_the_feed_waits_for_it,
    whoever_drops_what_it_joined_has_left,
);

fn message(n: usize) -> RawDocumentBuf {
    rawdoc! { "_id": ObjectId::new(), "n": i32::try_from(n).expect("small") }
}

fn request(after: &StreamToken, buffer: &Arc<PartitionBuffer>) -> JoinRequest {
    JoinRequest { collection: "t_p0".into(), after: after.clone(), buffer: Arc::clone(buffer) }
}

async fn take_all(buffer: &PartitionBuffer) {
    let mut taken = 0;
    while taken < MESSAGES {
        let messages = clock::timeout(Duration::from_secs(20), buffer.take(MESSAGES, usize::MAX)).await;
        taken += messages.expect("the feed gives").len();
    }
}

async fn a_member_that_starts_earlier_gets_what_the_last_one_has_had(scene: Scene) {
    let tasks = TaskGroup::new(Logger::silent());
    let settings = FeedSettings { batch_size: 100, max_await: Duration::from_millis(100) };
    let feed = Feed::start(Arc::clone(&scene.store), settings, &tasks, Logger::silent());
    let beginning = StreamToken::after(scene.store.cluster_time().await.expect("a time"));
    let messages: Vec<_> = (0..MESSAGES).map(message).collect();
    scene.store.append("t_p0", &messages).await.expect("stored");

    let first = PartitionBuffer::new(1 << 20);
    let joined = feed.join(vec![request(&beginning, &first)]).await.expect("joined");
    take_all(&first).await;

    // Both before the actor looks again: it never sees the feed without members.
    let second = PartitionBuffer::new(1 << 20);
    drop(joined);
    let joined = feed.join(vec![request(&beginning, &second)]).await.expect("joined");
    assert_eq!(joined[0].from, beginning);
    take_all(&second).await;

    feed.close();
    assert!(tasks.wait_until_idle(Duration::from_secs(20)).await);
    scene.end().await;
}

/// So many are taken at a time from a buffer that holds one message.
async fn take_one(buffer: &PartitionBuffer) -> i32 {
    let taken =
        clock::timeout(Duration::from_secs(20), buffer.take(1, usize::MAX)).await.expect("the feed gives");
    taken.first().and_then(|message| message.document.get_i32("n").ok()).expect("one of ours")
}

async fn started_feed(scene: &Scene, tasks: &TaskGroup) -> (Feed, StreamToken) {
    let settings = FeedSettings { batch_size: 100, max_await: Duration::from_millis(100) };
    let feed = Feed::start(Arc::clone(&scene.store), settings, tasks, Logger::silent());
    let beginning = StreamToken::after(scene.store.cluster_time().await.expect("a time"));
    let messages: Vec<_> = (0..MESSAGES).map(message).collect();
    scene.store.append("t_p0", &messages).await.expect("stored");
    (feed, beginning)
}

async fn close(feed: Feed, tasks: TaskGroup, scene: Scene) {
    feed.close();
    assert!(tasks.wait_until_idle(Duration::from_secs(20)).await);
    scene.end().await;
}

async fn a_member_with_a_small_buffer_stays_while_it_makes_room(scene: Scene) {
    let tasks = TaskGroup::new(Logger::silent());
    let (feed, beginning) = started_feed(&scene, &tasks).await;
    let small = PartitionBuffer::new(1);
    let _joined = feed.join(vec![request(&beginning, &small)]).await.expect("joined");
    for n in 0..MESSAGES {
        assert_eq!(usize::try_from(take_one(&small).await), Ok(n));
    }
    assert!(small.is_live_and_empty(), "nobody else has given to it");
    close(feed, tasks, scene).await;
}

async fn a_member_that_makes_no_room_is_left_behind(scene: Scene) {
    let tasks = TaskGroup::new(Logger::silent());
    let (feed, beginning) = started_feed(&scene, &tasks).await;
    let (full, other) = (PartitionBuffer::new(1), PartitionBuffer::new(1 << 20));
    let requests = vec![request(&beginning, &full), request(&beginning, &other)];
    let _joined = feed.join(requests).await.expect("joined");
    take_all(&other).await;
    clock::timeout(Duration::from_secs(20), full.wait_until_detached()).await.expect("left behind");
    assert_eq!(take_one(&full).await, 0);
    assert!(full.is_empty());
    close(feed, tasks, scene).await;
}

async fn a_member_may_leave_while_the_feed_waits_for_it(scene: Scene) {
    let tasks = TaskGroup::new(Logger::silent());
    let (feed, beginning) = started_feed(&scene, &tasks).await;
    let (full, next) = (PartitionBuffer::new(1), PartitionBuffer::new(1 << 20));
    let joined = feed.join(vec![request(&beginning, &full)]).await.expect("joined");
    // Then the next one comes in, and the one behind it has no room.
    assert_eq!(take_one(&full).await, 0);
    drop(joined);
    let _joined = feed.join(vec![request(&beginning, &next)]).await.expect("joined");
    take_all(&next).await;
    close(feed, tasks, scene).await;
}

/// As when a subscription ends before its partitions have begun to read.
async fn whoever_drops_what_it_joined_has_left(scene: Scene) {
    let tasks = TaskGroup::new(Logger::silent());
    let (feed, beginning) = started_feed(&scene, &tasks).await;
    let buffer = PartitionBuffer::new(1 << 20);
    let joined = feed.join(vec![request(&beginning, &buffer)]).await.expect("joined");
    drop(joined);
    let left = clock::timeout(Duration::from_secs(20), buffer.wait_until_detached()).await;
    assert!(left.is_some(), "the feed still fills its buffer");
    close(feed, tasks, scene).await;
}
