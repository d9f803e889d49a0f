use std::time::Duration;

use bson::{DateTime, rawdoc};

use super::*;
use crate::error_code::ErrorCode;
use crate::store::contract::FeedStart;

fn feed_of(collection: &str, max_await: Duration) -> FeedRequest {
    FeedRequest { collections: vec![collection.into()], start: FeedStart::Now, batch_size: 10, max_await }
}

#[tokio::test]
async fn handles_of_one_database_share_and_others_do_not() {
    let (a, b) = (MemoryStore::open("sharing", "x"), MemoryStore::open("sharing", "x"));
    let stranger = MemoryStore::open("sharing", "y");
    let mut feed = b.open_feed(feed_of("c", Duration::from_mins(1))).await.expect("opens");
    a.append("c", &[rawdoc! { "_id": "m" }]).await.expect("appends");
    assert_eq!(feed.next_batch().await.expect("reads").events.len(), 1);
    assert!(stranger.sample_message("c").await.expect("reads").is_none());
}

#[tokio::test]
async fn closing_one_handle_ends_its_feeds_and_leaves_the_others() {
    let (a, b) = (MemoryStore::open("closing", "x"), MemoryStore::open("closing", "x"));
    a.append("c", &[rawdoc! { "_id": "m" }]).await.expect("appends");
    let mut feed = a.open_feed(feed_of("c", Duration::from_mins(1))).await.expect("opens");
    let (batch, ()) = tokio::join!(feed.next_batch(), a.close());
    assert_eq!(batch.expect_err("is closed").code(), ErrorCode::Closed);
    assert_eq!(a.connect().await.expect_err("is closed").code(), ErrorCode::Closed);
    assert!(b.sample_message("c").await.expect("reads").is_some());
}

#[tokio::test]
async fn the_data_ends_with_the_last_open_handle() {
    let (a, b) = (MemoryStore::open("ending", "x"), MemoryStore::open("ending", "x"));
    a.append("c", &[rawdoc! { "_id": "m" }]).await.expect("appends");
    a.close().await;
    b.close().await;
    let reopened = MemoryStore::open("ending", "x");
    assert!(reopened.sample_message("c").await.expect("reads").is_none());
}

#[tokio::test]
async fn messages_expire_by_their_timestamp() {
    let store = MemoryStore::open("expiry", "x");
    let hour_ago = DateTime::from_millis(clock::unix_millis() - 3_600_000);
    store.prepare_partition("c", 7_200_000).await.expect("prepares");
    store.append("c", &[rawdoc! { "_id": "m", "_timestamp": hour_ago }]).await.expect("appends");
    assert!(store.sample_message("c").await.expect("reads").is_some());
    store.prepare_partition("c", 1_800_000).await.expect("prepares");
    assert!(store.sample_message("c").await.expect("reads").is_none());
    assert_eq!(store.retention_stats().await.expect("reads")[0].document_count, 0);
}
