//! The verbs of [`DeadLetterStore`] on MongoDB: each in the file of its subject.

use async_trait::async_trait;
use bson::{Bson, RawDocumentBuf};

use super::mongo_store::MongoStore;
use super::{dead_letter_administration, message_collection, redrive_marks};
use crate::dead_letter::{
    LetterFilter, LetterPage, LetterQuery, PendingRedrive, RedriveFailure, RedrivePlan, StoredLetter,
};
use crate::error::Result;
use crate::store::contract::{Claim, CommitOutcome, OffsetKey};
use crate::store::dead_letter_contract::DeadLetterStore;

#[async_trait]
impl DeadLetterStore for MongoStore {
    async fn list_letters(&self, query: &LetterQuery) -> Result<LetterPage> {
        dead_letter_administration::list(self.open_connection()?, query).await
    }

    async fn count_letters(&self, filter: &LetterFilter) -> Result<u64> {
        dead_letter_administration::count(self.open_connection()?, filter).await
    }

    async fn purge_letters(&self, filter: &LetterFilter) -> Result<u64> {
        dead_letter_administration::purge(self.open_connection()?, filter).await
    }

    async fn request_redrive(&self, filter: &LetterFilter, plan: &RedrivePlan) -> Result<u64> {
        dead_letter_administration::request_redrive(self.with_letter_indexes().await?, filter, plan).await
    }

    async fn cancel_redrive(&self, filter: &LetterFilter) -> Result<u64> {
        dead_letter_administration::cancel_redrive(self.open_connection()?, filter).await
    }

    async fn has_redrives(&self, group_id: &str, topic: &str) -> Result<bool> {
        redrive_marks::has_any(self.open_connection()?, group_id, topic).await
    }

    async fn next_redrive(&self, key: &OffsetKey) -> Result<Option<PendingRedrive>> {
        redrive_marks::next(self.open_connection()?, key).await
    }

    async fn take_redrive(&self, claim: &Claim, pending: &PendingRedrive) -> Result<Option<StoredLetter>> {
        redrive_marks::take(self.open_connection()?, claim, pending).await
    }

    async fn finish_redrive(&self, claim: &Claim, letter: &StoredLetter) -> Result<CommitOutcome> {
        redrive_marks::finish(self.open_connection()?, claim, letter).await
    }

    async fn fail_redrive(
        &self,
        claim: &Claim,
        letter: &StoredLetter,
        failure: &RedriveFailure,
    ) -> Result<CommitOutcome> {
        redrive_marks::fail(self.open_connection()?, claim, letter, failure).await
    }

    async fn return_redrive(&self, claim: &Claim, letter: &StoredLetter) -> Result<CommitOutcome> {
        redrive_marks::give_back(self.open_connection()?, claim, letter).await
    }

    async fn load_message(&self, collection: &str, id: &Bson) -> Result<Option<RawDocumentBuf>> {
        message_collection::load(self.open_connection()?, collection, id).await
    }
}
