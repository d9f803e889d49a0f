//! When a partition looks for letters to redrive, and how fast it takes them. Pure.

use std::time::Duration;

use super::stored_letter::PendingRedrive;
use crate::runtime::clock::Instant;

/// What one partition knows of its letters.
#[derive(Debug)]
pub(super) struct RedriveSchedule {
    /// The signal that was answered by the last look; with a newer one there may be letters.
    answered: Option<u64>,
    /// There is one whose turn comes then, or the last look failed.
    again_at: Option<Instant>,
    /// A look is under way, or a letter is being delivered: they go one at a time.
    is_busy: bool,
    /// The letter before.
    last: Option<Taken>,
}

#[derive(Debug)]
struct Taken {
    request: String,
    turn_ms: i64,
    at: Instant,
}

impl RedriveSchedule {
    /// There are letters only if a newer signal says so.
    pub(super) fn after_signal(signal: u64) -> Self {
        Self { answered: Some(signal), again_at: None, is_busy: false, last: None }
    }

    /// Whether to look now.
    pub(super) fn is_due(&self, signal: u64, now: Instant) -> bool {
        !self.is_busy && (self.answered != Some(signal) || self.again_at.is_some_and(|at| at <= now))
    }

    /// When to look without being told to.
    pub(super) fn again_at(&self) -> Option<Instant> {
        self.again_at.filter(|_| !self.is_busy)
    }

    /// A look begins.
    pub(super) fn begin(&mut self, signal: u64) {
        self.answered = Some(signal);
        self.again_at = None;
        self.is_busy = true;
    }

    /// It found nothing to deliver now; `again_at` if there is something to come.
    pub(super) fn rest(&mut self, again_at: Option<Instant>) {
        self.again_at = again_at;
        self.is_busy = false;
    }

    /// It found a letter, which was taken.
    pub(super) fn took(&mut self, pending: &PendingRedrive, now: Instant) {
        let turn_ms = pending.mark.not_before.timestamp_millis();
        self.last = Some(Taken { request: pending.mark.id.clone(), turn_ms, at: now });
    }

    /// The letter is settled; another one may follow at once.
    pub(super) fn settled(&mut self) {
        self.answered = None;
        self.is_busy = false;
    }

    /// How long a letter has to wait. When a group comes late, as after it was stopped for a while, the letters of a
    /// request keep the distance that their turns have: they do not come all at once.
    pub(super) fn wait(&self, pending: &PendingRedrive, now: Instant) -> Duration {
        let until_turn = milliseconds(pending.due_in_ms);
        let until_distance = self.last.as_ref().filter(|last| last.request == pending.mark.id).map(|last| {
            let distance = pending.mark.not_before.timestamp_millis().saturating_sub(last.turn_ms);
            (last.at + milliseconds(distance)).saturating_duration_since(now)
        });
        until_turn.max(until_distance.unwrap_or_default())
    }
}

/// None if negative.
fn milliseconds(milliseconds: i64) -> Duration {
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use bson::{Bson, DateTime};

    use super::*;
    use crate::dead_letter::{LetterId, RedriveMark};
    use crate::runtime::clock;
    use crate::store::contract::OffsetKey;

    fn pending(request: &str, turn_ms: i64, due_in_ms: i64) -> PendingRedrive {
        let key = OffsetKey { group_id: "g".into(), topic: "t".into(), partition: 0 };
        let mark = RedriveMark {
            id: request.into(),
            requested_at: DateTime::from_millis(0),
            not_before: DateTime::from_millis(turn_ms),
            holder: None,
            interruptions: 0,
            expires_at: None,
        };
        PendingRedrive { letter: LetterId { key, message_id: Bson::Int32(1) }, mark, due_in_ms }
    }

    #[test]
    fn looks_once_per_signal_and_when_a_turn_comes() {
        let now = clock::now();
        let later = now + Duration::from_secs(1);
        let mut schedule = RedriveSchedule::after_signal(3);
        assert_eq!((schedule.is_due(3, now), schedule.is_due(4, now)), (false, true));
        schedule.begin(4);
        assert!(!schedule.is_due(5, now), "while it looks");
        schedule.rest(None);
        assert_eq!((schedule.is_due(4, now), schedule.is_due(5, now)), (false, true));
        schedule.begin(5);
        schedule.rest(Some(later));
        assert_eq!((schedule.is_due(5, now), schedule.is_due(5, later)), (false, true));
        assert_eq!(schedule.again_at(), Some(later));
        assert!(schedule.is_due(6, now), "an older letter may have been marked");
    }

    #[test]
    fn one_letter_at_a_time() {
        let now = clock::now();
        let mut schedule = RedriveSchedule::after_signal(0);
        schedule.begin(1);
        schedule.took(&pending("r", 0, 0), now);
        assert_eq!((schedule.is_due(9, now), schedule.again_at()), (false, None));
        schedule.settled();
        assert!(schedule.is_due(1, now));
    }

    #[test]
    fn a_letter_waits_for_its_turn() {
        let now = clock::now();
        let schedule = RedriveSchedule::after_signal(0);
        assert_eq!(schedule.wait(&pending("r", 700, 250), now), Duration::from_millis(250));
        assert_eq!(schedule.wait(&pending("r", 700, -250), now), Duration::ZERO);
    }

    #[test]
    fn letters_that_are_late_keep_their_distance() {
        let now = clock::now();
        let mut schedule = RedriveSchedule::after_signal(0);
        schedule.took(&pending("r", 1000, -60_000), now);
        let next = pending("r", 1200, -59_800);
        assert_eq!(schedule.wait(&next, now), Duration::from_millis(200));
        assert_eq!(schedule.wait(&next, now + Duration::from_millis(150)), Duration::from_millis(50));
        assert_eq!(schedule.wait(&next, now + Duration::from_millis(500)), Duration::ZERO);
        assert_eq!(schedule.wait(&pending("r", 900, -60_100), now), Duration::ZERO, "an older one");
        assert_eq!(schedule.wait(&pending("other", 1200, -1), now), Duration::ZERO);
    }
}
