//! The dead letters that have to be stored, in order.

use std::collections::VecDeque;

use bson::Bson;
use tokio::sync::oneshot;

use super::committer_task::CommitterTask;
use super::lease_lost;
use super::retried_write::RetriedWrite;
use crate::consumer::shared_watermark::Snapshot;
use crate::consumer::watermark::message_id;
use crate::dead_letter::DeadLetter;
use crate::error::Result;
use crate::error_code::Effect;
use crate::observe::consumer_event::ConsumerEvent;
use crate::record::message_id_text::stored_id_text;
use crate::runtime::clock;
use crate::store::contract::CommitOutcome;

/// A dead letter on its way.
pub(super) struct Burial {
    /// Number of its message in the watermark.
    pub(super) number: u64,
    pub(super) letter: Box<DeadLetter>,
    pub(super) done: oneshot::Sender<Result<()>>,
}

pub(super) struct Burials {
    waiting: VecDeque<Burial>,
    /// Messages of stored letters, with the revision of the watermark that was the first to have them finished:
    /// snapshots that are older have to be completed.
    stored: Vec<(u64, Bson)>,
    /// The first one may be stored: its write failed in a way that leaves that open. A commit would take back that its
    /// message is finished.
    pub(super) is_in_doubt: bool,
    pub(super) write: RetriedWrite,
}

impl Burials {
    pub(super) fn new() -> Self {
        Self { waiting: VecDeque::new(), stored: Vec::new(), is_in_doubt: false, write: RetriedWrite::new() }
    }

    pub(super) fn push(&mut self, burial: Burial) {
        self.waiting.push_back(burial);
        self.write.schedule(clock::now());
    }

    /// Adds what has been buried since.
    pub(super) fn complete(&self, mut snapshot: Snapshot) -> Snapshot {
        let since = self.stored.iter().filter(|(revision, _)| *revision > snapshot.revision);
        snapshot.checkpoint.finished_ahead.extend(since.map(|(_, id)| id.clone()));
        snapshot
    }

    /// Snapshots are newer than this from now on.
    pub(super) fn forget_before(&mut self, revision: u64) {
        self.stored.retain(|(stored, _)| *stored > revision);
    }
}

impl CommitterTask {
    /// The watermark moves over a message only when its letter is stored; meanwhile others may finish ahead of it.
    /// Fails if it is not known whether one is stored; that is tried again at once if somebody wants to know.
    pub(super) async fn bury(&mut self, is_flushing: bool) -> Result<()> {
        let wants_to_know = is_flushing && self.burials.is_in_doubt;
        if !wants_to_know && !self.burials.write.is_due() {
            return Ok(());
        }
        while let Some(burial) = self.burials.waiting.pop_front() {
            let letter = &burial.letter;
            let id = message_id(&letter.message);
            let mut checkpoint = self.committed.clone();
            checkpoint.finished_ahead.extend(id.clone());
            match self.parts.offset.bury(letter, &checkpoint).await {
                Ok(CommitOutcome::Committed) => {
                    self.burials.is_in_doubt = false;
                    self.parts.watermark.finish([(burial.number, &*letter.message)]);
                    self.burials.stored.extend(id.clone().map(|id| (self.parts.watermark.revision(), id)));
                    self.committed = checkpoint;
                    self.say_buried(&burial);
                    if burial.done.send(Ok(())).is_err() {
                        self.notes.forget(id.as_ref());
                    }
                    if !is_flushing {
                        // Other writes take their turns between many letters.
                        break;
                    }
                }
                Ok(CommitOutcome::Fenced) => {
                    self.fence();
                    let _ = burial.done.send(Err(lease_lost()));
                    return Err(lease_lost());
                }
                Err(error) => {
                    self.burials.waiting.push_front(burial);
                    self.burials.is_in_doubt |= error.effect() == Effect::Possible;
                    let delay = self.burials.write.failed();
                    self.say_failed("dead letter", delay, &error);
                    return if self.burials.is_in_doubt { Err(error) } else { Ok(()) };
                }
            }
        }
        self.burials.write.succeeded();
        if !self.burials.waiting.is_empty() {
            self.burials.write.schedule(clock::now());
        }
        Ok(())
    }

    fn say_buried(&self, burial: &Burial) {
        let (key, letter) = (&self.parts.key, &burial.letter);
        self.parts.logger.error(|| format!("{key}: gave a message up; it is in dead_letters"));
        self.parts.events.emit(|| ConsumerEvent::DeadLettered {
            partition: key.partition,
            message_id: stored_id_text(&letter.message),
            attempts: letter.failed_attempts(),
            error_name: letter.attempts.last().map(|last| last.error.name.clone()).unwrap_or_default(),
        });
    }
}
