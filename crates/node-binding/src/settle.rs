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
    env.spawn_future_with_callback(guarded(future), move |env, outcome: Result<T>| {
        outcome.map_err(|error| js_error::to_js(env, &error))
    })
}

async fn guarded<T>(future: impl Future<Output = Result<T>> + Send + 'static) -> napi::Result<Result<T>> {
    let outcome = AssertUnwindSafe(future).catch_unwind().await;
    Ok(outcome.unwrap_or_else(|_| Err(Error::internal("the engine panicked; please report this"))))
}

/// As [`settle`], of a send: its error says what it may have left behind.
pub(crate) fn settle_send<'env>(
    env: &'env Env,
    future: impl Future<Output = Result<()>> + Send + 'static,
) -> napi::Result<PromiseRaw<'env, ()>> {
    env.spawn_future_with_callback(guarded(future), |env, outcome: Result<()>| {
        outcome.map_err(|error| js_error::to_js_of_send(env, &error, &[]))
    })
}

/// A promise of what `convert` makes of what `future` gives, which cannot fail.
pub(crate) fn settle_mapped<'env, T, V>(
    env: &'env Env,
    future: impl Future<Output = T> + Send + 'static,
    convert: fn(&Env, T) -> V,
) -> napi::Result<PromiseRaw<'env, V>>
where
    T: Send + 'static,
    V: ToNapiValue + 'static,
{
    env.spawn_future_with_callback(async move { Ok(future.await) }, move |env, value| Ok(convert(env, value)))
}
