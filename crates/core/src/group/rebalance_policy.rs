//! When a new assignment takes effect: at once if somebody waits for it, else when the members have stopped coming. Pure.

use std::time::Duration;

use crate::runtime::clock::Instant;

/// Members that come within a part of the delay of each other are assigned together.
const QUIET_PART: u32 = 4;

/// What the leader does with an assignment that differs from the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RebalanceDecision {
    /// It is stored now.
    Now,
    /// It is looked at again after so long.
    After(Duration),
}

/// Gathers changes.
#[derive(Debug, Default)]
pub(crate) struct RebalancePolicy {
    gathering: Option<Gathering>,
}

#[derive(Debug)]
struct Gathering {
    since: Instant,
    last_change: Instant,
    /// What would be assigned, in short.
    assignment_fingerprint: u64,
}

impl RebalancePolicy {
    /// `assignment_fingerprint` changes with what would be assigned; `is_urgent` says that a partition has nobody.
    pub(crate) fn decide(
        &mut self,
        assignment_fingerprint: u64,
        is_urgent: bool,
        delay: Duration,
        now: Instant,
    ) -> RebalanceDecision {
        if is_urgent || delay.is_zero() {
            self.gathering = None;
            return RebalanceDecision::Now;
        }
        let gathering =
            self.gathering.get_or_insert(Gathering { since: now, last_change: now, assignment_fingerprint });
        if gathering.assignment_fingerprint != assignment_fingerprint {
            gathering.assignment_fingerprint = assignment_fingerprint;
            gathering.last_change = now;
        }
        let due = (gathering.last_change + delay / QUIET_PART).min(gathering.since + delay);
        if now >= due {
            self.gathering = None;
            return RebalanceDecision::Now;
        }
        RebalanceDecision::After(due - now)
    }

    /// Nothing has to change.
    pub(crate) fn settled(&mut self) {
        self.gathering = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::clock;

    const DELAY: Duration = Duration::from_secs(4);

    #[test]
    fn a_partition_without_owner_does_not_wait() {
        let mut policy = RebalancePolicy::default();
        let now = clock::now();
        assert_eq!(policy.decide(1, true, DELAY, now), RebalanceDecision::Now);
        assert_eq!(policy.decide(1, false, Duration::ZERO, now), RebalanceDecision::Now);
    }

    #[test]
    fn waits_until_nobody_comes_any_more_but_not_longer_than_the_delay() {
        let mut policy = RebalancePolicy::default();
        let start = clock::now();
        let mut at = |milliseconds, assignment_fingerprint| {
            policy.decide(assignment_fingerprint, false, DELAY, start + Duration::from_millis(milliseconds))
        };
        let after = |milliseconds| RebalanceDecision::After(Duration::from_millis(milliseconds));
        assert_eq!(at(0, 1), after(1000));
        assert_eq!(at(900, 2), after(1000));
        assert_eq!(at(1000, 2), after(900));
        assert_eq!(at(1900, 2), RebalanceDecision::Now);
        for (assignment_fingerprint, second) in (10..).zip([2000, 2900, 3800, 4700, 5500]) {
            assert!(matches!(at(second, assignment_fingerprint), RebalanceDecision::After(_)), "{second}");
        }
        assert_eq!(at(5900, 20), after(100));
        assert_eq!(at(6000, 21), RebalanceDecision::Now);
    }

    #[test]
    fn what_has_settled_is_not_counted() {
        let mut policy = RebalancePolicy::default();
        let start = clock::now();
        policy.decide(1, false, DELAY, start);
        policy.settled();
        let later = start + Duration::from_mins(1);
        assert!(matches!(policy.decide(2, false, DELAY, later), RebalanceDecision::After(_)));
    }
}
