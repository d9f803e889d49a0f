//! Offsets in the form of 1.4.2's `OffsetStorage`: for looking at them and for administration.

use std::sync::Arc;

use crate::error::Result;
use crate::store::contract::{OffsetKey, OffsetRecord, Store};

/// Reads and sets offsets without owning a partition.
#[derive(Clone)]
pub struct OffsetStorage {
    store: Arc<dyn Store>,
}

impl OffsetStorage {
    /// The offsets of this store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// The offset of a group in a partition.
    pub async fn get(&self, key: &OffsetKey) -> Result<Option<OffsetRecord>> {
        self.store.read_offset_record(key).await
    }

    /// The offsets of a group, newest first.
    pub async fn list(&self, group_id: &str) -> Result<Vec<OffsetRecord>> {
        self.store.list_offsets(group_id).await
    }

    /// Sets an offset. A consumer that owns the partition overwrites an earlier one with its next commit, and leaves a later
    /// one.
    pub async fn commit(&self, record: &OffsetRecord) -> Result<()> {
        self.store.write_offset_record(record).await
    }

    /// Sets an offset unless it is stored already. `true` if it was set.
    pub async fn commit_if_changed(&self, record: &OffsetRecord) -> Result<bool> {
        let stored = self.store.read_offset_record(&record.key).await?;
        let changed = stored.is_none_or(|stored| stored.offset != record.offset);
        if changed {
            self.store.write_offset_record(record).await?;
        }
        Ok(changed)
    }
}
