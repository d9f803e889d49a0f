//! The verbs of [`TransactionStore`] in memory, where there are no transactions of users.

use async_trait::async_trait;
use bson::RawDocumentBuf;

use super::memory_store::MemoryStore;
use crate::consumer::checkpoint::Checkpoint;
use crate::error::Result;
use crate::store::contract::{Claim, PartitionMessages, StoredOffset};
use crate::store::transaction_contract::TransactionStore;

#[async_trait]
impl TransactionStore for MemoryStore {
    async fn append_together(&self, messages: &[PartitionMessages], _: bool) -> Result<()> {
        self.database()?.append_together(messages)
    }

    fn offset_statement(&self, _: &Claim, _: &Checkpoint) -> Result<Option<RawDocumentBuf>> {
        Ok(None)
    }

    async fn settle_offset(&self, claim: &Claim) -> Result<Option<StoredOffset>> {
        self.database()?.state().offsets.settle(claim)
    }

    async fn prepare_processed_messages(&self) -> Result<()> {
        Ok(())
    }

    async fn identity(&self) -> Result<Option<String>> {
        Ok(None)
    }
}
