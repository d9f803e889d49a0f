//! `OffsetStorage`, natively.

use bson::{Bson, DateTime, Document, doc};
use csb_core::error::{Error, Result};
use csb_core::offset_storage::OffsetStorage;
use csb_core::store::contract::{OffsetKey, OffsetRecord};
use napi::Env;
use napi::bindgen_prelude::{Buffer, PromiseRaw};
use napi_derive::napi;

use crate::bson_bytes::{self, document};
use crate::settle::settle;

/// The offsets of a broker.
#[napi]
pub struct NativeOffsetStorage {
    offsets: OffsetStorage,
}

impl NativeOffsetStorage {
    pub(crate) fn new(offsets: OffsetStorage) -> Self {
        Self { offsets }
    }
}

#[napi]
impl NativeOffsetStorage {
    /// Sets an offset (BSON).
    #[napi(catch_unwind)]
    pub fn commit_offset<'env>(&self, env: &'env Env, commit: &[u8]) -> napi::Result<PromiseRaw<'env, ()>> {
        let (offsets, record) = (self.offsets.clone(), read_record(commit));
        settle(env, async move { offsets.commit(&record?).await })
    }

    /// Sets an offset unless it is stored already.
    #[napi(catch_unwind)]
    pub fn commit_offset_if_changed<'env>(
        &self,
        env: &'env Env,
        commit: &[u8],
    ) -> napi::Result<PromiseRaw<'env, bool>> {
        let (offsets, record) = (self.offsets.clone(), read_record(commit));
        settle(env, async move { offsets.commit_if_changed(&record?).await })
    }

    /// The offset of a group in a partition (BSON).
    #[napi(catch_unwind)]
    pub fn get_offset<'env>(
        &self,
        env: &'env Env,
        group_id: String,
        topic: String,
        partition: u32,
    ) -> napi::Result<PromiseRaw<'env, Option<Buffer>>> {
        let offsets = self.offsets.clone();
        settle(env, async move {
            let found = offsets.get(&OffsetKey { group_id, topic, partition }).await?;
            found.map(|record| bson_bytes::buffer(&doc! { "offset": record.offset })).transpose()
        })
    }

    /// The offsets of a group (BSON).
    #[napi(catch_unwind)]
    pub fn get_offsets<'env>(
        &self,
        env: &'env Env,
        group_id: String,
    ) -> napi::Result<PromiseRaw<'env, Buffer>> {
        let offsets = self.offsets.clone();
        settle(env, async move {
            let records = offsets.list(&group_id).await?;
            bson_bytes::buffer(&doc! { "offsets": records.iter().map(write_record).collect::<Vec<_>>() })
        })
    }
}

fn write_record(record: &OffsetRecord) -> Document {
    doc! {
        "groupId": &record.key.group_id,
        "topic": &record.key.topic,
        "partition": record.key.partition,
        "offset": &record.offset,
        "timestamp": record.timestamp,
    }
}

fn read_record(bytes: &[u8]) -> Result<OffsetRecord> {
    let fields = document(bytes)?;
    let text = |name: &str| {
        let value = fields.get_str(name).ok().filter(|value| !value.is_empty());
        value.map(str::to_owned).ok_or_else(|| invalid(name, "must be a non-empty string"))
    };
    let partition = match fields.get("partition") {
        Some(Bson::Int32(number)) => u32::try_from(*number).ok(),
        _ => None,
    };
    let timestamp = match fields.get("timestamp") {
        None | Some(Bson::Null) => Some(DateTime::now()),
        Some(Bson::DateTime(at)) => Some(*at),
        _ => None,
    };
    Ok(OffsetRecord {
        key: OffsetKey {
            group_id: text("groupId")?,
            topic: text("topic")?,
            partition: partition.ok_or_else(|| invalid("partition", "must be a whole number from 0"))?,
        },
        offset: fields.get("offset").cloned().unwrap_or(Bson::Null),
        timestamp: timestamp.ok_or_else(|| invalid("timestamp", "must be a Date"))?,
    })
}

fn invalid(field: &str, demand: &str) -> Error {
    Error::invalid_config(format!("commit.{field} {demand}"))
}
