//! The only place that reads time or waits for it, so that a test can pause the clock of the whole engine.
#![expect(clippy::disallowed_methods, reason = "this is the door that the lint points to")]

use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use tokio::time::Instant;

use super::simulation;

/// Monotonic now.
pub fn now() -> Instant {
    Instant::now()
}

/// How long the machine has slept so far, which [`now`] does not count everywhere. Only differences mean something.
#[cfg(target_os = "linux")]
pub fn suspended() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    if simulation::current().is_some() {
        return Duration::ZERO;
    }
    let since_boot = |clock| Duration::try_from(clock_gettime(clock)).unwrap_or_default();
    let counted = since_boot(ClockId::Monotonic);
    since_boot(ClockId::Boottime).saturating_sub(counted)
}

/// How long the machine has slept so far, which [`now`] counts here.
#[cfg(not(target_os = "linux"))]
pub fn suspended() -> Duration {
    Duration::ZERO
}

/// Milliseconds since 1970 by the wall clock; in a simulation by its virtual one. For timestamps that people read;
/// never for deciding an order.
pub fn unix_millis() -> i64 {
    if let Some(simulation) = simulation::current() {
        return simulation.unix_millis();
    }
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

/// Waits.
pub async fn sleep(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// Waits until a moment.
pub async fn sleep_until(moment: Instant) {
    tokio::time::sleep_until(moment).await;
}

/// The output of `future`, or `None` if it takes longer than `limit`.
pub async fn timeout<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(limit, future).await.ok()
}
