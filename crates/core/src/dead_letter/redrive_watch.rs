//! Notices that letters of a subscription are to be redriven: one cheap question now and then, whatever the number of
//! partitions, and at once when the redrive was asked for in this process.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::redrive_queue::{QueueParts, RedriveQueue};
use crate::observe::log::Logger;
use crate::runtime::task_group::TaskGroup;
use crate::runtime::{clock, random};
use crate::store::contract::Store;

/// How long a redrive asked for in another process may go unnoticed.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Tells every subscription of this process on one database that somebody asked for a redrive. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct RedriveNudge(watch::Sender<()>);

impl RedriveNudge {
    pub(super) fn nudge(&self) {
        self.0.send_replace(());
    }
}

/// What a watch works with.
pub(crate) struct WatchParts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) group_id: String,
    pub(crate) topic: String,
    pub(crate) nudge: RedriveNudge,
    pub(crate) logger: Logger,
}

/// The watch of one subscription. Its task ends with the last queue.
pub(crate) struct RedriveWatch {
    /// Grows whenever there are letters to redrive.
    signal: watch::Receiver<u64>,
    look: Arc<Notify>,
}

impl RedriveWatch {
    pub(crate) fn start(parts: WatchParts, tasks: &TaskGroup) -> Self {
        let (sender, signal) = watch::channel(0);
        let look = Arc::new(Notify::new());
        tasks.spawn("redrive watch", watch_letters(parts, sender, Arc::clone(&look)));
        Self { signal, look }
    }

    /// The letters of one partition. Letters that are marked already are found at once.
    pub(crate) fn queue(&self, parts: QueueParts) -> RedriveQueue {
        let queue = RedriveQueue::new(parts, self.signal.clone());
        self.look.notify_one();
        queue
    }
}

async fn watch_letters(parts: WatchParts, signal: watch::Sender<u64>, look: Arc<Notify>) {
    let WatchParts { store, group_id, topic, nudge, logger } = parts;
    let mut nudges = nudge.0.subscribe();
    let mut is_failing = false;
    loop {
        let looked = store.has_redrives(&group_id, &topic).await;
        match &looked {
            Ok(true) => signal.send_modify(|signal| *signal += 1),
            Err(error) if !is_failing => {
                logger.warn(|| format!("cannot look for dead letters to redrive, trying again: {error:?}"));
            }
            Ok(false) | Err(_) => {}
        }
        is_failing = looked.is_err();
        tokio::select! {
            biased;
            () = signal.closed() => return,
            Ok(()) = nudges.changed() => {}
            () = look.notified() => {}
            () = clock::sleep(jittered(random::next_u32())) => {}
        }
    }
}

/// So that the members of a group do not ask all at once.
fn jittered(random: u32) -> Duration {
    LOOK_EVERY.mul_f64(0.8 + 0.4 * f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_within_a_fifth_of_the_interval() {
        assert_eq!(jittered(0), Duration::from_secs(4));
        assert_eq!(jittered(u32::MAX), Duration::from_secs(6));
    }
}
