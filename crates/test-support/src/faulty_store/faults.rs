//! What goes wrong: drawn for each call from a seed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::seeded_random::SeededRandom;

/// How often things go wrong: of a thousand calls or batches so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultRates {
    /// No server is found: `ERR_CSB_UNAVAILABLE`, without effect.
    pub refused: u64,
    /// The connection breaks before the server has the call.
    pub request_lost: u64,
    /// The connection breaks after the call has taken effect.
    pub reply_lost: u64,
    /// No answer within the deadline; the call takes effect around it, before or after.
    pub late: u64,
    /// Calls that take up to `slow_ms` instead of `usual_ms`, each way.
    pub slow: u64,
    /// Usual time of one way at most.
    pub usual_ms: u64,
    /// Time of one way of a slow call at most.
    pub slow_ms: u64,
    /// A stream ends with a lost connection instead of the next batch.
    pub stream_ends: u64,
    /// A stream falls silent for up to `hang_ms`, and then fails.
    pub stream_hangs: u64,
    /// See `stream_hangs`.
    pub hang_ms: u64,
    /// A stream is refused because the history were lost, although it is not.
    pub history_lost: u64,
    /// Deadline of a call.
    pub deadline_ms: u64,
}

impl FaultRates {
    /// Nothing goes wrong; calls take a moment.
    pub const CALM: Self = Self {
        refused: 0,
        request_lost: 0,
        reply_lost: 0,
        late: 0,
        slow: 0,
        usual_ms: 2,
        slow_ms: 0,
        stream_ends: 0,
        stream_hangs: 0,
        hang_ms: 0,
        history_lost: 0,
        deadline_ms: 10_000,
    };
}

/// Decides what happens to each call. Cheap to clone; the clones are one.
#[derive(Clone)]
pub struct Faults(Arc<Mutex<State>>);

struct State {
    random: SeededRandom,
    rates: FaultRates,
    is_cut_off: bool,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy)]
pub(super) enum CallFate {
    Answered { request: Duration, reply: Duration },
    Refused { after: Duration },
    RequestLost { after: Duration },
    ReplyLost { request: Duration, after: Duration },
    Late { effect_after: Duration, deadline: Duration },
}

/// What becomes of the next batch of a stream.
#[derive(Debug, Clone, Copy)]
pub(super) enum BatchFate {
    Comes { after: Duration },
    Ends { after: Duration },
    Hangs { until: Duration },
}

impl Faults {
    /// Faults of this seed, at these rates.
    pub fn new(random: SeededRandom, rates: FaultRates) -> Self {
        Self(Arc::new(Mutex::new(State { random, rates, is_cut_off: false })))
    }

    /// Changes the rates from the next call on.
    pub fn set_rates(&self, rates: FaultRates) {
        self.lock().rates = rates;
    }

    /// Whether no call reaches the server, from the next one on.
    pub fn set_cut_off(&self, is_cut_off: bool) {
        self.lock().is_cut_off = is_cut_off;
    }

    pub(super) fn next_stream_is_lost(&self) -> bool {
        let mut guard = self.lock();
        let State { random, rates, .. } = &mut *guard;
        random.chance(rates.history_lost)
    }

    pub(super) fn is_cut_off(&self) -> bool {
        self.lock().is_cut_off
    }

    pub(super) fn next_call(&self) -> CallFate {
        let mut guard = self.lock();
        let State { random, rates, is_cut_off, .. } = &mut *guard;
        if *is_cut_off {
            return if random.chance(500) {
                CallFate::Refused { after: random.millis(0, rates.deadline_ms) }
            } else {
                CallFate::RequestLost { after: random.millis(0, 10) }
            };
        }
        let mut draw = random.below(1000);
        let mut is_drawn = |rate: u64| {
            let is_drawn = draw < rate;
            draw = draw.saturating_sub(rate);
            is_drawn
        };
        let kind = [rates.refused, rates.request_lost, rates.reply_lost, rates.late, u64::MAX];
        let kind = kind.into_iter().position(&mut is_drawn);
        let request = one_way(random, rates);
        let after = one_way(random, rates);
        match kind {
            Some(0) => CallFate::Refused { after },
            Some(1) => CallFate::RequestLost { after },
            Some(2) => CallFate::ReplyLost { request, after },
            Some(3) => CallFate::Late {
                effect_after: random.millis(rates.deadline_ms / 2, rates.deadline_ms * 2),
                deadline: Duration::from_millis(rates.deadline_ms),
            },
            _ => CallFate::Answered { request, reply: after },
        }
    }

    pub(super) fn next_batch(&self) -> BatchFate {
        let mut guard = self.lock();
        let State { random, rates, .. } = &mut *guard;
        let after = one_way(random, rates);
        if random.chance(rates.stream_ends) {
            return BatchFate::Ends { after };
        }
        if random.chance(rates.stream_hangs) {
            return BatchFate::Hangs { until: random.millis(0, rates.hang_ms) };
        }
        BatchFate::Comes { after }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn one_way(random: &mut SeededRandom, rates: &FaultRates) -> Duration {
    let longest = if random.chance(rates.slow) { rates.slow_ms } else { rates.usual_ms };
    random.millis(0, longest)
}
