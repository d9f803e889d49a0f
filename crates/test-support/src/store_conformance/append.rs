//! Inserting messages.

use std::sync::Arc;

use bson::{Bson, doc};
use csb_core::error_code::{Effect, ErrorKind};
use csb_core::store::contract::{FeedStart, HistoryRange, PartitionMessages, Store};

use super::event_reader::{EventReader, event_ids};
use super::message::{EARLIEST, LATEST, ids, message, messages, raw, stamp_of};

const EVERYTHING: HistoryRange = HistoryRange::Stamped { after: EARLIEST, until: LATEST };

/// The order of the calls and within each call is the order of the stamps; no two are equal.
pub async fn stores_messages_in_order_under_growing_stamps(store: Arc<dyn Store>) {
    let before = store.cluster_time().await.expect("a time");
    for prefix in ["a", "b"] {
        assert!(store.append("c", &messages(prefix, 10)).await.expect("appends").is_empty());
    }
    let after = store.cluster_time().await.expect("a time");

    let stored = store.read_history("c", EVERYTHING, None, 100).await.expect("reads");
    let expected: Vec<_> = ["a", "b"].iter().flat_map(|prefix| ids(&messages(prefix, 10))).collect();
    assert_eq!(ids(&stored), expected);
    let stamps: Vec<_> = stored.iter().map(|document| stamp_of(document)).collect();
    assert!(stamps.is_sorted_by(|a, b| a < b), "{stamps:?}");
    assert!(before < stamps[0] && stamps[19] <= after, "{before:?} {stamps:?} {after:?}");
    let nested = stored[0].get_document("nested").expect("as it was sent");
    assert_eq!(stamp_of(nested), EARLIEST, "only the top level is stamped");
}

/// No failure, no second copy, no event; the first content stays, and new messages around it are stored.
pub async fn a_known_id_counts_as_stored(store: Arc<dyn Store>) {
    let mut reader = EventReader::open(&*store, &["c"], FeedStart::Now).await;
    store.append("c", &[message("a"), message("b")]).await.expect("appends");
    let again = raw(doc! { "_id": "b", "other": "content" });
    let second = [again, message("d"), message("d"), message("e")];
    let failures = store.append("c", &second).await.expect("appends");
    assert!(failures.is_empty(), "{failures:?}");

    let expected = ["a", "b", "d", "e"].map(Bson::from);
    let stored = store.read_history("c", EVERYTHING, None, 100).await.expect("reads");
    assert_eq!(ids(&stored), expected);
    assert_eq!(event_ids(&reader.next_events(4).await), expected);
    reader.close().await;
}

/// What the server refuses is named by its index and was not stored; those before and behind it are.
pub async fn a_refused_message_leaves_the_others(store: Arc<dyn Store>) {
    let refused = raw(doc! { "_id": ["an", "array"] });
    let failures = store.append("c", &[message("a"), refused, message("b")]).await.expect("appends");
    assert_eq!(failures.iter().map(|failure| failure.index).collect::<Vec<_>>(), [1]);
    assert_eq!(failures[0].error.kind(), ErrorKind::Invalid);
    assert_eq!(failures[0].error.effect(), Effect::None);
    let stored = store.read_history("c", EVERYTHING, None, 100).await.expect("reads");
    assert_eq!(ids(&stored), ["a", "b"].map(Bson::from));
}

/// Those that are stored already are left out, also if all of them may be.
pub async fn messages_of_several_collections_are_stored_together(store: Arc<dyn Store>) {
    let part = |collection: &str, ids: &[&str]| PartitionMessages {
        collection: collection.to_owned(),
        documents: ids.iter().map(|id| message(*id)).collect(),
    };
    let stored = async |collection: &str| {
        ids(&store.read_history(collection, EVERYTHING, None, 100).await.expect("reads"))
    };
    store.append("c", &[message("a")]).await.expect("appends");
    let together = [part("c", &["a", "b"]), part("d", &["a", "c"])];
    store.append_together(&together, false).await.expect("appends together");
    store.append_together(&together, true).await.expect("appends nothing");
    assert_eq!(stored("c").await, ["a", "b"].map(Bson::from));
    assert_eq!(stored("d").await, ["a", "c"].map(Bson::from));
}
