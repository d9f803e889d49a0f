//! Stored messages as the suite writes and recognises them.

use bson::raw::RawDocumentBuf;
use bson::{Bson, DateTime, Document, RawDocument, Timestamp, doc};
use csb_core::feed::stream_token::ClusterTime;

/// Sorts before every stamp.
pub(super) const EARLIEST: ClusterTime = ClusterTime { seconds: 0, increment: 0 };
/// Sorts behind every stamp.
pub(super) const LATEST: ClusterTime = ClusterTime { seconds: u32::MAX, increment: u32::MAX };

/// A message of ours: the server fills `_ts` in.
pub(super) fn message(id: impl Into<Bson>) -> RawDocumentBuf {
    raw(doc! {
        "_id": id,
        "_timestamp": DateTime::now(),
        "_ts": Timestamp { time: 0, increment: 0 },
        "nested": { "_ts": Timestamp { time: 0, increment: 0 } },
    })
}

/// Messages `<prefix>0`, `<prefix>1` …
pub(super) fn messages(prefix: &str, count: usize) -> Vec<RawDocumentBuf> {
    (0..count).map(|n| message(format!("{prefix}{n}"))).collect()
}

/// A message as 1.4.2 stores it.
pub(super) fn unstamped(id: impl Into<Bson>) -> RawDocumentBuf {
    raw(doc! { "_id": id, "_timestamp": DateTime::now() })
}

pub(super) fn raw(document: Document) -> RawDocumentBuf {
    RawDocumentBuf::try_from(document).expect("encodes")
}

pub(super) fn id_of(document: &RawDocument) -> Bson {
    let id = document.get("_id").expect("valid BSON").expect("an _id");
    id.try_into().expect("valid BSON")
}

pub(super) fn ids<'a>(documents: impl IntoIterator<Item = &'a RawDocumentBuf>) -> Vec<Bson> {
    documents.into_iter().map(|document| id_of(document)).collect()
}

pub(super) fn stamp_of(document: &RawDocument) -> ClusterTime {
    document.get_timestamp("_ts").expect("a stamp").into()
}
