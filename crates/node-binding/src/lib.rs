//! The Node addon: converts between JavaScript and the engine, and decides nothing.
//!
//! Everything that carries user data or configuration crosses as BSON bytes. Async methods go through [`settle`],
//! which keeps the code of an error; sync methods catch panics, which would otherwise end the process.

#![expect(unreachable_pub, reason = "what the attribute exports is reached from JavaScript")]

mod broker;
mod bson_bytes;
mod check_config;
mod consumer;
mod js_error;
mod js_log_sink;
mod js_record_handler;
mod offset_storage;
mod producer;
mod run_cli;
mod settle;
mod topic_manager;

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
