//! Groups of processes: they come, go, are killed, frozen and cut off, and every message is handled; twice only where a
//! crash explains it.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "what fails here has to fail the test and say its numbers"
)]

mod cut_off;
mod idle_cost;
mod leaders;
mod lost_members;
mod open_transaction;
mod scaling;
mod team;

/// The program that members run.
const MEMBER: &str = env!("CARGO_BIN_EXE_fault_member");
