//! The dead letters of a group: looking at them, having them delivered again, removing them.

use std::sync::Arc;

use super::letter_filter::{LetterFilter, LetterScope, PurgeRequest};
use super::letter_query::{LetterPage, LetterQuery};
use super::redrive_request::{RedrivePlan, RedriveRequest};
use super::redrive_watch::RedriveNudge;
use crate::error::Result;
use crate::runtime::random;
use crate::store::contract::Store;

/// The letters of a group, of all its topics or of one. Needs no member of the group to be running, except that a
/// redrive is carried out by one.
#[derive(Clone)]
pub struct DeadLetters {
    store: Arc<dyn Store>,
    nudge: RedriveNudge,
    scope: LetterScope,
}

impl DeadLetters {
    pub(crate) fn new(store: Arc<dyn Store>, nudge: RedriveNudge, scope: LetterScope) -> Self {
        Self { store, nudge, scope }
    }

    /// What is within reach. Requests are read against it.
    pub fn scope(&self) -> &LetterScope {
        &self.scope
    }

    /// A page of letters.
    pub async fn list(&self, query: &LetterQuery) -> Result<LetterPage> {
        self.store.list_letters(query).await
    }

    /// How many letters there are.
    pub async fn count(&self, filter: &LetterFilter) -> Result<u64> {
        self.store.count_letters(filter).await
    }

    /// Has letters delivered again, to this group only: the owner of each partition hands them to its handler, oldest
    /// first. Those that are handled are removed; those that fail again stay. Letters with a pending redrive are left
    /// alone, so asking twice delivers once. Returns how many were marked.
    pub async fn redrive(&self, request: &RedriveRequest) -> Result<u64> {
        let plan = RedrivePlan { id: random::object_id().to_hex(), rate_per_second: request.rate_per_second };
        let marked = self.store.request_redrive(&request.filter, &plan).await;
        // Also when it failed half-way.
        self.nudge.nudge();
        marked
    }

    /// Stops pending redrives, except those whose letter a handler has already got. Returns how many.
    pub async fn cancel_redrive(&self, filter: &LetterFilter) -> Result<u64> {
        self.store.cancel_redrive(filter).await
    }

    /// Removes letters for good. Returns how many.
    pub async fn purge(&self, request: &PurgeRequest) -> Result<u64> {
        self.store.purge_letters(&request.filter).await
    }
}
