//! Tells worlds apart. Two that differ only in what no decision is made from are the same.

use std::hash::{Hash, Hasher};

use super::world::World;

/// FNV-1a, eight bytes at a time, and so wide that no state is taken for another one.
struct Wide(u128);

impl Wide {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

    fn add(&mut self, word: u64) {
        self.0 = (self.0 ^ u128::from(word)).wrapping_mul(Self::PRIME);
    }
}

impl Hasher for Wide {
    fn finish(&self) -> u64 {
        unreachable!("the wide one is wanted")
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.add(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.add(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.add(number as u64);
    }
}

impl World {
    /// Of everything.
    pub(super) fn fingerprint(&self) -> u128 {
        let running = self.running.filter(|running| self.subscriptions[*running].is_within_a_round());
        self.hashed((&self.harm, &self.interruptions, &running, &self.late, &self.witness))
    }

    /// Of what goes on, but not of what has been or may yet be.
    pub(super) fn fingerprint_of_present(&self) -> u128 {
        self.hashed(())
    }

    fn hashed(&self, environment: impl Hash) -> u128 {
        let mut hasher = Wide(Wide::BASIS);
        (environment, &self.subscriptions, &self.tables).hash(&mut hasher);
        hasher.0
    }
}
