//! Numbers that look random and follow from a seed.

use std::time::Duration;

/// A generator of the `SplitMix` family: a counter whose every value is mixed thoroughly. Any seed is a good one.
#[derive(Debug, Clone)]
pub struct SeededRandom {
    counter: u64,
}

impl SeededRandom {
    /// The numbers of this seed.
    pub fn new(seed: u64) -> Self {
        Self { counter: mix(seed) }
    }

    /// Another generator, whose numbers have nothing to do with those of this one.
    #[must_use]
    pub fn fork(&mut self, purpose: &str) -> Self {
        let purpose = purpose.bytes().fold(0, |hash, byte| mix(hash ^ u64::from(byte)));
        Self::new(self.next_u64() ^ purpose)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.counter = self.counter.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.counter)
    }

    /// The upper half of the next number.
    pub fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next_u64() % limit
    }

    /// A number from `from` up to and including `to`.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from + 1)
    }

    /// An index into something that is not empty.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("below a length")
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.index(all.len())]
    }

    /// `true` so many times in a thousand.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// A time between two, in whole milliseconds.
    pub fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.between(from, to))
    }
}

fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_another_gives_others() {
        let numbers = |seed| {
            let mut random = SeededRandom::new(seed);
            (0..100).map(|_| random.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(7), numbers(7));
        let others = numbers(8);
        assert!(numbers(7).iter().zip(&others).filter(|(a, b)| a == b).count() < 5);
    }

    #[test]
    fn stays_within_bounds_and_reaches_them() {
        let mut random = SeededRandom::new(1);
        let drawn: Vec<_> = (0..1000).map(|_| random.between(3, 5)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&3), Some(&5)));
        assert_eq!((random.chance(0), random.chance(1000)), (false, true));
    }
}
