//! Whether the partitions that a member reads are still its own: their offsets can be set anew while it runs.

use std::collections::BTreeSet;

use super::Coordinator;

impl Coordinator {
    /// Those that are not are fenced by their next commit, so one is made now. Without this they would notice, too, but
    /// only with the next message.
    pub(super) async fn check_ownership(&self) {
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
            }
            Err(error) => {
                let group = &config.group_id;
                self.parts
                    .logger
                    .warn(|| format!("group {group}: its partitions were not looked at: {error:?}"));
            }
        }
    }
}
