//! Dead letters pass unwatched.

use async_trait::async_trait;
use bson::{Bson, RawDocumentBuf};
use csb_core::dead_letter::{
    LetterFilter, LetterPage, LetterQuery, PendingRedrive, RedriveFailure, RedrivePlan, StoredLetter,
};
use csb_core::error::Result;
use csb_core::store::contract::{Claim, CommitOutcome, OffsetKey};
use csb_core::store::dead_letter_contract::DeadLetterStore;

use super::WatchedStore;

#[async_trait]
impl DeadLetterStore for WatchedStore {
    async fn list_letters(&self, query: &LetterQuery) -> Result<LetterPage> {
        self.inner.list_letters(query).await
    }

    async fn count_letters(&self, filter: &LetterFilter) -> Result<u64> {
        self.inner.count_letters(filter).await
    }

    async fn purge_letters(&self, filter: &LetterFilter) -> Result<u64> {
        self.inner.purge_letters(filter).await
    }

    async fn request_redrive(&self, filter: &LetterFilter, plan: &RedrivePlan) -> Result<u64> {
        self.inner.request_redrive(filter, plan).await
    }

    async fn cancel_redrive(&self, filter: &LetterFilter) -> Result<u64> {
        self.inner.cancel_redrive(filter).await
    }

    async fn has_redrives(&self, group_id: &str, topic: &str) -> Result<bool> {
        self.inner.has_redrives(group_id, topic).await
    }

    async fn next_redrive(&self, key: &OffsetKey) -> Result<Option<PendingRedrive>> {
        self.inner.next_redrive(key).await
    }

    async fn take_redrive(&self, claim: &Claim, pending: &PendingRedrive) -> Result<Option<StoredLetter>> {
        self.inner.take_redrive(claim, pending).await
    }

    async fn finish_redrive(&self, claim: &Claim, letter: &StoredLetter) -> Result<CommitOutcome> {
        self.inner.finish_redrive(claim, letter).await
    }

    async fn fail_redrive(
        &self,
        claim: &Claim,
        letter: &StoredLetter,
        failure: &RedriveFailure,
    ) -> Result<CommitOutcome> {
        self.inner.fail_redrive(claim, letter, failure).await
    }

    async fn return_redrive(&self, claim: &Claim, letter: &StoredLetter) -> Result<CommitOutcome> {
        self.inner.return_redrive(claim, letter).await
    }

    async fn load_message(&self, collection: &str, id: &Bson) -> Result<Option<RawDocumentBuf>> {
        self.inner.load_message(collection, id).await
    }
}
