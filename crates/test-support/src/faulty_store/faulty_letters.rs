//! Dead letters, with the same faults.

use async_trait::async_trait;
use bson::{Bson, RawDocumentBuf};
use csb_core::dead_letter::{
    LetterFilter, LetterPage, LetterQuery, PendingRedrive, RedriveFailure, RedrivePlan, StoredLetter,
};
use csb_core::error::Result;
use csb_core::store::contract::{Claim, CommitOutcome, OffsetKey};
use csb_core::store::dead_letter_contract::DeadLetterStore;

use super::FaultyStore;

#[async_trait]
impl DeadLetterStore for FaultyStore {
    async fn list_letters(&self, query: &LetterQuery) -> Result<LetterPage> {
        self.read(self.inner.list_letters(query)).await
    }

    async fn count_letters(&self, filter: &LetterFilter) -> Result<u64> {
        self.read(self.inner.count_letters(filter)).await
    }

    async fn purge_letters(&self, filter: &LetterFilter) -> Result<u64> {
        let filter = filter.clone();
        self.change(|inner| async move { inner.purge_letters(&filter).await }).await
    }

    async fn request_redrive(&self, filter: &LetterFilter, plan: &RedrivePlan) -> Result<u64> {
        let (filter, plan) = (filter.clone(), plan.clone());
        self.change(|inner| async move { inner.request_redrive(&filter, &plan).await }).await
    }

    async fn cancel_redrive(&self, filter: &LetterFilter) -> Result<u64> {
        let filter = filter.clone();
        self.change(|inner| async move { inner.cancel_redrive(&filter).await }).await
    }

    async fn has_redrives(&self, group_id: &str, topic: &str) -> Result<bool> {
        self.read(self.inner.has_redrives(group_id, topic)).await
    }

    async fn next_redrive(&self, key: &OffsetKey) -> Result<Option<PendingRedrive>> {
        self.read(self.inner.next_redrive(key)).await
    }

    async fn take_redrive(&self, claim: &Claim, pending: &PendingRedrive) -> Result<Option<StoredLetter>> {
        let (claim, pending) = (claim.clone(), pending.clone());
        self.change(|inner| async move { inner.take_redrive(&claim, &pending).await }).await
    }

    async fn finish_redrive(&self, claim: &Claim, letter: &StoredLetter) -> Result<CommitOutcome> {
        let (claim, letter) = (claim.clone(), letter.clone());
        self.change(|inner| async move { inner.finish_redrive(&claim, &letter).await }).await
    }

    async fn fail_redrive(
        &self,
        claim: &Claim,
        letter: &StoredLetter,
        failure: &RedriveFailure,
    ) -> Result<CommitOutcome> {
        let (claim, letter, failure) = (claim.clone(), letter.clone(), failure.clone());
        self.change(|inner| async move { inner.fail_redrive(&claim, &letter, &failure).await }).await
    }

    async fn return_redrive(&self, claim: &Claim, letter: &StoredLetter) -> Result<CommitOutcome> {
        let (claim, letter) = (claim.clone(), letter.clone());
        self.change(|inner| async move { inner.return_redrive(&claim, &letter).await }).await
    }

    async fn load_message(&self, collection: &str, id: &Bson) -> Result<Option<RawDocumentBuf>> {
        self.read(self.inner.load_message(collection, id)).await
    }
}
