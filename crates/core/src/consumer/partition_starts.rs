//! Where the partitions of a subscription begin: what is stored about them, and what the deployment knows besides.

use super::checkpoint::Checkpoint;
use super::partition_run::lease_lost;
use super::position::Position;
use super::start_position::{self, StartFacts};
use super::subscription::SubscriptionParts;
use crate::error::Result;
use crate::feed::stream_token::ClusterTime;
use crate::store::contract::{Claim, CommitOutcome, StoredOffset};

/// The start of each claimed partition, in their order.
pub(super) async fn choose_starts(
    parts: &SubscriptionParts,
    claims: &[(Claim, StoredOffset)],
) -> Result<Vec<Position>> {
    // After the claims: what is sent from here on is later than this.
    let now = confirmed_now(parts, claims).await?;
    let is_missing = |found: &StoredOffset| found.position.is_none();
    let config = &parts.config;
    let group_birth = if claims.iter().any(|(_, found)| is_missing(found)) {
        parts.store.group_birth(&config.group_id, &config.topic).await?
    } else {
        None
    };
    let facts = StartFacts { from_beginning: config.from_beginning, group_birth, now };
    Ok(claims
        .iter()
        .map(|(claim, found)| {
            let start = start_position::choose(found.position.as_ref(), facts);
            log_start(parts, claim, found, &start, facts);
            start
        })
        .collect())
}

/// The deployment's time. A member that has just become primary may for a moment not know how far the majority is;
/// then good positions would look as if they came from elsewhere. After a majority write of ours it knows.
async fn confirmed_now(parts: &SubscriptionParts, claims: &[(Claim, StoredOffset)]) -> Result<ClusterTime> {
    let now = parts.store.cluster_time().await?;
    let suspect = claims.iter().find_map(|(claim, found)| {
        let position = found.position.clone().filter(|position| position.is_later_than(now))?;
        Some((claim, Checkpoint { position, finished_ahead: found.finished_ahead.clone() }))
    });
    let Some((claim, unchanged)) = suspect else { return Ok(now) };
    match parts.store.commit_offset(claim, &unchanged).await? {
        CommitOutcome::Committed => parts.store.cluster_time().await,
        CommitOutcome::Fenced => Err(lease_lost(&claim.key)),
    }
}

fn log_start(
    parts: &SubscriptionParts,
    claim: &Claim,
    found: &StoredOffset,
    start: &Position,
    facts: StartFacts,
) {
    let key = &claim.key;
    match (&found.position, start) {
        (Some(position), _) if position.is_later_than(facts.now) => parts.logger.error(|| {
            format!(
                "{key}: its position is later than this deployment's time, so it comes from another one, or from a \
                 restored backup; delivering everything that is stored, as possible duplicates"
            )
        }),
        (None, Position::Stream(stream)) if !stream.is_plain() => parts.logger.warn(|| {
            format!(
                "{key}: the group has no offset here, but in other partitions of the topic; delivering what was sent \
                 since it began, as possible duplicates"
            )
        }),
        _ => {}
    }
}
