//! The verbs of [`DeadLetterStore`] on the embedded store.

use async_trait::async_trait;
use bson::{Bson, DateTime, RawDocumentBuf};

use super::dead_letter_table::DeadLetterTable;
use super::memory_store::MemoryStore;
use crate::dead_letter::{
    LetterFilter, LetterPage, LetterQuery, PendingRedrive, RedriveFailure, RedrivePlan, StoredLetter,
};
use crate::error::Result;
use crate::runtime::clock;
use crate::store::contract::{Claim, CommitOutcome, OffsetKey};
use crate::store::dead_letter_contract::DeadLetterStore;

impl MemoryStore {
    /// Runs one verb on the letters that have not expired.
    fn on_letters<T>(&self, verb: impl FnOnce(&mut DeadLetterTable, DateTime) -> T) -> Result<T> {
        let now = DateTime::from_millis(clock::unix_millis());
        let database = self.database()?;
        let mut state = database.state();
        state.dead_letters.expire(now);
        Ok(verb(&mut state.dead_letters, now))
    }
}

#[async_trait]
impl DeadLetterStore for MemoryStore {
    async fn list_letters(&self, query: &LetterQuery) -> Result<LetterPage> {
        self.on_letters(|letters, _| letters.list(query))
    }

    async fn count_letters(&self, filter: &LetterFilter) -> Result<u64> {
        self.on_letters(|letters, _| letters.count(filter))
    }

    async fn purge_letters(&self, filter: &LetterFilter) -> Result<u64> {
        self.on_letters(|letters, _| letters.purge(filter))
    }

    async fn request_redrive(&self, filter: &LetterFilter, plan: &RedrivePlan) -> Result<u64> {
        self.on_letters(|letters, now| letters.request_redrive(filter, plan, now))
    }

    async fn cancel_redrive(&self, filter: &LetterFilter) -> Result<u64> {
        self.on_letters(|letters, _| letters.cancel_redrive(filter))
    }

    async fn has_redrives(&self, group_id: &str, topic: &str) -> Result<bool> {
        self.on_letters(|letters, _| letters.has_redrives(group_id, topic))
    }

    async fn next_redrive(&self, key: &OffsetKey) -> Result<Option<PendingRedrive>> {
        self.on_letters(|letters, now| letters.next_redrive(key, now))
    }

    async fn take_redrive(&self, claim: &Claim, pending: &PendingRedrive) -> Result<Option<StoredLetter>> {
        self.on_letters(|letters, _| letters.take_redrive(claim, pending))
    }

    async fn finish_redrive(&self, claim: &Claim, letter: &StoredLetter) -> Result<CommitOutcome> {
        self.on_letters(|letters, _| letters.finish_redrive(claim, letter))
    }

    async fn fail_redrive(
        &self,
        claim: &Claim,
        letter: &StoredLetter,
        failure: &RedriveFailure,
    ) -> Result<CommitOutcome> {
        self.on_letters(|letters, _| letters.fail_redrive(claim, letter, failure))
    }

    async fn return_redrive(&self, claim: &Claim, letter: &StoredLetter) -> Result<CommitOutcome> {
        self.on_letters(|letters, _| letters.return_redrive(claim, letter))
    }

    async fn load_message(&self, collection: &str, id: &Bson) -> Result<Option<RawDocumentBuf>> {
        let database = self.database()?;
        let mut state = database.state();
        let found = state.existing_collection(collection, clock::unix_millis());
        Ok(found.and_then(|found| found.find(id)))
    }
}
