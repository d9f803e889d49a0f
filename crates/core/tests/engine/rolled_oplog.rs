//! Rolls a small oplog over, by writing.

use std::sync::Arc;
use std::time::Duration;

use bson::{RawDocumentBuf, oid::ObjectId, rawdoc, spec::BinarySubtype};
use csb_core::error_code::ErrorCode;
use csb_core::feed::stream_token::ClusterTime;
use csb_core::runtime::clock;
use csb_core::store::contract::{FeedRequest, FeedStart, Store};

const FILLER_BYTES: usize = 1024 * 1024;
const FILLERS_AT_ONCE: usize = 8;
/// The oplog is cut back in the background, behind checkpoints.
const DEADLINE: Duration = Duration::from_mins(1);

/// Returns when a stream that begins at what is now the present cannot be opened any more.
pub(crate) async fn roll_over(store: &dyn Store) {
    let present = store.cluster_time().await.expect("a time");
    let rolled = async {
        while !is_lost(store, present).await {
            let fillers: Vec<_> = (0..FILLERS_AT_ONCE).map(|_| filler()).collect();
            store.append("filler", &fillers).await.expect("stored");
        }
    };
    assert!(clock::timeout(DEADLINE, rolled).await.is_some(), "the oplog was never cut back");
}

async fn is_lost(store: &dyn Store, time: ClusterTime) -> bool {
    let request = FeedRequest {
        collections: vec![Arc::from("filler")],
        start: FeedStart::At(time),
        batch_size: 1,
        max_await: Duration::from_millis(1),
    };
    let read = async {
        let mut cursor = store.open_feed(request).await?;
        let batch = cursor.next_batch().await;
        cursor.close().await;
        batch.map(drop)
    };
    match read.await {
        Ok(()) => false,
        Err(error) if error.code() == ErrorCode::HistoryLost => true,
        Err(error) => panic!("{error:?}"),
    }
}

fn filler() -> RawDocumentBuf {
    let bytes = vec![7_u8; FILLER_BYTES];
    rawdoc! { "_id": ObjectId::new(), "bytes": bson::Binary { subtype: BinarySubtype::Generic, bytes } }
}
