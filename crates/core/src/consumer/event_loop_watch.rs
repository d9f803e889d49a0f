//! Watches whether user code can run at all: a blocked event loop of JavaScript looks like a broker that does not
//! deliver, and can be seen from here only.

use std::sync::Weak;
use std::time::Duration;

use tokio::sync::oneshot;

use super::consumer_events::ConsumerEvents;
use super::record_handler::RecordHandler;
use crate::observe::consumer_event::{ConsumerEvent, StallReason};
use crate::observe::log::Logger;
use crate::runtime::clock;

const LOOK_EVERY: Duration = Duration::from_secs(2);
const BLOCKED_AFTER: Duration = Duration::from_secs(5);

/// Watches until it is dropped, or until the handler is gone, which it does not keep.
pub(super) async fn watch_event_loop(
    handler: Weak<dyn RecordHandler>,
    events: ConsumerEvents,
    logger: Logger,
) {
    loop {
        clock::sleep(LOOK_EVERY).await;
        let asked_at = clock::now();
        let (answer, mut answered) = oneshot::channel();
        match handler.upgrade() {
            Some(handler) => handler.ping(answer),
            None => return,
        }
        let outcome = if let Some(outcome) = clock::timeout(BLOCKED_AFTER, &mut answered).await {
            outcome
        } else {
            logger.warn_at_once(|| {
                let seconds = BLOCKED_AFTER.as_secs();
                format!("the event loop has not run for {seconds} s: no handler is called, whatever arrives")
            });
            let outcome = answered.await;
            let since_ms = u64::try_from(asked_at.elapsed().as_millis()).unwrap_or(u64::MAX);
            logger.warn(|| format!("the event loop was blocked for {since_ms} ms"));
            let reason = StallReason::EventLoop;
            events.emit(|| ConsumerEvent::Stalled { partition: None, reason, since_ms });
            outcome
        };
        if outcome.is_err() {
            return;
        }
    }
}
