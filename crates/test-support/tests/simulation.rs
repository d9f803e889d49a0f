//! Seeded simulation: 200 seeds by default. `CSB_SIM_SEEDS=from..to` runs others, `CSB_SIM_SEED=n` replays one.
//!
//! `npm run simulate -- --seeds 5000` runs many; see `scripts/simulate.mjs`.
#![expect(clippy::expect_used, reason = "what fails here has to fail the test")]

use std::ops::Range;

use csb_test_support::simulation::{Coverage, describe_failure, run_seed};

const SEEDS: Range<u64> = 0..200;
/// Reports of so many failed seeds are printed whole.
const MOST_REPORTS: usize = 2;
/// Among so many seeds everything that can happen does.
const ENOUGH_FOR_EVERYTHING: usize = 40;

/// The seeds of this run: a part of them for each test, so that they run side by side.
fn seeds(part: u64, parts: u64) -> Vec<u64> {
    let number = |text: &str| text.trim().parse::<u64>().expect("a seed is a number");
    if let Ok(seed) = std::env::var("CSB_SIM_SEED") {
        return if part == 0 { vec![number(&seed)] } else { Vec::new() };
    }
    let range = std::env::var("CSB_SIM_SEEDS").map_or(SEEDS, |range| {
        let (from, to) = range.split_once("..").expect("CSB_SIM_SEEDS is from..to");
        number(from)..number(to)
    });
    range.filter(|seed| seed % parts == part).collect()
}

fn run(part: u64, parts: u64) {
    let seeds = seeds(part, parts);
    let (mut failed, mut coverage) = (Vec::new(), Coverage::default());
    for seed in &seeds {
        let outcome = run_seed(*seed);
        coverage.add(&outcome);
        if !outcome.findings.is_empty() {
            failed.push(outcome);
        }
    }
    if !failed.is_empty() {
        let reports: Vec<_> = failed.iter().take(MOST_REPORTS).map(describe_failure).collect();
        let numbers: Vec<_> = failed.iter().map(|outcome| outcome.seed).collect();
        panic!("{}\n{} of {} seeds failed: {numbers:?}", reports.join("\n"), failed.len(), seeds.len());
    }
    if seeds.len() >= ENOUGH_FOR_EVERYTHING {
        assert_eq!(coverage.missing(), [""; 0], "never happened in {} events", coverage.events);
    }
}

#[test]
fn nothing_is_lost_doubled_disordered_or_stalled_1() {
    run(0, 4);
}

#[test]
fn nothing_is_lost_doubled_disordered_or_stalled_2() {
    run(1, 4);
}

#[test]
fn nothing_is_lost_doubled_disordered_or_stalled_3() {
    run(2, 4);
}

#[test]
fn nothing_is_lost_doubled_disordered_or_stalled_4() {
    run(3, 4);
}

/// Also that of the order in which tasks ran, not only of what could be seen.
#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in (0..200).step_by(9) {
        let (first, second) = (run_seed(seed), run_seed(seed));
        let different = first.entries.iter().zip(&second.entries).position(|(a, b)| a != b);
        if let Some(index) = different {
            panic!("seed {seed}, event {index}:\n{:?}\n{:?}", first.entries[index], second.entries[index]);
        }
        assert_eq!(first.entries.len(), second.entries.len(), "seed {seed}");
        assert_eq!(first.digest, second.digest, "seed {seed}: tasks ran in another order");
    }
}
