//! The only source of randomness: for jitter, never for secrets.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

use bson::oid::ObjectId;

use super::{clock, simulation};

/// An unpredictable number; in a simulation the next one of its seed.
pub fn next_u32() -> u32 {
    if let Some(simulation) = simulation::current() {
        return simulation.next_u32();
    }
    // Every `RandomState` has keys of its own; hashing nothing with them is as random as they are.
    u32::try_from(RandomState::new().build_hasher().finish() >> 32).unwrap_or(u32::MAX)
}

/// A new id, later ones greater; in a simulation it follows from the seed.
pub fn object_id() -> ObjectId {
    let Some(simulation) = simulation::current() else { return ObjectId::new() };
    let seconds = u32::try_from(clock::unix_millis() / 1000).unwrap_or_default();
    let [high, low] = [simulation.next_u32(), simulation.next_u32()].map(u32::to_be_bytes);
    ObjectId::from_parts(seconds, [high[0], high[1], high[2], high[3], low[0]], [low[1], low[2], low[3]])
}
