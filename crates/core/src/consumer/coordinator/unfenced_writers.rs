//! Members of 1.4.2 in the same group: they know no owners, and store offsets of partitions that are not theirs.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::consumer::subscription::SubscriptionParts;
use crate::error::Result;
use crate::observe::consumer_event::ConsumerEvent;
use crate::runtime::clock::{self, Instant};

const LOOK_EVERY: Duration = Duration::from_secs(30);

/// What was found so far.
#[derive(Default)]
pub(super) struct UnfencedWriters {
    looked_at: Option<Instant>,
    told: BTreeSet<u32>,
}

impl UnfencedWriters {
    /// Looks now and then, and says what it finds, once.
    pub(super) async fn look(&mut self, parts: &SubscriptionParts, owner: &str) -> Result<()> {
        if self.looked_at.is_some_and(|looked_at| looked_at.elapsed() < LOOK_EVERY) {
            return Ok(());
        }
        let config = &parts.config;
        let found = parts.store.unfenced_writes(&config.group_id, &config.topic, owner).await?;
        self.looked_at = Some(clock::now());
        for partition in found.into_iter().filter(|partition| self.told.insert(*partition)) {
            parts.logger.warn(|| {
                format!(
                    "group {} on {}[{partition}]: somebody stores offsets without owning the partition, as 1.4.2 does; \
                     run one version per group, or messages are handled by both",
                    config.group_id, config.topic
                )
            });
            parts.events.emit(|| ConsumerEvent::UnfencedWriter { partition });
        }
        Ok(())
    }
}
