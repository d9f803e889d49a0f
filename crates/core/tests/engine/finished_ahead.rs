//! Messages that an earlier owner finished ahead of the position: known until they come, however often the partition
//! changes hands before that.

use bson::{Bson, doc, rawdoc};
use csb_core::consumer::checkpoint::Checkpoint;
use csb_core::consumer::position::Position;
use csb_core::feed::stream_token::StreamToken;
use csb_core::producer::Producer;
use csb_core::runtime::clock;
use csb_core::store::contract::{Claim, OffsetKey};
use csb_test_support::recording_handler::RecordingHandler;
use tokio::sync::watch;

use crate::on_both_stores;
use crate::scene::{GROUP, Scene, TOPIC, consumer, producer, subscribe_with};

on_both_stores!(what_has_not_come_yet_is_not_forgotten);

async fn send(producer: &Producer, n: i64) {
    let message = rawdoc! { "v": { "n": n }, "i": format!("m{n}") };
    let mut messages = bson::RawArrayBuf::new();
    messages.push(message);
    producer.send(&[&rawdoc! { "m": messages }]).await.expect("acknowledged");
}

async fn what_has_not_come_yet_is_not_forgotten(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let key = OffsetKey { group_id: GROUP.to_owned(), topic: TOPIC.to_owned(), partition: 0 };
    let ahead = vec![Bson::from("m1"), Bson::from("m3")];
    let claimed = scene.store.claim_offset(&key, "earlier").await.expect("claimed");
    let claim = Claim { key: key.clone(), owner: "earlier".to_owned(), epoch: claimed.epoch };
    let now = StreamToken::after(scene.store.cluster_time().await.expect("a time"));
    let checkpoint = Checkpoint { position: Position::behind(now), finished_ahead: ahead.clone() };
    scene.store.commit_offset(&claim, &checkpoint).await.expect("committed");
    scene.store.release_offset(&claim).await.expect("released");

    let (open, gate) = watch::channel(false);
    let handler = RecordingHandler::new(move |_| {
        let mut gate = gate.clone();
        async move {
            gate.wait_for(|is_open| *is_open).await.expect("opens");
            Ok(())
        }
    });
    let reader = consumer(&broker, doc! { "autoCommit": false });
    subscribe_with(&reader, &handler, doc! { "autoCommit": false }).await;
    send(&numbers, 0).await;
    send(&numbers, 1).await;
    while !reader.commit_offsets().await.expect("committed") {
        // `m1` has not come yet; that it has moves the checkpoint.
        clock::sleep(std::time::Duration::from_millis(1)).await;
    }
    let mut stored = scene.store.load_offset(&key).await.expect("readable").expect("there").finished_ahead;
    stored.sort_by_key(ToString::to_string);
    assert_eq!(stored, ahead);

    open.send_replace(true);
    for n in 2..=4 {
        send(&numbers, n).await;
    }
    let recorded = handler.wait_for_handled(3).await;
    assert_eq!(recorded.numbers_of(0), [0, 2, 4]);
    broker.disconnect(true).await;
    let stored = scene.store.load_offset(&key).await.expect("readable").expect("there");
    assert!(stored.finished_ahead.is_empty());
    scene.end().await;
}
