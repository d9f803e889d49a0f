//! `DeadLetters`, natively.

use csb_core::dead_letter::{DeadLetters, LetterFilter, LetterQuery, PurgeRequest, RedriveRequest};
use csb_core::error::Result;
use csb_core::record::letter_bytes::letter_page_bytes;
use napi::Env;
use napi::bindgen_prelude::{Buffer, PromiseRaw};
use napi_derive::napi;

use crate::bson_bytes::document;
use crate::settle::settle;

/// The dead letters of a group.
#[napi]
pub struct NativeDeadLetters {
    letters: DeadLetters,
}

impl NativeDeadLetters {
    pub(crate) fn new(letters: DeadLetters) -> Self {
        Self { letters }
    }

    fn filter(&self, filter: &[u8]) -> Result<LetterFilter> {
        LetterFilter::from_document(&document(filter)?, self.letters.scope())
    }
}

#[napi]
impl NativeDeadLetters {
    /// A page of letters (BSON).
    #[napi(catch_unwind)]
    pub fn list<'env>(&self, env: &'env Env, query: &[u8]) -> napi::Result<PromiseRaw<'env, Buffer>> {
        let query =
            document(query).and_then(|query| LetterQuery::from_document(&query, self.letters.scope()));
        let letters = self.letters.clone();
        settle(env, async move { Ok(letter_page_bytes(&letters.list(&query?).await?).into()) })
    }

    /// How many letters there are.
    #[napi(catch_unwind)]
    pub fn count<'env>(&self, env: &'env Env, filter: &[u8]) -> napi::Result<PromiseRaw<'env, f64>> {
        let (letters, filter) = (self.letters.clone(), self.filter(filter));
        settle(env, async move { letters.count(&filter?).await.map(number) })
    }

    /// Has letters delivered again. Gives how many were marked.
    #[napi(catch_unwind)]
    pub fn redrive<'env>(&self, env: &'env Env, request: &[u8]) -> napi::Result<PromiseRaw<'env, f64>> {
        let scope = self.letters.scope();
        let request = document(request).and_then(|request| RedriveRequest::from_document(&request, scope));
        let letters = self.letters.clone();
        settle(env, async move { letters.redrive(&request?).await.map(number) })
    }

    /// Stops pending redrives. Gives how many.
    #[napi(catch_unwind)]
    pub fn cancel_redrive<'env>(&self, env: &'env Env, filter: &[u8]) -> napi::Result<PromiseRaw<'env, f64>> {
        let (letters, filter) = (self.letters.clone(), self.filter(filter));
        settle(env, async move { letters.cancel_redrive(&filter?).await.map(number) })
    }

    /// Removes letters for good. Gives how many.
    #[napi(catch_unwind)]
    pub fn purge<'env>(&self, env: &'env Env, request: &[u8]) -> napi::Result<PromiseRaw<'env, f64>> {
        let scope = self.letters.scope();
        let request = document(request).and_then(|request| PurgeRequest::from_document(&request, scope));
        let letters = self.letters.clone();
        settle(env, async move { letters.purge(&request?).await.map(number) })
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}
