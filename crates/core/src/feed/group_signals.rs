//! Who waits for changes of groups. Shared by the feed and those who wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Changes whenever something about the group may have changed. Dropping it ends the interest.
pub type GroupSignal = watch::Receiver<()>;

/// The signals of one feed. Cheap to clone; the clones are one.
#[derive(Clone, Default)]
pub(super) struct GroupSignals(Arc<Mutex<HashMap<String, watch::Sender<()>>>>);

impl GroupSignals {
    pub(super) fn of(&self, group_id: &str) -> GroupSignal {
        self.lock().entry(group_id.to_owned()).or_default().subscribe()
    }

    /// Whether anybody waits.
    pub(super) fn are_wanted(&self) -> bool {
        let mut signals = self.lock();
        signals.retain(|_, signal| signal.receiver_count() > 0);
        !signals.is_empty()
    }

    pub(super) fn give(&self, group_id: &str) {
        if let Some(signal) = self.lock().get(group_id) {
            signal.send_replace(());
        }
    }

    /// Changes may have been missed.
    pub(super) fn give_all(&self) {
        for signal in self.lock().values() {
            signal.send_replace(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_wanted_as_long_as_somebody_waits() {
        let signals = GroupSignals::default();
        assert!(!signals.are_wanted());
        let mut of_a = signals.of("a");
        let of_b = signals.of("b");
        signals.give("a");
        signals.give("c");
        assert!(of_a.has_changed().unwrap() && !of_b.has_changed().unwrap());
        of_a.mark_unchanged();
        signals.give_all();
        assert!(of_a.has_changed().unwrap() && of_b.has_changed().unwrap());
        drop((of_a, of_b));
        assert!(!signals.are_wanted());
    }
}
