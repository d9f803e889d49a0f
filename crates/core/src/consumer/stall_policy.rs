//! What is done about a partition that gets nothing from the server. Pure.

use std::time::Duration;

/// The server says at least every 10 seconds that there is nothing new; after three times that something is wrong.
pub(super) const STALLED_AFTER: Duration = Duration::from_secs(30);
/// The next, heavier remedy, each time after as long again.
const NEXT_REMEDY_AFTER: Duration = Duration::from_secs(30);
/// A partition that others could read is not held for longer.
const GIVEN_UP_AFTER: Duration = Duration::from_mins(5);

/// What to do about a stall, from light to heavy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Open the streams anew.
    RenewCursor,
    /// Open a new client: the connections of the old one may be dead.
    RenewClient,
    /// Give the partition up, if the deployment answers.
    Release,
}

/// What a look at a partition has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// All is well, or what was begun is still to take effect.
    Nothing,
    /// It gets nothing: say so (the first time) and do this.
    Stalled { is_new: bool, remedy: Remedy },
    /// It gets something again, after this time.
    Recovered(Duration),
}

/// The state of one partition's stall.
#[derive(Debug, Default)]
pub(super) struct StallWatch {
    /// Longest silence of the present stall.
    longest: Option<Duration>,
    next_remedy_at: Duration,
    renewed_cursor: bool,
}

impl StallWatch {
    /// To be called every few seconds with the time for which nothing has come.
    pub(super) fn look(&mut self, silence: Duration) -> Finding {
        if silence < STALLED_AFTER {
            return match self.longest.take() {
                Some(longest) => Finding::Recovered(longest),
                None => Finding::Nothing,
            };
        }
        let is_new = self.longest.is_none();
        if is_new {
            *self = Self { next_remedy_at: silence, ..Self::default() };
        }
        self.longest = Some(silence);
        if silence < self.next_remedy_at {
            return Finding::Nothing;
        }
        self.next_remedy_at = silence + NEXT_REMEDY_AFTER;
        let remedy = if silence >= GIVEN_UP_AFTER {
            Remedy::Release
        } else if self.renewed_cursor {
            Remedy::RenewClient
        } else {
            Remedy::RenewCursor
        };
        self.renewed_cursor = true;
        Finding::Stalled { is_new, remedy }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_remedies_get_heavier() {
        let mut watch = StallWatch::default();
        let findings: Vec<_> = (0..70).map(|step| (step * 5, watch.look(seconds(step * 5)))).collect();
        let stalls: Vec<_> = findings
            .iter()
            .filter_map(|(at, finding)| match finding {
                Finding::Stalled { is_new, remedy } => Some((*at, *is_new, *remedy)),
                _ => None,
            })
            .collect();
        assert_eq!(
            stalls[..3],
            [
                (30, true, Remedy::RenewCursor),
                (60, false, Remedy::RenewClient),
                (90, false, Remedy::RenewClient),
            ]
        );
        assert_eq!(stalls.last().map(|(at, _, remedy)| (*at, *remedy)), Some((330, Remedy::Release)));
        assert!(stalls.iter().all(|(at, _, remedy)| (*at >= 300) == (*remedy == Remedy::Release)));
    }

    #[test]
    fn says_once_that_it_is_over() {
        let mut watch = StallWatch::default();
        assert_eq!(watch.look(seconds(1)), Finding::Nothing);
        watch.look(seconds(31));
        watch.look(seconds(44));
        assert_eq!(watch.look(seconds(1)), Finding::Recovered(seconds(44)));
        assert_eq!(watch.look(seconds(1)), Finding::Nothing);
        assert_eq!(watch.look(seconds(40)), Finding::Stalled { is_new: true, remedy: Remedy::RenewCursor });
    }
}
