//! Processes that stop dead at a message: their handlers never finish it, and another one takes their partitions over.

use std::sync::Arc;
use std::time::Duration;

use csb_core::consumer::Consumer;
use csb_core::runtime::clock;
use csb_test_support::recording_handler::RecordingHandler;
use tokio::sync::watch;

/// A handler that waits before each message with this number or a later one until the gate is open.
pub(crate) fn gated(from: i64) -> (watch::Sender<bool>, Arc<RecordingHandler>) {
    let (open_gate, gate) = watch::channel(false);
    let handler = RecordingHandler::new(move |received| {
        let mut gate = gate.clone();
        async move {
            if received.n >= from {
                // A test that ends with the gate closed leaves its handlers behind.
                let _ = gate.wait_for(|open| *open).await;
            }
            Ok(())
        }
    });
    (open_gate, handler)
}

/// Waits until the first partition has been committed so far that no more than this is left of what is stored.
pub(crate) async fn until_committed(reader: &Consumer, left: i64) {
    let committed = async {
        loop {
            reader.commit_offsets().await.expect("committed");
            let lag = reader.lag().await.expect("measured");
            if i64::try_from(lag[0].messages).expect("small") <= left {
                return;
            }
            clock::sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(clock::timeout(Duration::from_secs(30), committed).await.is_some(), "not committed");
}
