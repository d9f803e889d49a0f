//! What the engine needs from a database to look after dead letters. Part of [`Store`](super::contract::Store).
//!
//! A redrive is a mark on the letter. The owner of the partition takes marked letters one by one, in order, noting itself
//! and its epoch in the mark; what it stores about a letter later is refused once another owner has taken it.

use async_trait::async_trait;
use bson::{Bson, RawDocumentBuf};

use super::contract::{Claim, CommitOutcome, OffsetKey};
use crate::dead_letter::{
    LetterFilter, LetterPage, LetterQuery, PendingRedrive, RedriveFailure, RedrivePlan, StoredLetter,
};
use crate::error::Result;

/// The verbs on dead letters. Each has a deadline of its own per call to the server and fails with a typed error.
#[async_trait]
pub trait DeadLetterStore: Send + Sync + 'static {
    /// A page of letters.
    async fn list_letters(&self, query: &LetterQuery) -> Result<LetterPage>;

    /// How many letters there are.
    async fn count_letters(&self, filter: &LetterFilter) -> Result<u64>;

    /// Deletes letters. Returns how many.
    async fn purge_letters(&self, filter: &LetterFilter) -> Result<u64>;

    /// Marks letters that have no mark, in the order of their messages. Returns how many it marked. If it fails some
    /// may be marked; asking again marks the others.
    async fn request_redrive(&self, filter: &LetterFilter, plan: &RedrivePlan) -> Result<u64>;

    /// Takes the marks of letters off that no owner has taken. Returns how many.
    async fn cancel_redrive(&self, filter: &LetterFilter) -> Result<u64>;

    /// Whether any letter of a group in a topic has a mark.
    async fn has_redrives(&self, group_id: &str, topic: &str) -> Result<bool>;

    /// The first letter of a partition that has a mark, in the order of the messages, due or not.
    async fn next_redrive(&self, key: &OffsetKey) -> Result<Option<PendingRedrive>>;

    /// Takes a letter to deliver it, if its mark is still as it was read. Whether the holder that the mark names may be
    /// passed over is for the caller to know.
    async fn take_redrive(&self, claim: &Claim, pending: &PendingRedrive) -> Result<Option<StoredLetter>>;

    /// Deletes a letter that was handled, if it is still taken under the claim.
    async fn finish_redrive(&self, claim: &Claim, letter: &StoredLetter) -> Result<CommitOutcome>;

    /// Stores that a redrive failed, if the letter is still taken under the claim.
    async fn fail_redrive(
        &self,
        claim: &Claim,
        letter: &StoredLetter,
        failure: &RedriveFailure,
    ) -> Result<CommitOutcome>;

    /// Gives a letter back that was not delivered, if it is still taken under the claim. Its mark stays.
    async fn return_redrive(&self, claim: &Claim, letter: &StoredLetter) -> Result<CommitOutcome>;

    /// The message of a letter that does not enclose it, if it is still stored.
    async fn load_message(&self, collection: &str, id: &Bson) -> Result<Option<RawDocumentBuf>>;
}
