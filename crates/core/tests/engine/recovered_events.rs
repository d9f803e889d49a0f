//! The events that tell of a recovery from a lost position.

use std::sync::Arc;
use std::time::Duration;

use csb_core::consumer::Consumer;
use csb_core::observe::consumer_event::{ConsumerEvent, RecoveredFrom};
use csb_core::runtime::clock;
use tokio::sync::watch;

/// The `recovered` events, as they come: scanned messages and possible duplicates.
pub(crate) fn listen(consumer: &Consumer) -> watch::Receiver<Vec<(u64, u64)>> {
    let (sink, seen) = watch::channel(Vec::new());
    consumer.listen(Some(Arc::new(move |event| {
        if let ConsumerEvent::Recovered { from, scanned, possible_duplicates, .. } = event {
            assert_eq!(*from, RecoveredFrom::LostPosition);
            sink.send_modify(|seen| seen.push((*scanned, *possible_duplicates)));
        }
    })));
    seen
}

pub(crate) async fn until_recovered(
    recovered: &mut watch::Receiver<Vec<(u64, u64)>>,
    times: usize,
) -> Vec<(u64, u64)> {
    let told = clock::timeout(Duration::from_secs(30), recovered.wait_for(|seen| seen.len() >= times));
    told.await.expect("told in time").expect("the consumer is there").clone()
}
