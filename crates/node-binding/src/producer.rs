//! `ChangeStreamProducer`, natively.

use csb_core::error::Error;
use csb_core::producer::Producer;
use napi::Env;
use napi::bindgen_prelude::{BufferSlice, PromiseRaw};
use napi_derive::napi;

use crate::bson_bytes::raw_document;
use crate::js_error;
use crate::settle::{settle, settle_with};

/// A producer.
#[napi]
pub struct NativeProducer {
    producer: Producer,
}

impl NativeProducer {
    pub(crate) fn new(producer: Producer) -> Self {
        Self { producer }
    }
}

#[napi]
impl NativeProducer {
    /// Sends the messages of these parts (BSON). They are queued before this returns.
    #[napi(catch_unwind)]
    pub fn send<'env>(
        &self,
        env: &'env Env,
        parts: Vec<BufferSlice<'_>>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let documents: Result<Vec<_>, Error> = parts.iter().map(|part| raw_document(part)).collect();
        let sent = documents.map(|documents| self.producer.send(&documents));
        settle_with(env, async move { sent?.await }, js_error::to_js_of_send)
    }

    /// No sends from here on.
    #[napi(catch_unwind)]
    pub fn disconnect<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, ()>> {
        self.producer.disconnect();
        settle(env, async { Ok(()) })
    }

    /// Whether it can send.
    #[napi(catch_unwind)]
    pub fn is_connected(&self) -> bool {
        self.producer.is_connected()
    }
}
