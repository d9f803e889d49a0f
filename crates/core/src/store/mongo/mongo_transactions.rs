//! The verbs of [`TransactionStore`] on MongoDB: each in the file of its subject.

use async_trait::async_trait;
use bson::RawDocumentBuf;

use super::mongo_store::MongoStore;
use super::{atomic_insert, deployment_identity, offset_collection, processed_messages};
use crate::consumer::checkpoint::Checkpoint;
use crate::error::Result;
use crate::store::contract::{Claim, PartitionMessages, StoredOffset};
use crate::store::transaction_contract::TransactionStore;

#[async_trait]
impl TransactionStore for MongoStore {
    async fn append_together(&self, messages: &[PartitionMessages], may_be_stored: bool) -> Result<()> {
        atomic_insert::append(self.open_connection()?, messages, may_be_stored).await
    }

    fn offset_statement(&self, claim: &Claim, checkpoint: &Checkpoint) -> Result<Option<RawDocumentBuf>> {
        offset_collection::commit_update(claim, checkpoint).map(Some)
    }

    async fn settle_offset(&self, claim: &Claim) -> Result<Option<StoredOffset>> {
        offset_collection::settle(self.open_connection()?, claim).await
    }

    async fn prepare_processed_messages(&self) -> Result<()> {
        processed_messages::ensure_index(self.open_connection()?).await
    }

    async fn identity(&self) -> Result<Option<String>> {
        deployment_identity::read(self.open_connection()?).await.map(Some)
    }
}
