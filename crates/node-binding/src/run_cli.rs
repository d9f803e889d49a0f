//! The command line, run inside the addon so that one binary per platform carries both.

use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::settle::settle;

/// Runs `csbroker` with these arguments (without the program's name) and gives its exit code.
#[napi(catch_unwind)]
pub fn run_cli<'env>(env: &'env Env, args: Vec<String>) -> napi::Result<PromiseRaw<'env, i32>> {
    settle(env, async move { Ok(csb_cli::run(args)) })
}
