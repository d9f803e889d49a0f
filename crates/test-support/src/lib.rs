//! What the tests of Change Stream Broker share. Nothing here is published; every failure panics with what to do.
#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "what fails here has to fail the test")]

pub mod client_close;
pub mod fail_point;
pub mod fault_run;
pub mod faulty_store;
pub mod history;
pub mod member;
pub mod mongod_binary;
mod mongod_process;
pub mod recording_handler;
pub mod replica_set;
pub mod seeded_random;
pub mod simulation;
pub mod store_conformance;
pub mod tcp_proxy;
pub mod watched_store;
