//! A member's right to deliver, for as long as nobody else may think that it is gone.
//!
//! The server decides who is gone, by its own clock. A member cannot see that clock, so it counts from the moment at which
//! it sent the last heartbeat that was answered, and stops a beat early.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::heartbeat::Pace;
use crate::runtime::clock::{self, Instant};

/// How the lease stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum LeaseStatus {
    /// The member may deliver.
    Held,
    /// No heartbeat was answered for so long that another member may take over at any moment. The next answer tells.
    Lapsed,
    /// The member is fenced, for good.
    Lost,
}

/// The lease of a member. Cheap to clone; the clones are one.
#[derive(Debug, Clone)]
pub(crate) struct Lease(Arc<watch::Sender<Term>>);

#[derive(Debug, Clone, Copy)]
enum Term {
    Until {
        moment: Instant,
        /// Time that the machine had slept when that was said.
        suspended: Duration,
        sent: Instant,
        /// Heartbeats have been answered without a gap since then.
        steady_since: Instant,
    },
    Lost,
}

impl Lease {
    /// A lease that a heartbeat sent at this moment began.
    pub(crate) fn begin(sent: Instant, pace: Pace) -> Self {
        let (moment, suspended) = (sent + pace.term(), clock::suspended());
        Self(Arc::new(watch::Sender::new(Term::Until { moment, suspended, sent, steady_since: sent })))
    }

    /// A heartbeat that was sent at this moment was answered.
    pub(crate) fn renew(&self, sent: Instant, pace: Pace) {
        self.0.send_modify(|current| {
            if let Term::Until { sent: before, steady_since, .. } = *current {
                // Others may have had an answer before a gap that this member did not notice.
                let has_gap = sent.duration_since(before) > pace.longest_gap();
                let steady_since = if has_gap { sent } else { steady_since };
                let (moment, suspended) = (sent + pace.term(), clock::suspended());
                *current = Term::Until { moment, suspended, sent, steady_since };
            }
        });
    }

    /// The member is fenced.
    pub(crate) fn lose(&self) {
        self.0.send_replace(Term::Lost);
    }

    pub(crate) fn status(&self) -> LeaseStatus {
        match *self.0.borrow() {
            Term::Lost => LeaseStatus::Lost,
            Term::Until { moment, suspended, .. } => {
                let slept = clock::suspended().saturating_sub(suspended);
                if clock::now() + slept < moment { LeaseStatus::Held } else { LeaseStatus::Lapsed }
            }
        }
    }

    /// How long heartbeats have been answered without a gap.
    pub(crate) fn steady_for(&self) -> Duration {
        match *self.0.borrow() {
            Term::Until { steady_since, .. } if self.status() == LeaseStatus::Held => steady_since.elapsed(),
            Term::Until { .. } | Term::Lost => Duration::ZERO,
        }
    }

    /// Resolves when the status is another one.
    pub(crate) async fn changed_from(&self, status: LeaseStatus) {
        let mut term = self.0.subscribe();
        while self.status() == status {
            let moment = match *term.borrow_and_update() {
                Term::Until { moment, .. } => Some(moment).filter(|_| status == LeaseStatus::Held),
                Term::Lost => None,
            };
            tokio::select! {
                biased;
                // The sender is here.
                _ = term.changed() => {}
                () = clock::sleep_until(moment.unwrap_or_else(clock::now)), if moment.is_some() => {}
            }
        }
    }

    /// Resolves when the member is fenced.
    pub(crate) async fn lost(&self) {
        let mut term = self.0.subscribe();
        // The sender is here.
        let _ = term.wait_for(|term| matches!(term, Term::Lost)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    /// The shortest session that is allowed for the interval.
    const PACE: Pace = Pace { interval: SECOND.saturating_mul(2), session: SECOND.saturating_mul(6) };

    #[tokio::test(start_paused = true)]
    async fn lapses_and_is_held_again() {
        let begun = clock::now();
        let lease = Lease::begin(begun, PACE);
        assert_eq!(lease.status(), LeaseStatus::Held);
        lease.changed_from(LeaseStatus::Held).await;
        assert_eq!(begun.elapsed(), PACE.interval * 2, "a beat less than the session");
        assert_eq!((lease.status(), lease.steady_for()), (LeaseStatus::Lapsed, Duration::ZERO));
        lease.renew(clock::now(), PACE);
        lease.changed_from(LeaseStatus::Lapsed).await;
        assert_eq!((lease.status(), lease.steady_for()), (LeaseStatus::Held, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn is_steady_while_no_heartbeat_is_missing() {
        let lease = Lease::begin(clock::now(), PACE);
        for _ in 0..5 {
            // Heartbeats are a little late.
            clock::sleep(PACE.interval + SECOND / 2).await;
            lease.renew(clock::now(), PACE);
        }
        assert!(lease.steady_for() > PACE.fair_hearing());
        clock::sleep(PACE.interval * 2).await;
        lease.renew(clock::now(), PACE);
        assert_eq!((lease.status(), lease.steady_for()), (LeaseStatus::Held, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn counts_from_when_the_heartbeat_was_sent() {
        let sent = clock::now();
        clock::sleep(SECOND).await;
        let lease = Lease::begin(sent, PACE);
        lease.changed_from(LeaseStatus::Held).await;
        assert_eq!(sent.elapsed(), PACE.term());
    }

    #[tokio::test(start_paused = true)]
    async fn once_lost_it_stays_lost() {
        let lease = Lease::begin(clock::now(), PACE);
        lease.lose();
        lease.lost().await;
        lease.renew(clock::now(), PACE);
        assert_eq!(lease.status(), LeaseStatus::Lost);
    }
}
