//! Seeded simulation of whole deployments: several processes on one embedded database, in virtual time, with faults.
//!
//! One seed is one run: it decides the scenario, the faults, and the order in which ready tasks run. What happened is a
//! list of events, judged when the run is over. See `tests/simulation.rs` for how to run and replay seeds.
#![expect(
    clippy::similar_names,
    clippy::needless_for_each,
    clippy::option_option,
    reason = "sends and their outcomes are alike in name because they are alike"
)]

mod chaos;
mod coverage;
mod effect_recorder;
mod event;
mod group_coverage;
mod handler;
mod handling;
mod plan;
mod process;
mod producers;
mod report;
mod run;
mod scheduled_task;
mod scheduler;
mod seat;
mod settling;
mod stored_log;
mod verdict;
mod virtual_runtime;
mod world;

pub use coverage::Coverage;
pub use event::{Entry, Event, EventLog};
pub use plan::Plan;
pub use report::describe_failure;
pub use run::{Outcome, run_plan, run_seed};
pub use scheduler::{MostTurns, ProcessId, Scheduler, WORLD};
pub use virtual_runtime::simulate;
