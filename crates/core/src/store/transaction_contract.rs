//! What the engine needs from a database for transactions, its own and those of users. Part of
//! [`Store`](super::contract::Store).

use async_trait::async_trait;
use bson::RawDocumentBuf;

use crate::consumer::checkpoint::Checkpoint;
use crate::error::Result;
use crate::store::contract::{Claim, PartitionMessages, StoredOffset};

/// The verbs of transactions. Each has a deadline of its own and fails with a typed error.
#[async_trait]
pub trait TransactionStore: Send + Sync + 'static {
    /// Appends all of these messages in one transaction, or none of them. A message whose id is stored already is left out.
    /// With `may_be_stored` that may be any of them: an earlier try may have been through.
    async fn append_together(&self, messages: &[PartitionMessages], may_be_stored: bool) -> Result<()>;

    /// The commit of a checkpoint for somebody else to make, within a transaction of his: a statement (`q`, `u`) of an
    /// `update` command on [`OFFSETS_COLLECTION`](super::contract::OFFSETS_COLLECTION). It matches nothing if the partition is lost. `None` where there are no
    /// such transactions.
    fn offset_statement(&self, claim: &Claim, checkpoint: &Checkpoint) -> Result<Option<RawDocumentBuf>>;

    /// Numbers the offset document with this claim, and returns what is stored: whatever was to write it with a smaller
    /// number has done so by now, or never will. `None`: another member has the partition, or there is no document.
    async fn settle_offset(&self, claim: &Claim) -> Result<Option<StoredOffset>>;

    /// Makes sure that what transactional handlers note of the messages they have processed expires.
    async fn prepare_processed_messages(&self) -> Result<()>;

    /// Names the deployment, and of a replica set the process that is its primary: another client that is told the same
    /// reaches the same one. `None` where there can be no other client.
    async fn identity(&self) -> Result<Option<String>>;
}
