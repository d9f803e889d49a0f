//! When partitions commit that commit as soon as possible: at once while few do, together and less often the more do. What
//! commits cost the server is bounded, however many partitions a process has. Pure but for the lock.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::runtime::clock::Instant;

/// Each commit earns its window so much: 200 commits per second and process.
const PER_COMMIT: Duration = Duration::from_millis(5);
/// No partition waits longer.
const LONGEST_WINDOW: Duration = Duration::from_secs(1);

/// Shared by all partitions of a process. Cheap to clone; the clones are one.
#[derive(Clone, Default)]
pub(crate) struct CommitPacer(Arc<Mutex<Window>>);

/// The time in which nobody commits after those that just have.
#[derive(Default)]
struct Window {
    ends: Option<Instant>,
    /// Partitions that commit when it ends.
    waiting: u32,
}

impl CommitPacer {
    /// When a partition commits that has something to commit now. Asked once for each commit.
    pub(super) fn next_commit(&self, now: Instant) -> Instant {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ends) = window.ends.filter(|ends| now < *ends) {
            window.waiting = window.waiting.saturating_add(1);
            return ends;
        }
        // Those that waited have committed when it ended, or are doing so.
        let commits = window.waiting.saturating_add(1);
        window.ends = Some(now + PER_COMMIT.saturating_mul(commits).min(LONGEST_WINDOW));
        window.waiting = 0;
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::clock;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn one_after_a_while_commits_at_once() {
        let (pacer, now) = (CommitPacer::default(), clock::now());
        assert_eq!(pacer.next_commit(now), now);
        assert_eq!(pacer.next_commit(now + 5 * MS), now + 5 * MS);
    }

    #[test]
    fn those_that_come_within_the_window_commit_together_at_its_end() {
        let (pacer, now) = (CommitPacer::default(), clock::now());
        pacer.next_commit(now);
        for after in 1..4 {
            assert_eq!(pacer.next_commit(now + after * MS), now + 5 * MS);
        }
        // The next window pays for those three, and for the one that opens it.
        assert_eq!(pacer.next_commit(now + 6 * MS), now + 6 * MS);
        assert_eq!(pacer.next_commit(now + 7 * MS), now + 26 * MS);
    }

    #[test]
    fn nobody_waits_longer_than_a_second() {
        let (pacer, now) = (CommitPacer::default(), clock::now());
        pacer.next_commit(now);
        for _ in 0..1000 {
            pacer.next_commit(now + MS);
        }
        let opened = pacer.next_commit(now + 5 * MS);
        assert_eq!(pacer.next_commit(opened), opened + LONGEST_WINDOW);
    }

    #[test]
    fn the_rate_is_bounded_whatever_is_asked_for() {
        let (pacer, begun) = (CommitPacer::default(), clock::now());
        let mut due = vec![begun; 256];
        let mut commits = 0;
        for millisecond in 0..10_000 {
            let now = begun + millisecond * MS;
            for partition in &mut due {
                if *partition <= now {
                    *partition = pacer.next_commit(now).max(now + MS);
                    commits += 1;
                }
            }
        }
        assert!((2000..=3000).contains(&commits), "{commits} in ten seconds");
    }
}
