//! The partitions that a subscription has at the moment. They come and go with the group's assignments.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};

use super::offset_committer::OffsetCommitter;
use super::partition_worker::Control;
use super::subscription_progress::SubscriptionProgress;
use crate::runtime::clock::Instant;

/// How a partition ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartitionEnd {
    /// It was given back.
    Released,
    /// Another member owns it.
    Fenced,
    /// It cannot be read on.
    Failed,
    /// The embedder takes no more deliveries.
    HandlerGone,
}

/// A partition that has ended, and everything about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct EndedPartition {
    pub(super) partition: u32,
    pub(super) end: PartitionEnd,
}

/// The partitions. Cheap to clone; the clones are one.
#[derive(Clone)]
pub(super) struct PartitionSet {
    state: Arc<Mutex<State>>,
    ended: mpsc::UnboundedSender<EndedPartition>,
    progress: SubscriptionProgress,
}

struct State {
    /// What all of them are to do.
    control: Control,
    by_number: BTreeMap<u32, RunningPartition>,
    /// Those that are about to be put in.
    opening: BTreeSet<u32>,
    failed: BTreeSet<u32>,
    /// Nothing will be read any more, whatever is assigned.
    is_given_up: bool,
}

struct RunningPartition {
    control: watch::Sender<Control>,
    committer: OffsetCommitter,
    /// Nothing has ended it yet.
    is_live: bool,
    /// It has reached the end of a replay.
    is_completed: bool,
    /// Until then it is to be given back, because it is another member's now.
    revoked_until: Option<Instant>,
}

impl PartitionSet {
    /// An empty set, and where the ends of its partitions are told.
    pub(super) fn new(
        control: Control,
        progress: SubscriptionProgress,
    ) -> (Self, mpsc::UnboundedReceiver<EndedPartition>) {
        let (ended, ends) = mpsc::unbounded_channel();
        let state = State {
            control,
            by_number: BTreeMap::new(),
            opening: BTreeSet::new(),
            failed: BTreeSet::new(),
            is_given_up: false,
        };
        (Self { state: Arc::new(Mutex::new(state)), ended, progress }, ends)
    }

    /// These are put in one after the other from now on.
    pub(super) fn opens(&self, partitions: &[u32]) {
        self.lock().opening.extend(partitions);
    }

    /// Puts a partition in; `start` starts it under this control.
    pub(super) fn add(
        &self,
        partition: u32,
        start: impl FnOnce(watch::Receiver<Control>) -> OffsetCommitter,
    ) {
        let mut state = self.lock();
        state.opening.remove(&partition);
        let (control, receiver) = watch::channel(state.control);
        let committer = start(receiver);
        let running =
            RunningPartition { control, committer, is_live: true, is_completed: false, revoked_until: None };
        state.by_number.insert(partition, running);
    }

    pub(super) fn numbers(&self) -> BTreeSet<u32> {
        self.lock().by_number.keys().copied().collect()
    }

    pub(super) fn committers(&self) -> Vec<OffsetCommitter> {
        self.lock().by_number.values().map(|running| running.committer.clone()).collect()
    }

    /// What these have committed is stored once more, which tells whether they still may.
    pub(super) fn commit_anew<'a>(&self, partitions: impl IntoIterator<Item = &'a u32>) {
        let state = self.lock();
        for running in partitions.into_iter().filter_map(|partition| state.by_number.get(partition)) {
            running.committer.commit_anew();
        }
    }

    /// From one control to another, for those that have the one.
    pub(super) fn change_control(&self, from: Control, to: Control) {
        let mut state = self.lock();
        if state.control == from {
            state.control = to;
        }
        for running in state.by_number.values() {
            running.control.send_if_modified(|control| {
                let changes = *control == from;
                if changes {
                    *control = to;
                }
                changes
            });
        }
    }

    /// For all of them, and those that come.
    pub(super) fn end_all(&self, control: Control) {
        let mut state = self.lock();
        state.control = control;
        for running in state.by_number.values() {
            running.control.send_replace(control);
        }
    }

    pub(super) fn control(&self) -> Control {
        self.lock().control
    }

    /// The partition drains and is given back; after `until` without waiting for its handlers.
    pub(super) fn revoke(&self, partition: u32, until: Instant) {
        let mut state = self.lock();
        let Some(running) = state.by_number.get_mut(&partition) else { return };
        if running.revoked_until.is_none() {
            running.revoked_until = Some(until);
            running.control.send_replace(Control::Close);
        }
    }

    /// Those that have not drained in time are left.
    pub(super) fn leave_overdue(&self, now: Instant) {
        let state = self.lock();
        let is_overdue =
            |running: &&RunningPartition| running.revoked_until.is_some_and(|until| until <= now);
        for running in state.by_number.values().filter(is_overdue) {
            running.control.send_replace(Control::Leave);
        }
    }

    /// When the next one is overdue.
    pub(super) fn next_overdue(&self) -> Option<Instant> {
        let state = self.lock();
        let draining = state.by_number.values().filter(|running| *running.control.borrow() == Control::Close);
        draining.filter_map(|running| running.revoked_until).min()
    }

    pub(super) fn is_revoked(&self, partition: u32) -> bool {
        self.lock().by_number.get(&partition).is_some_and(|running| running.revoked_until.is_some())
    }

    /// The partition has reached the end of a replay. Says how many have not, one after the other: whoever hears of none
    /// hears of no other afterwards.
    pub(super) fn completes(&self, partition: u32, say: impl FnOnce(usize)) {
        let mut state = self.lock();
        if let Some(running) = state.by_number.get_mut(&partition) {
            running.is_completed = true;
        }
        let unfinished = state.by_number.values().filter(|running| running.is_live && !running.is_completed);
        let remaining = unfinished.count() + state.opening.len();
        say(remaining);
    }

    /// The partition handles nothing any more. Said before the user is told, who may look at once.
    pub(super) fn ends(&self, partition: u32, end: PartitionEnd) {
        let mut state = self.lock();
        if let Some(running) = state.by_number.get_mut(&partition) {
            running.is_live = false;
        }
        if end == PartitionEnd::Failed {
            state.failed.insert(partition);
        }
        state.is_given_up |= end == PartitionEnd::HandlerGone;
    }

    /// The last that is heard of it.
    pub(super) fn has_ended(&self, ended: EndedPartition) {
        // The subscription has gone if nobody listens.
        let _ = self.ended.send(ended);
    }

    pub(super) fn remove(&self, partition: u32) {
        let removed = self.lock().by_number.remove(&partition);
        if let Some(removed) = removed {
            self.progress.ended(&removed.committer);
        }
    }

    /// A partition that could not even be begun.
    pub(super) fn failed(&self, partition: u32) {
        self.lock().failed.insert(partition);
    }

    pub(super) fn give_up(&self) {
        self.lock().is_given_up = true;
    }

    /// Whether there is nothing to read any more: what it had has failed, or it was told so.
    pub(super) fn is_at_its_end(&self) -> bool {
        let state = self.lock();
        let has_failed = !state.failed.is_empty() && !state.by_number.values().any(|running| running.is_live);
        state.is_given_up || has_failed
    }

    /// Whether it delivers, or will when there is something assigned.
    pub(super) fn is_active(&self) -> bool {
        !matches!(self.control(), Control::Close | Control::Leave) && !self.is_at_its_end()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
