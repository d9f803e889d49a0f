//! What becomes of one call of the user's function. Pure.

use std::time::Duration;

use super::event::Handling;
use super::plan::HandlingPlan;
use crate::seeded_random::SeededRandom;

/// What becomes of one call for one message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) takes: Duration,
    pub(super) fails: bool,
    /// Ends when it is asked to, instead of after its time.
    pub(super) hears: bool,
    pub(super) does: Deed,
}

/// What a call does besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Nothing,
    /// Ends its process.
    Crash,
    /// Commits.
    Commit,
    /// Unsubscribes.
    Leave,
}

/// What kind of message it is.
enum Kind {
    Plain,
    Poison,
    /// Fails so many times.
    Flaky(u32),
    /// Does not end the first time.
    Stuck,
    Killer,
    CallsBack,
}

impl HandlingPlan {
    /// The same for the same message and attempt, whoever handles it.
    pub(super) fn call(&self, message: &Handling) -> Call {
        let mut random = SeededRandom::new(self.seed ^ message.number.unsigned_abs());
        let kind = self.kind(random.below(1000));
        let mut random = random.fork(if message.attempt == 1 { "first" } else { "again" });
        let longest = if random.chance(self.slow) { self.slow_ms } else { self.usual_ms };
        let call = Call { takes: random.millis(0, longest), fails: false, hears: false, does: Deed::Nothing };
        match kind {
            Kind::Poison => Call { fails: true, ..call },
            Kind::Flaky(times) => Call { fails: message.attempt <= times, ..call },
            Kind::Plain => call,
            Kind::Stuck | Kind::CallsBack if message.attempt > 1 => call,
            Kind::Stuck => {
                Call { takes: Duration::from_mins(1), fails: true, hears: random.chance(500), ..call }
            }
            Kind::Killer => Call { does: Deed::Crash, ..call },
            Kind::CallsBack => Call { does: *random.pick(&[Deed::Commit, Deed::Leave]), ..call },
        }
    }

    fn kind(&self, draw: u64) -> Kind {
        let kinds = [
            (self.poison, Kind::Poison),
            (self.flaky, Kind::Flaky(if draw.is_multiple_of(2) { 1 } else { 2 })),
            (self.stuck, Kind::Stuck),
            (self.killers, Kind::Killer),
            (self.calls_back, Kind::CallsBack),
        ];
        let mut rest = draw;
        for (rate, kind) in kinds {
            if rest < rate {
                return kind;
            }
            rest -= rate;
        }
        Kind::Plain
    }
}
