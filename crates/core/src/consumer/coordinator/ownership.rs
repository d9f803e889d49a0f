//! Whether the partitions that a member reads are still its own: their offsets can be set anew while it runs.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Coordinator;
use crate::runtime::clock;

/// Whoever sets an offset signals the group. That may be missed.
const LOOK_EVERY: Duration = Duration::from_secs(30);

impl Coordinator {
    /// Looks if that was long ago.
    pub(super) async fn check_ownership_now_and_then(&mut self) {
        if self.owned_at.is_none_or(|owned_at| owned_at.elapsed() >= LOOK_EVERY) {
            self.check_ownership().await;
        }
    }

    /// Those that are not are fenced by their next commit, so one is made now. Without this they would notice, too, but
    /// only with the next message.
    pub(super) async fn check_ownership(&mut self) {
        let held = self.home.set.numbers();
        if held.is_empty() {
            return;
        }
        let config = &self.parts.config;
        let owned = self.parts.store.owned_partitions(&config.group_id, &config.topic, self.membership.id());
        match owned.await {
            Ok(owned) => {
                let owned: BTreeSet<_> = owned.into_iter().collect();
                self.home.set.commit_anew(held.difference(&owned));
                self.owned_at = Some(clock::now());
            }
            // It is looked again at the next look.
            Err(error) => {
                self.owned_at = None;
                let group = &config.group_id;
                self.parts
                    .logger
                    .warn(|| format!("group {group}: its partitions were not looked at: {error:?}"));
            }
        }
    }
}
