//! The command line, run inside the addon so that one binary per platform carries both.

use csb_cli::invocation::Invocation;
use csb_core::error::Error;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::settle::settle;

/// Runs `csbroker` with these arguments (without the program's name) and gives its exit code. The client goes beside the
/// package in `package_directory`, which the program belongs to.
#[napi(catch_unwind)]
pub fn run_cli<'env>(
    env: &'env Env,
    args: Vec<String>,
    package_directory: String,
) -> napi::Result<PromiseRaw<'env, i32>> {
    let invocation = Invocation { args, package: Some(package_directory.into()) };
    settle(env, async move {
        #[expect(
            clippy::disallowed_methods,
            reason = "files, questions and watching do block; it is the only task"
        )]
        let run = tokio::task::spawn_blocking(move || csb_cli::run(invocation));
        run.await.map_err(|_| Error::internal("csbroker panicked; please report this"))
    })
}
