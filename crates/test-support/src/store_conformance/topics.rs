//! Topics, retention and what is known about the collections.

use std::sync::Arc;

use bson::Bson;
use csb_core::store::contract::{RetentionStats, Store, Topic};

use super::message::{id_of, message, messages, unstamped};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn topic(partitions: u32, retention_ms: u64) -> Topic {
    Topic { name: "orders".into(), collection: "orders.v2".into(), partitions, retention_ms }
}

/// Everything else becomes what was saved last.
pub async fn partitions_only_grow(store: Arc<dyn Store>) {
    assert_eq!(store.load_topic("orders").await.expect("loads"), None);
    for (saved, expected) in [
        (topic(2, DAY_MS), topic(2, DAY_MS)),
        (topic(4, DAY_MS), topic(4, DAY_MS)),
        (topic(3, 400 * DAY_MS), topic(4, 400 * DAY_MS)),
    ] {
        store.save_topic(&saved).await.expect("saves");
        assert_eq!(store.load_topic("orders").await.expect("loads"), Some(expected));
    }
    assert_eq!(store.load_topic("order").await.expect("loads"), None);
}

/// Also when none of the writers finds the topic.
pub async fn concurrent_changes_never_shrink_a_topic(store: Arc<dyn Store>) {
    let topics = [3, 5, 2, 4].map(|partitions| topic(partitions, DAY_MS));
    let [a, b, c, d] = topics.each_ref().map(|topic| store.save_topic(topic));
    let saved = tokio::join!(a, b, c, d);
    for saved in [saved.0, saved.1, saved.2, saved.3] {
        saved.expect("saves");
    }
    assert_eq!(store.load_topic("orders").await.expect("loads"), Some(topic(5, DAY_MS)));
}

/// In 1.4.2's form. Doing it again changes nothing.
pub async fn the_retention_index_is_created_and_changed(store: Arc<dyn Store>) {
    assert_eq!(store.retention_index("orders_p0").await.expect("reads"), None);
    for (retention_ms, seconds) in [(DAY_MS, 86_400), (DAY_MS, 86_400), (7 * DAY_MS + 999, 604_800)] {
        store.prepare_partition("orders_p0", retention_ms).await.expect("prepares");
        let index = store.retention_index("orders_p0").await.expect("reads").expect("an index");
        assert_eq!((index.name.as_str(), index.expire_after_seconds), ("ttl_orders_p0_timestamp", seconds));
    }
    assert_eq!(store.retention_index("orders_p1").await.expect("reads"), None);
}

/// Of every collection, with or without an index; a sample is one of the stored messages.
pub async fn stats_tell_what_is_stored(store: Arc<dyn Store>) {
    assert!(store.sample_message("orders_p0").await.expect("reads").is_none());
    store.prepare_partition("orders_p0", DAY_MS).await.expect("prepares");
    store.append("orders_p0", &messages("m", 3)).await.expect("appends");
    store
        .append("orders_p1", &[super::message::raw(bson::doc! { "_id": "undated" })])
        .await
        .expect("appends");
    store.append("orders_p2", &[unstamped("dated"), message("other")]).await.expect("appends");

    let all = store.retention_stats().await.expect("reads");
    let of = |name: &str| -> &RetentionStats {
        all.iter().find(|stats| stats.collection == name).expect("is listed")
    };
    assert_eq!(of("orders_p0").index, store.retention_index("orders_p0").await.expect("reads"));
    assert!(of("orders_p0").index.is_some());
    assert_eq!((of("orders_p0").document_count, of("orders_p0").has_timestamp_field), (3, true));
    assert_eq!(of("orders_p1").index, None);
    assert_eq!((of("orders_p1").document_count, of("orders_p1").has_timestamp_field), (1, false));
    assert_eq!((of("orders_p2").document_count, of("orders_p2").has_timestamp_field), (2, true));

    let sample = store.sample_message("orders_p1").await.expect("reads").expect("a message");
    assert_eq!(id_of(&sample), Bson::from("undated"));
}
