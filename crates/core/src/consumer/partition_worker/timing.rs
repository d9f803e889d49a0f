//! What has to be done at a certain time, without anybody saying so.

use super::PartitionWorker;
use crate::consumer::running_delivery::{Overdue, RunningDelivery};
use crate::runtime::clock::Instant;

impl PartitionWorker {
    /// The next moment at which something has to be done.
    pub(super) fn next_time(&self) -> Option<Instant> {
        let deadlines = self.running.values().filter_map(RunningDelivery::deadline);
        let lingering = self.lingers_until().filter(|_| !self.is_stopping && self.has_free_place());
        let resting = self.lanes.next_wake().filter(|_| !self.is_stopping);
        deadlines.chain(lingering).chain(resting).min()
    }

    pub(super) fn apply_time(&mut self, now: Instant) {
        self.lanes.wake(now);
        let overdue = self
            .running
            .iter_mut()
            .filter_map(|(id, delivery)| Some((*id, delivery.handled, delivery.check_deadline(now)?)));
        let overdue: Vec<_> = overdue.collect();
        for (id, handled, overdue) in overdue {
            let (key, logger) = (&self.parts.key, &self.parts.logger);
            match overdue {
                Overdue::TimedOut => {
                    logger.warn(|| format!("{key}: a handler did not finish in time"));
                    self.parts.handler.time_out(id, handled);
                }
                Overdue::Abandoned => {
                    logger.warn(|| {
                        format!("{key}: a handler did not end when it was asked to; it is given up")
                    });
                    self.parts.handler.abandon(id, handled);
                }
                Overdue::Untold => {
                    logger.warn(|| {
                        format!("{key}: an errorHandler did not finish in time; it is not waited for")
                    });
                    self.do_what_was_decided(id);
                }
            }
        }
    }
}
