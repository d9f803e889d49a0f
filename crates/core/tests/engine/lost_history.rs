//! A position that the oplog no longer reaches: said once, loudly, and never passed over in silence.

use bson::{RawDocumentBuf, doc, oid::ObjectId, rawdoc, spec::BinarySubtype};
use csb_core::error_code::ErrorCode;
use csb_test_support::recording_handler::RecordingHandler;
use csb_test_support::replica_set::{ReplicaSet, ReplicaSetOptions};

use crate::scene::{Scene, consumer, producer, send, subscribe};

const FILLER_BYTES: usize = 512 * 1024;
/// The oplog is cut back in the background; this is how much is written before giving up on it.
const MOST_FILLERS: usize = 400;

fn filler() -> RawDocumentBuf {
    let bytes = vec![7_u8; FILLER_BYTES];
    rawdoc! { "_id": ObjectId::new(), "bytes": bson::Binary { subtype: BinarySubtype::Generic, bytes } }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolled_over_oplog_ends_the_partition_loudly() {
    let options = ReplicaSetOptions { oplog_size_mb: Some(8), ..ReplicaSetOptions::default() };
    let set = ReplicaSet::start(options).await;
    let scene = Scene::on(&set).await;
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let first = RecordingHandler::accepting();
    let reader = consumer(&broker, doc! {});
    subscribe(&reader, &first).await;
    send(&numbers, 0..5).await;
    first.wait_for_handled(5).await;
    reader.unsubscribe(true).await;

    for written in 0.. {
        scene.store.append("filler", &[filler()]).await.expect("stored");
        let handler = RecordingHandler::accepting();
        if written % 40 == 39 && is_lost(&reader, &handler).await {
            assert_eq!(handler.recorded().consumer_errors, [ErrorCode::HistoryLost]);
            assert!(handler.recorded().handled.is_empty());
            assert!(!reader.is_subscribed());
            break;
        }
        assert!(written < MOST_FILLERS, "the oplog was never cut back");
    }
    broker.disconnect(true).await;
    set.stop();
}

/// Subscribes and waits for either outcome: the error, or a message that is sent now.
async fn is_lost(reader: &csb_core::consumer::Consumer, handler: &std::sync::Arc<RecordingHandler>) -> bool {
    let config = csb_core::config::HandlerConfig::from_document(&doc! {}, reader.config()).expect("valid");
    let subscribed = reader.subscribe(config, std::sync::Arc::clone(handler) as _).await;
    if let Err(error) = subscribed {
        assert_eq!(error.code(), ErrorCode::HistoryLost);
        return true;
    }
    let lost = handler.lost_within(std::time::Duration::from_secs(3)).await;
    reader.unsubscribe(true).await;
    lost
}
