//! Messages that are stored by somebody who uses the driver alone, in the layout of this library.

use bson::{RawBsonRef, RawDocumentBuf, Timestamp, cstr, oid::ObjectId, rawdoc};
use csb_core::record::message::{MessageId, OutgoingMessage};
use csb_core::record::record_layout;
use csb_core::runtime::clock;
use csb_test_support::fault_run::{FaultRun, TOPIC};
use csb_test_support::history::Happening;
use csb_test_support::member::HistoryWriter;
use mongodb::Collection;

/// Messages of one insert.
const BATCH: u64 = 10_000;

/// A message as the library stores it; the server fills `_ts` in when it is inserted.
pub(crate) fn stored(value: &str, key: Option<&str>, partition: u32, padding: usize) -> RawDocumentBuf {
    let mut payload = rawdoc! { "value": value };
    if padding > 0 {
        payload.append(cstr!("padding"), "x".repeat(padding));
    }
    let message = OutgoingMessage {
        value: RawBsonRef::Document(&payload),
        key,
        headers: None,
        timestamp_ms: clock::unix_millis(),
        id: MessageId::ObjectId(ObjectId::new()),
    };
    record_layout::encode(&message, partition).expect("a message that can be stored")
}

/// The same as if it had been inserted at this time.
pub(crate) fn stored_at(value: &str, partition: u32, time: Timestamp) -> RawDocumentBuf {
    let message = stored(value, None, partition, 0);
    let mut stamped = RawDocumentBuf::new();
    for field in &message {
        let (name, field) = field.expect("valid BSON");
        let field = if name.as_str() == "_ts" { RawBsonRef::Timestamp(time) } else { field };
        stamped.append(name, field);
    }
    stamped
}

/// The collection of a partition of the run.
pub(crate) fn partition_of(run: &FaultRun, partition: u32) -> Collection<RawDocumentBuf> {
    run.database().collection(&format!("{TOPIC}_p{partition}"))
}

/// Stores `count` messages in a partition and tells of them.
pub(crate) async fn store_many(
    run: &FaultRun,
    partition: u32,
    count: u64,
    history: &HistoryWriter,
    message: impl Fn(u64) -> (String, RawDocumentBuf),
) {
    let collection = partition_of(run, partition);
    for first in (0..count).step_by(usize::try_from(BATCH).expect("small")) {
        let (values, documents): (Vec<_>, Vec<_>) = (first..count.min(first + BATCH)).map(&message).unzip();
        collection.insert_many(documents).await.expect("stored");
        let acknowledged = values.into_iter().map(|value| Happening::SendAcknowledged { value });
        history.write_all(acknowledged).expect("the history is written");
    }
}
