//! Transactions, with the same faults.

use async_trait::async_trait;
use bson::RawDocumentBuf;
use csb_core::consumer::checkpoint::Checkpoint;
use csb_core::error::Result;
use csb_core::store::contract::{Claim, PartitionMessages, StoredOffset};
use csb_core::store::transaction_contract::TransactionStore;

use super::FaultyStore;

#[async_trait]
impl TransactionStore for FaultyStore {
    async fn append_together(&self, messages: &[PartitionMessages], may_be_stored: bool) -> Result<()> {
        let messages = messages.to_vec();
        self.change(move |inner| async move { inner.append_together(&messages, may_be_stored).await }).await
    }

    fn offset_statement(&self, claim: &Claim, checkpoint: &Checkpoint) -> Result<Option<RawDocumentBuf>> {
        self.inner.offset_statement(claim, checkpoint)
    }

    async fn settle_offset(&self, claim: &Claim) -> Result<Option<StoredOffset>> {
        let claim = claim.clone();
        self.change(move |inner| async move { inner.settle_offset(&claim).await }).await
    }

    async fn prepare_processed_messages(&self) -> Result<()> {
        self.change(|inner| async move { inner.prepare_processed_messages().await }).await
    }

    async fn identity(&self) -> Result<Option<String>> {
        self.read(self.inner.identity()).await
    }
}
