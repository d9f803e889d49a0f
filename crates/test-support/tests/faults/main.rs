//! Fault runs: processes that are killed, handlers that fail, transactions that stay open, judged by the history.
#![expect(clippy::expect_used, reason = "what fails here has to fail the test")]

mod backlog;
mod frozen_consumer;
mod killed_consumer;
mod killed_in_history;
mod killed_while_giving_up;
mod long_transactions;
mod paused_consumer;
mod poison;
mod roles;
mod stored_messages;

/// The program that members run.
const MEMBER: &str = env!("CARGO_BIN_EXE_fault_member");
