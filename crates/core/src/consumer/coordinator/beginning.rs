//! The first looks at the group: what `subscribe` waits for.

use std::time::Duration;

use super::{Coordinator, is_end};
use crate::error::Result;
use crate::group::LeaseStatus;
use crate::runtime::clock;

/// Between two looks at whether the group has begun, which nobody says.
const BEGINS_SOON: Duration = Duration::from_millis(200);

impl Coordinator {
    /// Until it reads what it is assigned, or everything that it could read is somebody else's.
    pub(super) async fn first_rounds(&mut self) -> Result<()> {
        loop {
            if self.membership.lease().status() == LeaseStatus::Lost {
                self.incarnation += 1;
                self.membership = self.try_to_join().await?;
            }
            let look = self.membership.look().await?;
            let (topic, readable) = self.readable().await?;
            let (claims, failed) = self.reconcile(&look).await?;
            if let Some((_, error)) = failed.into_iter().next() {
                self.give_back(claims).await;
                return Err(error);
            }
            self.open(&topic, claims).await?;
            let waits = look.assigned.is_none() && readable.iter().any(|number| !look.taken.contains(number));
            let has_begun = self.group_has_begun().await?;
            if !waits && has_begun || self.is_closing() {
                return Ok(());
            }
            let pause = self.pause_after(&look).min(if has_begun { Duration::MAX } else { BEGINS_SOON });
            let mut control = self.control.clone();
            tokio::select! {
                biased;
                // Whoever closes it has to find it.
                _ = control.wait_for(|control| is_end(*control)) => {}
                () = self.membership.lease().lost() => {}
                Ok(()) = self.signal.changed() => {}
                () = clock::sleep(pause) => {}
            }
        }
    }

    /// Whether what is sent from now on is the group's, whoever is to read it: a place where it began is stored. Those
    /// whom everything is assigned to may not have come so far, or be gone.
    async fn group_has_begun(&self) -> Result<bool> {
        let config = &self.parts.config;
        if config.from_beginning || !self.home.set.numbers().is_empty() {
            return Ok(true);
        }
        Ok(self.parts.store.group_birth(&config.group_id, &config.topic).await?.is_some())
    }
}
