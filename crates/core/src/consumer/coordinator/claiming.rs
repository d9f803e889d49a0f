//! Claims the partitions that the member is assigned, from nobody or from those who are gone.

use std::time::Duration;

use bson::Binary;
use futures_util::{FutureExt, StreamExt, stream};

use super::Coordinator;
use crate::consumer::partition_opening::{CONCURRENT_OFFSETS, give_back};
use crate::error::{Error, Result};
use crate::group::{ClaimDecision, decide_claim};
use crate::runtime::clock;
use crate::store::contract::{Claim, OffsetKey, StoredOffset};

/// A claim that takes longer than this waits for a transaction.
const BLOCKED_AFTER: Duration = Duration::from_millis(500);

/// The document as it was found, or why not.
type Loaded = (Result<Option<StoredOffset>>, OffsetKey);
/// A claim, and the document as it is then.
type Claimed = (Claim, StoredOffset);

impl Coordinator {
    /// Claims what can be had now. What cannot be claimed at all comes with why.
    pub(super) async fn claim(
        &self,
        wanted: Vec<u32>,
        assigned_ms_ago: u64,
    ) -> Result<(Vec<Claimed>, Vec<(u32, Error)>)> {
        let keys = wanted.into_iter().map(|partition| OffsetKey {
            group_id: self.parts.config.group_id.clone(),
            topic: self.parts.config.topic.clone(),
            partition,
        });
        let loads = keys.map(|key| async move { (self.parts.store.load_offset(&key).await, key) }.boxed());
        let found: Vec<_> =
            stream::iter(loads.collect::<Vec<_>>()).buffered(CONCURRENT_OFFSETS).collect().await;
        let decisions = self.decide(&found, assigned_ms_ago).await?;
        let claims = found.into_iter().zip(decisions).map(|((found, key), decision)| {
            async move {
                let claimed = match found {
                    Ok(found) => self.claim_one(&key, found, decision).await,
                    Err(error) => Err(error),
                };
                (key.partition, claimed.map_err(|error| located(error, &key)))
            }
            .boxed()
        });
        let claims: Vec<_> =
            stream::iter(claims.collect::<Vec<_>>()).buffered(CONCURRENT_OFFSETS).collect().await;
        let (mut claimed, mut failed) = (Vec::new(), Vec::new());
        for (partition, claim) in claims {
            match claim {
                Ok(claim) => claimed.extend(claim),
                Err(error) => failed.push((partition, error)),
            }
        }
        Ok((claimed, failed))
    }

    async fn decide(&self, found: &[Loaded], assigned_ms_ago: u64) -> Result<Vec<ClaimDecision>> {
        // After the offsets: whoever owned one of them was a member by then.
        let members = self.membership.members().await?;
        let decide = |(found, _): &Loaded, assigned_ms_ago| {
            let found = found.as_ref().ok().and_then(Option::as_ref);
            let owner = found.and_then(|found| found.owner.as_deref());
            // One that it had not heard of it claims again.
            decide_claim(owner.filter(|owner| *owner != self.membership.id()), &members, assigned_ms_ago)
        };
        let decisions: Vec<_> = found.iter().map(|found| decide(found, assigned_ms_ago)).collect();
        let patient: Vec<_> = found.iter().map(|found| decide(found, 0)).collect();
        if decisions == patient {
            return Ok(decisions);
        }
        // Who lives is passed over by what the group wants now: since the look the partition may have become its own.
        let (assigned, assigned_ms_ago) = self.membership.assigned().await?;
        let still = |key: &OffsetKey| if assigned.contains(&key.partition) { assigned_ms_ago } else { 0 };
        Ok(found.iter().map(|found| decide(found, still(&found.1))).collect())
    }

    async fn claim_one(
        &self,
        key: &OffsetKey,
        found: Option<StoredOffset>,
        decision: ClaimDecision,
    ) -> Result<Option<Claimed>> {
        let sessions = match decision {
            ClaimDecision::Wait => return Ok(None),
            ClaimDecision::Claim => Vec::new(),
            ClaimDecision::TakeOver { sessions } => {
                let owner = found.as_ref().and_then(|found| found.owner.clone()).unwrap_or_default();
                self.parts.logger.info(|| format!("{key}: taken over from {owner}"));
                sessions
            }
        };
        let owner = self.membership.id();
        let claim = self.parts.store.claim_offset_after(key, owner, found.map(|found| found.epoch));
        let claimed = self.unblocked(claim, &sessions).await?;
        Ok(claimed.and_then(|offset| Some((Claim::of(&offset)?, offset))))
    }

    /// An owner that died within a transaction holds its document until the server notices, which takes a minute. Its
    /// sessions are known: with them the transaction ends.
    async fn unblocked<T>(&self, claim: impl Future<Output = Result<T>>, sessions: &[Binary]) -> Result<T> {
        if sessions.is_empty() {
            return claim.await;
        }
        tokio::pin!(claim);
        if let Some(outcome) = clock::timeout(BLOCKED_AFTER, &mut claim).await {
            return outcome;
        }
        if let Err(error) = self.parts.store.end_sessions(sessions).await {
            self.parts
                .logger
                .warn(|| format!("sessions of a member that is gone could not be ended: {error:?}"));
        }
        claim.await
    }

    /// Claims that nothing came of.
    pub(super) async fn give_back(&self, claims: Vec<Claimed>) {
        for (claim, found) in claims {
            give_back(&self.parts, &claim, found.unclean_ends).await;
        }
    }
}

fn located(error: Error, key: &OffsetKey) -> Error {
    error.on_topic(&key.topic).on_partition(key.partition).in_group(&key.group_id)
}
