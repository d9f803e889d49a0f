//! Reading what is stored.

use std::sync::Arc;

use bson::oid::ObjectId;
use bson::{Bson, Timestamp, doc};
use csb_core::store::contract::{HistoryRange, LARGEST_PAGE_BYTES, Store};

use super::message::{EARLIEST, LATEST, id_of, ids, message, messages, raw, stamp_of, unstamped};

async fn read(store: &dyn Store, range: HistoryRange, limit: u32) -> Vec<Bson> {
    ids(&store.read_history("c", range, None, limit).await.expect("reads"))
}

/// The lower bound is exclusive, the upper one inclusive; messages of 1.4.2 are left out.
pub async fn stamped_messages_come_in_order_within_bounds(store: Arc<dyn Store>) {
    let sent = messages("m", 10);
    store.append("c", &sent).await.expect("appends");
    store.append("c", &[unstamped("legacy")]).await.expect("appends");
    let all = HistoryRange::Stamped { after: EARLIEST, until: LATEST };
    let stored = store.read_history("c", all.clone(), None, 100).await.expect("reads");
    assert_eq!(ids(&stored), ids(&sent));

    let between = |after: usize, until: usize| HistoryRange::Stamped {
        after: stamp_of(&stored[after]),
        until: stamp_of(&stored[until]),
    };
    assert_eq!(read(&*store, between(2, 7), 100).await, ids(&sent[3..=7]));
    assert_eq!(read(&*store, between(2, 7), 2).await, ids(&sent[3..=4]));
    assert_eq!(read(&*store, between(7, 7), 100).await, []);
    assert_eq!(read(&*store, between(7, 2), 100).await, []);
    assert_eq!(read(&*store, all, 3).await, ids(&sent[..3]));
}

/// As many as would be read, and no more than asked for.
pub async fn messages_are_counted_as_they_are_read(store: Arc<dyn Store>) {
    store.append("c", &messages("m", 10)).await.expect("appends");
    store.append("c", &[unstamped("legacy")]).await.expect("appends");
    let all = HistoryRange::Stamped { after: EARLIEST, until: LATEST };
    let stored = store.read_history("c", all.clone(), None, 100).await.expect("reads");
    let behind = HistoryRange::Stamped { after: stamp_of(&stored[6]), until: LATEST };
    let legacy = HistoryRange::Unstamped { after: None, since: None };
    for (range, most, expected) in
        [(&all, 100, 10), (&all, 4, 4), (&all, 0, 0), (&behind, 100, 3), (&legacy, 100, 1)]
    {
        let counted = store.count_history("c", range.clone(), most).await.expect("counts");
        assert_eq!(counted, expected, "{range:?}");
    }
    assert_eq!(store.count_history("unknown", all, 100).await.expect("counts"), 0);
}

/// Messages of ours are left out.
pub async fn unstamped_messages_come_in_the_order_of_their_ids(store: Arc<dyn Store>) {
    store
        .append("c", &[unstamped("c"), unstamped("a"), message("ours"), unstamped("b")])
        .await
        .expect("appends");
    let after = |id: &str| HistoryRange::Unstamped { after: Some(id.into()), since: None };
    assert_eq!(
        read(&*store, HistoryRange::Unstamped { after: None, since: None }, 100).await,
        ["a", "b", "c"].map(Bson::from)
    );
    assert_eq!(
        read(&*store, HistoryRange::Unstamped { after: None, since: None }, 2).await,
        ["a", "b"].map(Bson::from)
    );
    assert_eq!(read(&*store, after("a"), 100).await, ["b", "c"].map(Bson::from));
    assert_eq!(read(&*store, after("aa"), 100).await, ["b", "c"].map(Bson::from));
    assert_eq!(read(&*store, after("c"), 100).await, []);
}

/// A payload may have brought an `_id` of any type; the server's order of types carries the reader over.
pub async fn ids_of_every_type_are_paged_through(store: Arc<dyn Store>) {
    let expected = [
        Bson::Int32(5),
        Bson::Double(5.5),
        Bson::from("text"),
        Bson::from(doc! { "a": "document" }),
        Bson::from(ObjectId::new()),
        Bson::from(ObjectId::new()),
        Bson::Boolean(true),
        Bson::from(bson::DateTime::now()),
    ];
    let shuffled: Vec<_> = expected.iter().rev().cloned().map(unstamped).collect();
    store.append("c", &shuffled).await.expect("appends");
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let range = HistoryRange::Unstamped { after: after.clone(), since: None };
        let page = store.read_history("c", range, None, 3).await.expect("reads");
        let Some(last) = page.last() else { break };
        after = Some(id_of(last));
        found.extend(ids(&page));
        assert!(found.len() <= expected.len(), "{found:?}");
    }
    assert_eq!(found, expected);
}

/// 1.4.2 stores a payload's fields at top level, `_ts` among them: such a message is still found, exactly once.
pub async fn a_foreign_field_named_like_the_stamp_hides_nothing(store: Arc<dyn Store>) {
    let foreign = |id: &str, stamp: Bson| raw(doc! { "_id": id, "_ts": stamp });
    let sent = [
        foreign("a", Bson::Null),
        foreign("b", 5.into()),
        foreign("c", "text".into()),
        foreign("d", bson::DateTime::now().into()),
        foreign("e", Bson::MaxKey),
        message("ours"),
    ];
    store.append("c", &sent).await.expect("appends");
    let unstamped = read(&*store, HistoryRange::Unstamped { after: None, since: None }, 100).await;
    assert_eq!(unstamped, ids(&sent[..5]));
    let stamped = read(&*store, HistoryRange::Stamped { after: EARLIEST, until: LATEST }, 100).await;
    assert_eq!(stamped, ids(&sent[5..]));
}

/// Ids of other types say nothing about their age; `since` does not leave them out. An old id may have come with the
/// payload; the date tells.
pub async fn unstamped_messages_can_be_read_since_an_id(store: Arc<dyn Store>) {
    let id = |seconds| ObjectId::from_parts(seconds, [7; 5], [7; 3]);
    let made_at = |id: Bson, seconds: i64| {
        let date = bson::DateTime::from_millis(seconds * 1000);
        raw(doc! { "_id": id, "_timestamp": date })
    };
    let sent = [
        made_at(7.into(), 100),
        made_at("text".into(), 100),
        made_at(id(100).into(), 199),
        made_at(id(110).into(), 200),
        raw(doc! { "_id": id(120) }),
        made_at(id(200).into(), 100),
        made_at(true.into(), 100),
    ];
    store.append("c", &sent).await.expect("appends");
    let read_since = |after: Option<Bson>| {
        let since = Some(ObjectId::from_parts(200, [0; 5], [0; 3]));
        let store = Arc::clone(&store);
        async move { read(&*store, HistoryRange::Unstamped { after, since }, 100).await }
    };
    let expected = ids(sent[..2].iter().chain(&sent[3..]));
    assert_eq!(read_since(None).await, expected);
    assert_eq!(read_since(Some(id(110).into())).await, expected[3..]);
    assert_eq!(read_since(Some(7.into())).await, expected[1..]);
}

/// Whatever is stored later is left out, of both kinds.
pub async fn a_snapshot_shows_what_was_there_at_its_time(store: Arc<dyn Store>) {
    let before = messages("before", 5);
    store.append("c", &before).await.expect("appends");
    store.append("c", &[unstamped("b")]).await.expect("appends");
    let time = store.cluster_time().await.expect("a time");
    store.append("c", &messages("later", 5)).await.expect("appends");
    store.append("c", &[unstamped("a"), unstamped("c")]).await.expect("appends");

    let read_as_of = |range: HistoryRange, limit| {
        let store = Arc::clone(&store);
        async move { ids(&store.read_history("c", range, Some(time), limit).await.expect("reads")) }
    };
    let all = HistoryRange::Stamped { after: EARLIEST, until: LATEST };
    assert_eq!(read_as_of(all.clone(), 100).await, ids(&before));
    assert_eq!(read_as_of(all.clone(), 2).await, ids(&before[..2]));
    let legacy = HistoryRange::Unstamped { after: None, since: None };
    assert_eq!(read_as_of(legacy, 100).await, [Bson::from("b")]);
    assert_eq!(read(&*store, all, 100).await.len(), 10);
}

/// A page of large messages ends early, and the next one goes on behind it.
pub async fn a_page_is_bounded_in_bytes(store: Arc<dyn Store>) {
    let large = |id: &str| {
        let text = "x".repeat(LARGEST_PAGE_BYTES / 2);
        raw(doc! { "_id": id, "_ts": Timestamp { time: 0, increment: 0 }, "text": text })
    };
    for id in ["a", "b", "c", "d"] {
        store.append("c", &[large(id)]).await.expect("appends");
    }
    let (mut found, mut after, mut pages) = (Vec::new(), EARLIEST, 0);
    loop {
        let range = HistoryRange::Stamped { after, until: LATEST };
        let page = store.read_history("c", range, None, 100).await.expect("reads");
        let Some(last) = page.last() else { break };
        after = stamp_of(last);
        pages += 1;
        found.extend(ids(&page));
    }
    assert_eq!(found, ["a", "b", "c", "d"].map(Bson::from));
    assert_eq!(pages, 2);
    let range = HistoryRange::Stamped { after: EARLIEST, until: LATEST };
    assert_eq!(store.count_history("c", range, 100).await.expect("counts"), 4);
}

/// Nothing was ever stored there.
pub async fn an_unknown_collection_is_empty(store: Arc<dyn Store>) {
    assert_eq!(read(&*store, HistoryRange::Unstamped { after: None, since: None }, 1).await, []);
    assert_eq!(read(&*store, HistoryRange::Stamped { after: EARLIEST, until: LATEST }, 1).await, []);
}
