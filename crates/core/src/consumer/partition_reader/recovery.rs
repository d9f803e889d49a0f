//! The stream cannot be read from the position any more: what is stored is read instead, and the user is told.

use std::time::Duration;

use super::PartitionReader;
use crate::consumer::handed_over::Verdict;
use crate::consumer::position::Position;
use crate::consumer::position_recovery;
use crate::error::{Error, Result};
use crate::observe::consumer_event::{ConsumerEvent, RecoveredFrom};
use crate::runtime::clock::{self, Instant};
use crate::runtime::random;

/// What has been done since the position was lost.
pub(super) struct Recovery {
    since: Instant,
    /// How often the stream was lost, also while what is stored was read.
    losses: u32,
    /// It has been seen whether messages have been deleted.
    is_checked: bool,
    scanned: u64,
    possible_duplicates: u64,
}

impl Recovery {
    pub(super) fn begin() -> Self {
        Self { since: clock::now(), losses: 0, is_checked: false, scanned: 0, possible_duplicates: 0 }
    }

    /// A stored message was read.
    pub(super) fn note(&mut self, verdict: Verdict) {
        self.scanned += 1;
        self.possible_duplicates += u64::from(verdict == Verdict::Doubtful);
    }
}

impl PartitionReader {
    /// Goes over to reading what is stored. Fails if messages may have been deleted, and the user wants to know.
    pub(super) async fn recover(&mut self, lost: &Error) -> Result<()> {
        let key = &self.parts.key;
        let recovery = self.recovery.get_or_insert_with(Recovery::begin);
        recovery.losses += 1;
        let (losses, is_checked) = (recovery.losses, recovery.is_checked);
        self.parts.logger.warn(|| format!("{key}: its position is lost, reading what is stored: {lost:?}"));
        if losses > 1 {
            // It was lost again before the stream could take over: the oplog is very short, or the server refuses.
            let delay = self.backoff.next_delay(random::next_u32());
            self.parts.sign.waits_for_process();
            clock::sleep(delay).await;
            self.parts.sign.advanced();
        }
        if !is_checked {
            self.check_lost_position().await?;
        }
        let now = self.parts.store.cluster_time().await?;
        self.position = Position::History(position_recovery::after_loss(&self.position, &self.handed, now));
        Ok(())
    }

    /// Whether messages have been deleted that the group should have read. A position that only tells when the group
    /// began says nothing about that.
    async fn check_lost_position(&mut self) -> Result<()> {
        if matches!(&self.position, Position::Stream(stream) if stream.doubtful_until.is_none()) {
            self.check_retention().await?;
        }
        if let Some(recovery) = &mut self.recovery {
            recovery.is_checked = true;
        }
        Ok(())
    }

    /// The feed has taken over.
    pub(super) fn recovered(&mut self) {
        let Some(recovery) = self.recovery.take() else { return };
        let Recovery { since, scanned, possible_duplicates, .. } = recovery;
        let duration = since.elapsed();
        let key = &self.parts.key;
        self.parts.logger.info(|| {
            format!(
                "{key}: recovered from a lost position in {} ms: {scanned} stored messages read, of which \
                 {possible_duplicates} may have been handled before",
                milliseconds(duration)
            )
        });
        self.parts.events.emit(|| ConsumerEvent::Recovered {
            partition: key.partition,
            from: RecoveredFrom::LostPosition,
            duration_ms: milliseconds(duration),
            scanned,
            possible_duplicates,
        });
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
