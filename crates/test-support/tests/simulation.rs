//! Seeded simulation: 200 seeds by default, and 2 of large groups. `CSB_SIM_SEEDS=from..to` runs others,
//! `CSB_SIM_SEED=n` replays one.
//!
//! `npm run simulate -- --seeds 5000` runs many; see `scripts/simulate.mjs`.
#![expect(clippy::expect_used, reason = "what fails here has to fail the test")]

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use csb_test_support::simulation::{Coverage, Outcome, Plan, describe_failure, run_plan, run_seed};

const SEEDS: Range<u64> = 0..200;
/// Seeds of large groups.
const LARGE: Range<u64> = 0..2;
/// Members of a large group, and when nobody has asked for seeds: a seed of a hundred takes a minute.
const CROWD: (u32, u32) = (100, 30);
/// Reports of so many failed seeds are printed whole.
const MOST_REPORTS: usize = 3;
/// Among so many seeds everything that can happen does.
const ENOUGH_FOR_EVERYTHING: usize = 200;

/// The seeds of this run.
fn seeds(usual: Range<u64>) -> Vec<u64> {
    let number = |text: &str| text.trim().parse::<u64>().expect("a seed is a number");
    if let Ok(seed) = std::env::var("CSB_SIM_SEED") {
        return vec![number(&seed)];
    }
    let range = std::env::var("CSB_SIM_SEEDS").map_or(usual, |range| {
        let (from, to) = range.split_once("..").expect("CSB_SIM_SEEDS is from..to");
        number(from)..number(to)
    });
    range.collect()
}

/// Runs the seeds, one on each core at a time, and returns those that failed, by number.
fn run(seeds: &[u64], run_one: impl Fn(u64) -> Outcome + Sync) -> (Vec<Outcome>, Coverage) {
    let results = Mutex::new((Vec::new(), Coverage::default()));
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = run_one(*seed);
            let mut results = results.lock().expect("no other seed panicked");
            results.1.add(&outcome);
            if !outcome.findings.is_empty() {
                results.0.push(outcome);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let (mut failed, coverage) = results.into_inner().expect("no seed panicked");
    failed.sort_by_key(|outcome| outcome.seed);
    (failed, coverage)
}

fn expect_none(failed: &[Outcome], all: usize) {
    if failed.is_empty() {
        return;
    }
    let reports: Vec<_> = failed.iter().take(MOST_REPORTS).map(describe_failure).collect();
    let numbers: Vec<_> = failed.iter().map(|outcome| outcome.seed).collect();
    panic!("{}\n{} of {all} seeds failed: {numbers:?}", reports.join("\n"), failed.len());
}

#[test]
fn nothing_is_lost_doubled_disordered_or_stalled() {
    let seeds = seeds(SEEDS);
    let (failed, coverage) = run(&seeds, run_seed);
    expect_none(&failed, seeds.len());
    if seeds.len() >= ENOUGH_FOR_EVERYTHING {
        assert_eq!(coverage.missing(), [""; 0], "never happened in {} events", coverage.events);
    }
}

/// A hundred members of one group share three hundred partitions; fewer unless seeds are asked for.
#[test]
fn large_groups() {
    let is_asked_for = ["CSB_SIM_SEED", "CSB_SIM_SEEDS"].iter().any(|name| std::env::var_os(name).is_some());
    let (seeds, members) = (seeds(LARGE), if is_asked_for { CROWD.0 } else { CROWD.1 });
    let (failed, _) = run(&seeds, |seed| run_plan(seed, Plan::crowd(seed, members)));
    expect_none(&failed, seeds.len());
}

/// Twenty members come within a second: the first gets everything, and one assignment settles the rest.
#[test]
fn members_that_come_together_are_assigned_together() {
    let seeds = seeds(LARGE);
    let (failed, _) = run(&seeds, |seed| {
        let mut outcome = run_plan(seed, Plan::rush(seed));
        outcome.judge_rush();
        outcome
    });
    expect_none(&failed, seeds.len());
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
