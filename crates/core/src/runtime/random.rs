//! The only source of randomness: for jitter, never for secrets.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use super::simulation;

/// An unpredictable number; in a simulation the next one of its seed.
pub fn next_u32() -> u32 {
    if let Some(simulation) = simulation::current() {
        return simulation.next_u32();
    }
    // Every `RandomState` has keys of its own; hashing nothing with them is as random as they are.
    u32::try_from(RandomState::new().build_hasher().finish() >> 32).unwrap_or(u32::MAX)
}
