//! Transactions pass unwatched.

use async_trait::async_trait;
use bson::RawDocumentBuf;
use csb_core::consumer::checkpoint::Checkpoint;
use csb_core::error::Result;
use csb_core::store::contract::{Claim, PartitionMessages, StoredOffset};
use csb_core::store::transaction_contract::TransactionStore;

use super::WatchedStore;

#[async_trait]
impl TransactionStore for WatchedStore {
    async fn append_together(&self, messages: &[PartitionMessages], may_be_stored: bool) -> Result<()> {
        self.inner.append_together(messages, may_be_stored).await
    }

    fn offset_statement(&self, claim: &Claim, checkpoint: &Checkpoint) -> Result<Option<RawDocumentBuf>> {
        self.inner.offset_statement(claim, checkpoint)
    }

    async fn settle_offset(&self, claim: &Claim) -> Result<Option<StoredOffset>> {
        self.inner.settle_offset(claim).await
    }

    async fn prepare_processed_messages(&self) -> Result<()> {
        self.inner.prepare_processed_messages().await
    }

    async fn identity(&self) -> Result<Option<String>> {
        self.inner.identity().await
    }
}
