//! Messages that were stored before: by 1.4.2, or long ago.

use bson::{DateTime, RawDocumentBuf, Timestamp, oid::ObjectId, rawdoc};
use csb_core::runtime::random;
use csb_core::store::contract::Store;

use crate::scene::TOPIC;

/// A message that the server stamped so many seconds ago.
pub(crate) fn stamped(n: i64, seconds_ago: i64) -> RawDocumentBuf {
    let time = u32::try_from(unix_seconds() - seconds_ago).expect("a time after 1970");
    let increment = u32::try_from(n + 1).expect("small");
    let mut document = written_by_1_4_2(n, seconds_ago);
    document.append(bson::cstr!("_ts"), Timestamp { time, increment });
    document
}

/// A message without the server's stamp that was made so many seconds ago.
pub(crate) fn written_by_1_4_2(n: i64, seconds_ago: i64) -> RawDocumentBuf {
    let made_at = u32::try_from(unix_seconds() - seconds_ago).expect("a time after 1970");
    rawdoc! {
        "_id": id_made_at(made_at, n),
        "n": n,
        "_headers": {},
        "_timestamp": DateTime::from_millis(i64::from(made_at) * 1000),
        "_key": null,
        "_partition": 0,
    }
}

/// In the order of the numbers, within a second.
fn id_made_at(seconds: u32, n: i64) -> ObjectId {
    let [.., high, middle, low] = n.to_be_bytes();
    // Two stores of one test must not make the same id.
    let [one, two, three, four] = random::next_u32().to_be_bytes();
    ObjectId::from_parts(seconds, [high, middle, low, one, two], [three, four, 0])
}

fn unix_seconds() -> i64 {
    DateTime::now().timestamp_millis() / 1000
}

/// Puts them into the first partition.
pub(crate) async fn store_all(store: &dyn Store, documents: impl IntoIterator<Item = RawDocumentBuf>) {
    let documents: Vec<_> = documents.into_iter().collect();
    let refused = store.append(&format!("{TOPIC}_p0"), &documents).await.expect("stored");
    assert!(refused.is_empty());
}
