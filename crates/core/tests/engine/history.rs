//! `fromBeginning`: what was stored before, then what comes, without gap or double.

use bson::{DateTime, RawDocumentBuf, Timestamp, doc, oid::ObjectId, rawdoc};
use csb_core::store::contract::{OffsetKey, Store};
use csb_test_support::recording_handler::RecordingHandler;

use crate::on_both_stores;
use crate::scene::{GROUP, Scene, TOPIC, consumer, producer, send, subscribe};

on_both_stores!(history_then_stream_while_sending, a_restart_within_the_history_goes_on);

/// A message that the server stamped an hour ago.
fn stamped_long_ago(n: i64) -> RawDocumentBuf {
    let an_hour_ago = DateTime::now().timestamp_millis() / 1000 - 3600;
    let time = u32::try_from(an_hour_ago).expect("a time after 1970");
    let increment = u32::try_from(n + 1).expect("small");
    let mut document = written_by_1_4_2(n);
    document.append(bson::cstr!("_ts"), Timestamp { time, increment });
    document
}

/// A message without the server's stamp.
fn written_by_1_4_2(n: i64) -> RawDocumentBuf {
    rawdoc! {
        "_id": ObjectId::new(),
        "n": n,
        "_headers": {},
        "_timestamp": DateTime::now(),
        "_key": null,
        "_partition": 0,
    }
}

async fn store_history(store: &dyn Store, documents: impl Iterator<Item = RawDocumentBuf>) {
    let documents: Vec<_> = documents.collect();
    let refused = store.append(&format!("{TOPIC}_p0"), &documents).await.expect("stored");
    assert!(refused.is_empty());
}

async fn history_then_stream_while_sending(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    // Written by 1.4.2, then by this version; and in the last two minutes, which come from the stream. All of them
    // are in the stream too, because they were inserted just now: the boundary has to tell them apart.
    store_history(scene.store.as_ref(), (0..1500).map(written_by_1_4_2)).await;
    store_history(scene.store.as_ref(), (1500..3000).map(stamped_long_ago)).await;
    send(&numbers, 3000..3500).await;

    let handler = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! { "fromBeginning": true }), &handler).await;
    for hundred in 35..45 {
        send(&numbers, hundred * 100..(hundred + 1) * 100).await;
    }
    let recorded = handler.wait_for_handled(4500).await;
    assert_eq!(recorded.numbers_of(0), (0..4500).collect::<Vec<_>>());
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_restart_within_the_history_goes_on(scene: Scene) {
    let broker = scene.broker().await;
    drop(producer(&broker, 1).await);
    store_history(scene.store.as_ref(), (0..3000).map(stamped_long_ago)).await;
    let first = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! { "fromBeginning": true, "maxBufferedBytes": 64 * 1024 }), &first)
        .await;
    first.wait_for_handled(1000).await;
    broker.disconnect(true).await;
    let done = first.recorded().numbers_of(0);
    let key = OffsetKey { group_id: GROUP.to_owned(), topic: TOPIC.to_owned(), partition: 0 };
    assert!(scene.store.load_offset(&key).await.expect("readable").is_some());

    let broker = scene.broker().await;
    let second = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! {}), &second).await;
    second.wait_for_handled(3000 - done.len()).await;
    broker.disconnect(true).await;
    let mut all = done;
    all.extend(second.recorded().numbers_of(0));
    assert_eq!(all, (0..3000).collect::<Vec<_>>());
    scene.end().await;
}
