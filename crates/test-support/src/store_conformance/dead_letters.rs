//! What a group gave up on: stored whole, listed page by page, found by filters, removed.

use std::sync::Arc;

use bson::oid::ObjectId;
use bson::{Bson, DateTime, Document, RawDocumentBuf, Timestamp, doc, rawdoc};
use csb_core::dead_letter::{
    DeadLetter, FailedAttempt, HandlerError, LetterFilter, LetterId, LetterOrder, LetterPage, LetterQuery,
    LetterScope, StoredLetter,
};
use csb_core::feed::stream_token::{ClusterTime, StreamToken};
use csb_core::store::contract::{Claim, CommitOutcome, OffsetKey, Store};

use super::message::raw;
use super::offsets::{EARLY, after};

pub(super) const GROUP: &str = "billing";

pub(super) fn key(topic: &str, partition: u32) -> OffsetKey {
    OffsetKey { group_id: GROUP.into(), topic: topic.into(), partition }
}

pub(super) fn attempt(name: &str) -> FailedAttempt {
    let error = HandlerError { name: name.into(), message: "no".into(), stack: None };
    FailedAttempt { error, at: DateTime::from_millis(7) }
}

/// The place of the message with this number in its partition.
pub(super) fn token(n: u32) -> StreamToken {
    StreamToken::after(ClusterTime { seconds: 1000, increment: n })
}

/// A letter about message `n`, which was given up at second `n`.
pub(super) fn letter(topic: &str, partition: u32, n: u32) -> DeadLetter {
    DeadLetter {
        key: key(topic, partition),
        message: raw(doc! { "_id": format!("m{n}"), "n": n, "_key": format!("k{}", n % 2), "_headers": {} }),
        token: Some(token(n)),
        attempts: vec![attempt("Error"), attempt("TypeError")],
        forgotten: 0,
        at: DateTime::from_millis(i64::from(n) * 1000),
        retention_ms: None,
    }
}

pub(super) async fn own(store: &dyn Store, key: &OffsetKey, owner: &str) -> Claim {
    let offset = store.claim_offset(key, owner).await.expect("claims");
    Claim::of(&offset).expect("an owner")
}

pub(super) async fn bury(store: &dyn Store, letter: DeadLetter) -> LetterId {
    let claim = own(store, &letter.key, "burier").await;
    let outcome = store.commit_dead_letter(&claim, &after(EARLY).into(), &letter).await.expect("buries");
    assert_eq!(outcome, CommitOutcome::Committed);
    StoredLetter::buried(letter).id
}

pub(super) fn filter(conditions: &Document) -> LetterFilter {
    let scope = LetterScope { group_id: GROUP.into(), topic: None };
    LetterFilter::from_document(conditions, &scope).expect("valid")
}

async fn list(store: &dyn Store, query: Document) -> LetterPage {
    let scope = LetterScope { group_id: GROUP.into(), topic: None };
    store.list_letters(&LetterQuery::from_document(&query, &scope).expect("valid")).await.expect("lists")
}

pub(super) async fn all(store: &dyn Store) -> Vec<StoredLetter> {
    list(store, doc! { "order": "oldest" }).await.letters
}

fn ids(letters: &[StoredLetter]) -> Vec<String> {
    letters.iter().map(|letter| letter.id.message_id_text()).collect()
}

/// The document with bytes that are no UTF-8 in place of `@@`, as other writers store them.
fn without_text(document: RawDocumentBuf) -> RawDocumentBuf {
    let mut bytes = document.into_bytes();
    let at = bytes.windows(2).position(|pair| pair == b"@@").expect("a mark");
    bytes[at..at + 2].fill(0xff);
    RawDocumentBuf::from_bytes(bytes).expect("a document")
}

/// Also an id that is no text, a payload that is no text, and attempts that nobody remembers.
pub async fn a_letter_comes_back_as_it_was(store: Arc<dyn Store>) {
    let letters = [
        DeadLetter { forgotten: 3, ..letter("orders", 0, 1) },
        DeadLetter {
            message: without_text(rawdoc! { "_id": 5, "nested": { "text": "@@" } }),
            token: None,
            attempts: Vec::new(),
            retention_ms: Some(3_600_000),
            at: DateTime::now(),
            ..letter("orders", 0, 2)
        },
    ];
    for letter in letters {
        let expected = StoredLetter::buried(letter.clone());
        bury(&*store, letter).await;
        let found = all(&*store).await.into_iter().find(|found| found.id == expected.id);
        assert_eq!(found, Some(expected));
    }
}

/// There it stays until its retention ends.
pub async fn a_message_too_large_for_its_letter_stays_in_its_partition(store: Arc<dyn Store>) {
    let id = ObjectId::new();
    let large = rawdoc! { "_id": id, "text": "x".repeat((15 << 20) + 1), "_timestamp": DateTime::now() };
    store.append("orders_p0", std::slice::from_ref(&large)).await.expect("appends");
    bury(&*store, DeadLetter { message: large.clone(), ..letter("orders", 0, 1) }).await;
    let stored = all(&*store).await.remove(0);
    assert_eq!((&stored.message, &stored.id.message_id), (&None, &Bson::ObjectId(id)));
    let found =
        store.load_message("orders_p0", &stored.id.message_id).await.expect("reads").expect("a message");
    assert_eq!(found.get_str("text").map(str::len).ok(), Some((15 << 20) + 1));
    for (collection, id) in [("orders_p1", Bson::ObjectId(id)), ("orders_p0", "other".into())] {
        assert_eq!(store.load_message(collection, &id).await.expect("reads"), None);
    }
}

/// A message that is given up twice, as after a replay, has one letter.
pub async fn a_letter_replaces_the_one_before(store: Arc<dyn Store>) {
    bury(&*store, letter("orders", 0, 1)).await;
    let again = DeadLetter { attempts: vec![attempt("RangeError")], ..letter("orders", 0, 1) };
    bury(&*store, again.clone()).await;
    assert_eq!(all(&*store).await, [StoredLetter::buried(again)]);
}

/// In that of the topic, whenever they were given up; those without a place first. No page misses or repeats one.
pub async fn letters_are_listed_in_the_order_of_their_messages(store: Arc<dyn Store>) {
    let stamp = Timestamp { time: 999, increment: 1 };
    let old =
        |id: &str| DeadLetter { message: raw(doc! { "_id": id }), token: None, ..letter("orders", 1, 0) };
    let stamped = DeadLetter {
        message: raw(doc! { "_id": "stamped", "_ts": stamp }),
        token: None,
        ..letter("orders", 0, 9)
    };
    let letters = [
        letter("orders", 0, 3),
        stamped,
        letter("refunds", 0, 2),
        old("old-b"),
        letter("orders", 1, 1),
        old("old-a"),
        letter("orders", 1, 2),
    ];
    for letter in letters {
        bury(&*store, letter).await;
    }
    bury(
        &*store,
        DeadLetter {
            key: OffsetKey { group_id: "other".into(), ..key("orders", 0) },
            ..letter("orders", 0, 1)
        },
    )
    .await;

    let in_order = ["old-a", "old-b", "stamped", "m1", "m2", "m2", "m3"];
    let by_topic = all(&*store).await;
    assert_eq!(ids(&by_topic), in_order);
    assert_eq!((by_topic[4].id.key.topic.as_str(), by_topic[5].id.key.topic.as_str()), ("orders", "refunds"));
    for (order, expected) in
        [(LetterOrder::Oldest, by_topic.clone()), (LetterOrder::Newest, by_topic.into_iter().rev().collect())]
    {
        for limit in 1..=8 {
            assert_eq!(read_in_pages(&*store, order, limit).await, expected, "{order:?} by {limit}");
        }
    }
}

async fn read_in_pages(store: &dyn Store, order: LetterOrder, limit: u32) -> Vec<StoredLetter> {
    let filter = filter(&doc! {});
    let mut query = LetterQuery { filter, order, limit, after: None };
    let mut read = Vec::new();
    loop {
        let page = store.list_letters(&query).await.expect("lists");
        assert!(page.letters.len() <= limit as usize);
        query.after = page.next();
        read.extend(page.letters);
        if query.after.is_none() {
            assert!(page.is_last);
            return read;
        }
        assert!(!page.is_last);
    }
}

/// So that what a page takes is bounded whatever the messages.
pub async fn a_page_ends_after_many_bytes(store: Arc<dyn Store>) {
    for n in 1..=4 {
        let message = rawdoc! { "_id": i64::from(n), "text": "x".repeat(7 << 20) };
        bury(&*store, DeadLetter { message, ..letter("orders", 0, n) }).await;
    }
    let page = list(&*store, doc! { "order": "oldest" }).await;
    assert_eq!((ids(&page.letters), page.is_last), (vec!["1".into(), "2".into(), "3".into()], false));
    let after = page.next().expect("there is more").to_text();
    let page = list(&*store, doc! { "order": "oldest", "after": after }).await;
    assert_eq!((ids(&page.letters), page.is_last), (vec!["4".into()], true));
}

/// For lists and counts alike.
pub async fn a_filter_finds_what_fulfils_every_condition(store: Arc<dyn Store>) {
    let id = ObjectId::new();
    let third = DeadLetter {
        attempts: vec![attempt("TypeError"), attempt("$eq")],
        message: raw(doc! { "_id": id, "_key": "k1" }),
        ..letter("orders", 1, 3)
    };
    let fourth =
        DeadLetter { message: raw(doc! { "_id": 42_i64 }), attempts: Vec::new(), ..letter("refunds", 0, 4) };
    for letter in [letter("orders", 0, 1), letter("orders", 0, 2), third, fourth] {
        bury(&*store, letter).await;
    }
    let second = |n: i64| DateTime::from_millis(n * 1000);
    let (one, two, three, four) = ("m1".to_owned(), "m2".to_owned(), id.to_hex(), "42".to_owned());
    let table = [
        (doc! {}, vec![&one, &two, &three, &four]),
        (doc! { "topic": "orders" }, vec![&one, &two, &three]),
        (doc! { "partition": 0 }, vec![&one, &two, &four]),
        (doc! { "topic": "orders", "partition": 0, "key": "k1" }, vec![&one]),
        (doc! { "key": "k1" }, vec![&one, &three]),
        (doc! { "key": "k9" }, vec![]),
        (doc! { "messageId": &two }, vec![&two]),
        (doc! { "messageId": [&three, &four, "none"] }, vec![&three, &four]),
        (doc! { "errorName": "TypeError" }, vec![&one, &two]),
        (doc! { "errorName": "$eq" }, vec![&three]),
        (doc! { "errorName": "Error" }, vec![]),
        (doc! { "since": second(2) }, vec![&two, &three, &four]),
        (doc! { "until": second(2) }, vec![&one]),
        (doc! { "since": second(2), "until": second(4) }, vec![&two, &three]),
        (doc! { "redriving": false }, vec![&one, &two, &three, &four]),
        (doc! { "redriving": true }, vec![]),
    ];
    for (conditions, expected) in table {
        let mut query = conditions.clone();
        query.insert("order", "oldest");
        let found = ids(&list(&*store, query).await.letters);
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{conditions}");
        let count = store.count_letters(&filter(&conditions)).await.expect("counts");
        assert_eq!(count, expected.len() as u64, "{conditions}");
    }
}

/// However many they are.
pub async fn a_purge_removes_what_its_filter_finds(store: Arc<dyn Store>) {
    for n in 1..=4 {
        bury(&*store, letter("orders", n % 2, n)).await;
    }
    let other = LetterScope { group_id: "other".into(), topic: None }.everything();
    let store = &*store;
    let purge = async |filter: LetterFilter| store.purge_letters(&filter).await.expect("purges");
    assert_eq!(purge(other).await, 0);
    assert_eq!(purge(filter(&doc! { "messageId": "m9" })).await, 0);
    let early = doc! { "partition": 1, "until": DateTime::from_millis(2000) };
    assert_eq!(purge(filter(&early)).await, 1);
    assert_eq!(ids(&all(store).await), ["m2", "m3", "m4"]);
    assert_eq!(purge(filter(&doc! {})).await, 3);
    assert_eq!(purge(filter(&doc! {})).await, 0);
    assert!(all(store).await.is_empty());
}
