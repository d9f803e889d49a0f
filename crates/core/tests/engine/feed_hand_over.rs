//! Members of the shared feed that come and go between two looks of its actor.

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

on_both_stores!(a_member_that_starts_earlier_gets_what_the_last_one_has_had);

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
    feed.leave(joined[0].id);
    let joined = feed.join(vec![request(&beginning, &second)]).await.expect("joined");
    assert_eq!(joined[0].from, beginning);
    take_all(&second).await;

    feed.close();
    assert!(tasks.wait_until_idle(Duration::from_secs(20)).await);
    scene.end().await;
}
