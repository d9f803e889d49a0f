//! What fails under a running broker: servers, networks, single commands. Each time every acknowledged message is
//! delivered once and in order, nothing hangs, and delivery goes on by itself.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "what fails here has to fail the test and say its numbers"
)]

mod commands;
mod invalidation;
mod load;
mod network;
mod replica_set_members;
mod single_server;
