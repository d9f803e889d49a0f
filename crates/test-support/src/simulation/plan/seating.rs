//! Who is in a group, and what he reads. Every partition is read by somebody.

use std::time::Duration;

use super::SeatPlan;
use crate::seeded_random::SeededRandom;

const MOST_MEMBERS: u64 = 5;

pub(super) fn seats(random: &mut SeededRandom, partitions: u32) -> Vec<SeatPlan> {
    let mut seats = match random.below(100) {
        0..15 => vec![all(random, partitions)],
        15..30 => (0..partitions).map(|partition| some(vec![partition])).collect(),
        30..75 => (0..random.between(2, MOST_MEMBERS)).map(|_| all(random, partitions)).collect(),
        75..90 => with_others(random, partitions, false),
        _ => with_others(random, partitions, true),
    };
    let all_at_once = random.chance(500);
    for seat in &mut seats {
        seat.keeps_name = random.chance(250);
        seat.comes_after = random.millis(0, if all_at_once { 1_000 } else { 20_000 });
    }
    seats
}

fn some(partitions: Vec<u32>) -> SeatPlan {
    let partitions = Some(partitions);
    SeatPlan { partitions, is_manual: false, keeps_name: false, comes_after: Duration::ZERO }
}

/// By naming them, or by naming none.
fn all(random: &mut SeededRandom, partitions: u32) -> SeatPlan {
    let named = some((0..partitions).collect());
    if random.chance(500) { named } else { SeatPlan { partitions: None, ..named } }
}

/// Some that read everything, and others that read a part of it.
fn with_others(random: &mut SeededRandom, partitions: u32, are_manual: bool) -> Vec<SeatPlan> {
    let mut seats: Vec<_> = (0..random.between(1, 3)).map(|_| all(random, partitions)).collect();
    for _ in 0..random.between(1, 2) {
        let first = random.below(u64::from(partitions));
        let mut part: Vec<_> = (0..partitions).filter(|_| random.chance(400)).collect();
        part.push(u32::try_from(first).expect("few"));
        part.sort_unstable();
        part.dedup();
        seats.push(SeatPlan { is_manual: are_manual, ..some(part) });
    }
    seats
}
