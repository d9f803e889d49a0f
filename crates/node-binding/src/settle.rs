//! The single way to make a promise.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use csb_core::error::{Error, Result};
use futures_util::FutureExt;
use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, ToNapiValue};

use crate::js_error;

/// A promise of what `future` gives. Its rejection carries the error's properties, which an async function of the
/// framework would lose; a panic becomes an internal error.
pub(crate) fn settle<'env, T>(
    env: &'env Env,
    future: impl Future<Output = Result<T>> + Send + 'static,
) -> napi::Result<PromiseRaw<'env, T>>
where
    T: ToNapiValue + Send + 'static,
{
    settle_with(env, future, js_error::to_js)
}

/// The same, with the rejection made by `reject`.
pub(crate) fn settle_with<'env, T>(
    env: &'env Env,
    future: impl Future<Output = Result<T>> + Send + 'static,
    reject: fn(&Env, &Error) -> napi::Error,
) -> napi::Result<PromiseRaw<'env, T>>
where
    T: ToNapiValue + Send + 'static,
{
    let guarded = AssertUnwindSafe(future).catch_unwind();
    let outcome = async move {
        Ok(guarded.await.unwrap_or_else(|_| Err(Error::internal("the engine panicked; please report this"))))
    };
    env.spawn_future_with_callback(outcome, move |env, outcome| outcome.map_err(|error| reject(env, &error)))
}
