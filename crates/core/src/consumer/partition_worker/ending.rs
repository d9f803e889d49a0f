//! How deliveries are stopped, and what is left behind for the next owner.

use super::{PartitionWorker, WorkerEnd};
use crate::consumer::record_handler::FromHandler;

impl PartitionWorker {
    /// Ends the deliveries after the messages that are being handled.
    pub(super) fn stop_deliveries(&mut self) {
        if self.is_stopping {
            return;
        }
        self.is_stopping = true;
        let preparing = self.running.iter().filter(|(_, delivery)| delivery.is_preparing());
        let preparing: Vec<_> = preparing.map(|(id, _)| *id).collect();
        for id in &preparing {
            self.cancel_preparing(*id);
        }
        if !preparing.is_empty() && self.end != Some(WorkerEnd::Fenced) {
            // A crash from now on would not be theirs.
            self.store_attempts();
        }
        for id in self.running.keys() {
            self.parts.handler.stop(*id);
        }
    }

    /// What is known of unfinished messages is for the next owner. An attempt that the end interrupts is not counted.
    pub(super) fn leave(&mut self, end: WorkerEnd) {
        while let Ok((id, said)) = self.reports.try_recv() {
            // What has ended by now is heard. A transaction that has not is aborted: it gets no offset.
            if let FromHandler::Report(report) = said {
                self.apply_report(id, report);
            }
        }
        self.in_flight.take_marks_off();
        if end == WorkerEnd::Fenced {
            return;
        }
        self.store_attempts();
        let key = &self.parts.key;
        if end == WorkerEnd::HandlerGone {
            self.parts.logger.error(|| format!("{key}: the handler is gone; nothing more is delivered"));
            return;
        }
        for (id, delivery) in &self.running {
            self.parts.logger.warn(|| {
                format!("{key}: a handler did not finish in time for the end; what it has is delivered again")
            });
            // Nobody waits for it any more.
            self.parts.handler.time_out(*id, delivery.handled);
        }
    }
}
