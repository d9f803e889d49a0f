//! After owners that ended without releasing the partition: which of its messages ended them? Pure.
//!
//! While caution holds, messages are handed out one at a time, and each attempt is noted before it begins. So a
//! message that kills its process is known by the next owner, and its attempts are counted.

/// Messages that may have been in the hands of the owner that ended: what one delivery holds.
const AFTER_ONE_END: u64 = 256;
/// With rare commits the killer stands further away; looking twice as far after each end finds it anyway.
const MOST_DOUBLINGS: u32 = 16;

/// How many messages are still handed out with caution.
#[derive(Debug)]
pub(super) struct Caution {
    remaining: u64,
}

impl Caution {
    /// After so many owners in a row that did not release the partition.
    pub(super) fn after(unclean_ends: u32) -> Self {
        let remaining = match unclean_ends {
            0 => 0,
            ends => AFTER_ONE_END << (ends - 1).min(MOST_DOUBLINGS),
        };
        Self { remaining }
    }

    pub(super) fn holds(&self) -> bool {
        self.remaining > 0
    }

    /// A message was finished. `true` when it was the last one that needed caution.
    pub(super) fn finished_one(&mut self) -> bool {
        let held = self.holds();
        self.remaining = self.remaining.saturating_sub(1);
        held && !self.holds()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_further_after_each_end() {
        assert!(!Caution::after(0).holds());
        assert_eq!([1, 2, 3].map(|ends| Caution::after(ends).remaining), [256, 512, 1024]);
        assert_eq!(Caution::after(u32::MAX).remaining, 256 << 16);
    }

    #[test]
    fn ends_once() {
        let mut caution = Caution { remaining: 2 };
        assert_eq!([(); 4].map(|()| caution.finished_one()), [false, true, false, false]);
        assert!(!caution.holds());
    }
}
