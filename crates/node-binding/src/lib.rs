//! The Node addon: converts between JavaScript and the engine, and decides nothing.
//!
//! Everything that carries user data or configuration crosses as BSON bytes. Async methods go through `settle`,
//! which keeps the code of an error; sync methods catch panics, which would otherwise end the process.

#![expect(
    clippy::elidable_lifetime_names,
    clippy::needless_pass_by_value,
    clippy::trivially_copy_pass_by_ref,
    reason = "the framework sets the signatures"
)]

pub mod broker;
mod bson_bytes;
pub mod consumer;
pub mod dead_letters;
mod delivery_report;
mod js_consumer_events;
mod js_error;
mod js_log_sink;
mod js_record_handler;
pub mod offset_storage;
mod prepared_inserts;
pub mod producer;
pub mod run_cli;
mod settle;
pub mod topic_manager;

use napi::bindgen_prelude::create_custom_tokio_runtime;
use napi_derive::{module_init, napi};

/// Threads of the engine, whatever the machine: its work is waiting for the network.
const ENGINE_THREADS: usize = 2;

#[module_init]
fn init() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(ENGINE_THREADS)
        .thread_name("change-stream-broker")
        .enable_all()
        .build();
    // Without it the addon falls back to a runtime with a thread per core.
    if let Ok(runtime) = runtime {
        create_custom_tokio_runtime(runtime);
    }
}

/// Version of the addon.
#[napi(catch_unwind)]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
