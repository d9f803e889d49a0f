//! How long to wait before trying again. Pure: the randomness comes from the caller.

use std::time::Duration;

/// Exponential backoff, spread at random between half and the whole of each step.
#[derive(Debug, Clone)]
pub struct Backoff {
    next: Duration,
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// Starts at `first` and doubles up to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first, first, longest }
    }

    /// Between calls of the store that failed, or streams of it that broke: 50 ms to 2 s. What heals by itself, such as an
    /// election, takes seconds.
    pub fn of_store_calls() -> Self {
        Self::new(Duration::from_millis(50), Duration::from_secs(2))
    }

    /// The next wait. `random` is any number; its low bits spread the waits of many callers.
    pub fn next_delay(&mut self, random: u32) -> Duration {
        let step = self.next;
        self.next = (step * 2).min(self.longest);
        step / 2 + (step / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    /// Starts over, after a success.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_within_bounds_and_resets() {
        let (first, longest) = (Duration::from_millis(100), Duration::from_millis(350));
        let mut backoff = Backoff::new(first, longest);
        let highest: Vec<_> = (0..4).map(|_| backoff.next_delay(u32::MAX).as_millis()).collect();
        assert_eq!(highest, [100, 200, 350, 350]);
        backoff.reset();
        assert_eq!(backoff.next_delay(0), first / 2);
    }
}
