//! `ChangeStreamProducer`, natively.

use bson::RawDocument;
use csb_core::error::{Error, Result};
use csb_core::producer::{FailedSend, Producer};
use napi::Env;
use napi::bindgen_prelude::{Array, Buffer, BufferSlice, Object, PromiseRaw};
use napi_derive::napi;

use crate::bson_bytes::raw_documents;
use crate::js_error;
use crate::prepared_inserts::prepared_inserts;
use crate::settle::{settle, settle_mapped, settle_send};

/// A producer.
#[napi]
pub struct NativeProducer {
    producer: Producer,
}

impl NativeProducer {
    pub(crate) fn new(producer: Producer) -> Self {
        Self { producer }
    }
}

/// A send that failed.
#[napi(object, object_from_js = false)]
pub struct NativeFailedSend {
    /// Its number in the call.
    pub send: u32,
    /// Why.
    pub error: napi::Error,
}

#[napi]
impl NativeProducer {
    /// Queues sends before it returns. Each document (BSON) in `parts` holds messages of a send, `{ m: […], c? }`; `c`
    /// says that the next one belongs to the same send. Several documents may stand in one part.
    ///
    /// What is returned says which sends, by their number in this call, settle together; `sends` is null if these are all.
    /// `settled` resolves to those of them that failed.
    #[napi(
        catch_unwind,
        ts_return_type = "Array<{ sends: Array<number> | null, settled: Promise<Array<NativeFailedSend> | null> }>"
    )]
    pub fn send<'env>(&self, env: &'env Env, parts: Vec<BufferSlice<'_>>) -> napi::Result<Array<'env>> {
        let sends = sends(&parts).map_err(|error| js_error::to_js(env, &error))?;
        let groups = self.producer.send_each(sends);
        let mut returned = env.create_array(0)?;
        let is_only_one = groups.len() == 1;
        for group in groups {
            let mut object = Object::new(env)?;
            object.set("sends", (!is_only_one).then(|| group.sends.clone()))?;
            object.set("settled", settle_mapped(env, group.settled(), failed_sends)?)?;
            returned.insert(object)?;
        }
        Ok(returned)
    }

    /// Stores the messages of one send in one transaction, all or none.
    #[napi(catch_unwind)]
    pub fn send_together<'env>(
        &self,
        env: &'env Env,
        parts: Vec<BufferSlice<'_>>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let sent = sends(&parts).map(|sends| self.producer.send_together(&sends.concat()));
        settle_send(env, async move { sent?.await })
    }

    /// The messages of one send as they are stored, for a transaction of the user's: BSON
    /// `{ partitions: [{ collection, documents }] }`. Fails if the topic does not exist.
    #[napi(catch_unwind)]
    pub fn prepare<'env>(
        &self,
        env: &'env Env,
        parts: Vec<BufferSlice<'_>>,
    ) -> napi::Result<PromiseRaw<'env, Buffer>> {
        // Now, while the parts are there.
        let prepared = sends(&parts).and_then(|sends| self.producer.prepare(&sends.concat()));
        let producer = self.producer.clone();
        settle(env, async move {
            let inserts = prepared_inserts(prepared?);
            producer.require_topic().await?;
            Ok(inserts.into_bytes().into())
        })
    }

    /// No sends from here on.
    #[napi(catch_unwind)]
    pub fn disconnect<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, ()>> {
        self.producer.disconnect();
        settle(env, async { Ok(()) })
    }

    /// Whether it can send.
    #[napi(catch_unwind)]
    pub fn is_connected(&self) -> bool {
        self.producer.is_connected()
    }
}

/// The parts of each send.
fn sends<'p>(parts: &'p [BufferSlice<'_>]) -> Result<Vec<Vec<&'p RawDocument>>> {
    let mut sends = Vec::new();
    let mut send = Vec::new();
    for part in parts {
        if part.is_empty() {
            return Err(Error::internal("a part of a send is empty"));
        }
        for document in raw_documents(part) {
            let document = document?;
            send.push(document);
            if !document.get_bool("c").unwrap_or(false) {
                sends.push(std::mem::take(&mut send));
            }
        }
    }
    if !send.is_empty() {
        return Err(Error::internal("the end of a send is missing"));
    }
    Ok(sends)
}

fn failed_sends(env: &Env, failed: Vec<FailedSend>) -> Option<Vec<NativeFailedSend>> {
    let convert = |FailedSend { send, error, statuses }| NativeFailedSend {
        send,
        error: js_error::to_js_of_send(env, &error, &statuses),
    };
    (!failed.is_empty()).then(|| failed.into_iter().map(convert).collect())
}
