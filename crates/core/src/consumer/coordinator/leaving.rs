//! The end of a subscription.

use super::Coordinator;
use crate::consumer::partition_worker::Control;
use crate::error::Result;

impl Coordinator {
    /// Says that nothing more is wanted, gives everything back, and goes. What the server has not answered in time is
    /// left to the others, who find out by themselves.
    pub(super) async fn leave(&mut self) {
        self.home.set.end_all(match *self.control.borrow() {
            Control::Leave => Control::Leave,
            _ => Control::Close,
        });
        let begun = self.membership.begin_to_leave().await;
        self.try_once("say that it leaves", begun);
        while !self.home.set.numbers().is_empty() {
            let Some(ended) = self.ended.recv().await else { break };
            self.partitions_ended(ended).await;
        }
        self.try_once("leave", self.membership.leave().await);
    }

    fn try_once(&self, what: &str, outcome: Result<()>) {
        if let Err(error) = outcome {
            let group = &self.parts.config.group_id;
            self.parts.logger.warn(|| format!("group {group}: could not {what}: {error:?}"));
        }
    }
}
