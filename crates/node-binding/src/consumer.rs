//! `ChangeStreamConsumer`, natively.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use bson::{Document, doc};
use csb_core::config::HandlerConfig;
use csb_core::consumer::record_handler::DeliveryId;
use csb_core::consumer::{Consumer, PartitionLag};
use csb_core::error::Error;
use napi::Env;
use napi::bindgen_prelude::{Buffer, PromiseRaw};
use napi_derive::napi;

use crate::bson_bytes::{self, document};
use crate::dead_letters::NativeDeadLetters;
use crate::delivery_report::{delivery_report, transaction_outcome};
use crate::js_consumer_events::{EventFunction, count, event_listener, resume_token};
use crate::js_error;
use crate::js_record_handler::{DeliverFunction, JsRecordHandler};
use crate::settle::settle;

/// A consumer.
#[napi]
pub struct NativeConsumer {
    consumer: Consumer,
    /// Weak: a subscription holds its handler, and with it Node's event loop, exactly as long as it lasts. One that
    /// drains may last beside the next.
    handlers: Mutex<Vec<Weak<JsRecordHandler>>>,
}

impl NativeConsumer {
    pub(crate) fn new(consumer: Consumer) -> Self {
        Self { consumer, handlers: Mutex::default() }
    }

    fn remember(&self, handler: &Arc<JsRecordHandler>) {
        let mut handlers = self.handlers.lock().unwrap_or_else(PoisonError::into_inner);
        handlers.retain(|handler| handler.strong_count() > 0);
        handlers.push(Arc::downgrade(handler));
    }

    fn live_handlers(&self) -> Vec<Arc<JsRecordHandler>> {
        let handlers = self.handlers.lock().unwrap_or_else(PoisonError::into_inner);
        handlers.iter().filter_map(Weak::upgrade).collect()
    }
}

#[napi]
impl NativeConsumer {
    /// Names this member.
    #[napi(catch_unwind)]
    pub fn consumer_id(&self) -> String {
        self.consumer.id().to_owned()
    }

    /// The group that it is a member of: with `groupMode: 'broadcast'` the instance's own.
    #[napi(catch_unwind)]
    pub fn group_id(&self) -> String {
        self.consumer.config().group_id.clone()
    }

    /// Begins to deliver to `deliver`: kind, id, payload (BSON).
    #[napi(catch_unwind)]
    pub fn subscribe<'env>(
        &self,
        env: &'env Env,
        handler_config: &[u8],
        deliver: DeliverFunction<'_>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let config = document(handler_config)
            .and_then(|config| HandlerConfig::from_document(&config, self.consumer.config()));
        let handler = Arc::new(JsRecordHandler::new(&deliver)?);
        self.remember(&handler);
        let consumer = self.consumer.clone();
        settle(env, async move { consumer.subscribe(config?, handler).await })
    }

    /// What became of a delivery: 0 progress, 1 done, 2 stopped, 3 failed, 4 error handler finished, 5 some of a batch
    /// failed.
    #[napi(catch_unwind)]
    pub fn report(&self, id: u32, handled: u32, outcome: u32, details: Option<&[u8]>) {
        let report = delivery_report(handled as usize, outcome, details);
        for handler in self.live_handlers() {
            // Only the one that runs the delivery knows its id.
            handler.report(DeliveryId(id), report.clone());
        }
    }

    /// Prepares for a transactional handler. Resolves to how long messages are kept, in milliseconds.
    #[napi(catch_unwind)]
    pub fn prepare_transactions<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, f64>> {
        let consumer = self.consumer.clone();
        settle(env, async move { consumer.prepare_transactions().await.map(milliseconds) })
    }

    /// Borrows the offset for the transaction of a delivery that handles these of its records, by index in ascending
    /// order: the statement (BSON `{ q, u }`) that has to be its last write, on `consumer_offsets`.
    #[napi(catch_unwind)]
    pub fn borrow_offset<'env>(
        &self,
        env: &'env Env,
        id: u32,
        finished: Vec<u32>,
    ) -> napi::Result<PromiseRaw<'env, Buffer>> {
        let id = DeliveryId(id);
        let handler = self.live_handlers().into_iter().find(|handler| handler.runs(id));
        let finished = finished.into_iter().map(|index| index as usize).collect();
        settle(env, async move {
            let handler = handler.ok_or_else(|| Error::closed("the subscription"))?;
            Ok(handler.borrow_offset(id, finished).await?.into_bytes().into())
        })
    }

    /// Says what became of that transaction: 0 committed, 1 aborted, 2 its write of the offset found nothing, 3 unknown:
    /// then `session` is the id of its session, which is ended.
    /// Resolves to whether it is committed.
    #[napi(catch_unwind)]
    pub fn return_offset<'env>(
        &self,
        env: &'env Env,
        id: u32,
        outcome: u32,
        session: Option<&[u8]>,
    ) -> napi::Result<PromiseRaw<'env, bool>> {
        let id = DeliveryId(id);
        let handler = self.live_handlers().into_iter().find(|handler| handler.has_lent(id));
        let outcome = transaction_outcome(outcome, session);
        settle(env, async move {
            let handler = handler.ok_or_else(|| Error::closed("the subscription"))?;
            handler.return_offset(id, outcome).await
        })
    }

    /// Answers a ping, or says that a hook has ended.
    #[napi(catch_unwind)]
    pub fn pong(&self, id: u32) {
        for handler in self.live_handlers() {
            handler.pong(id);
        }
    }

    /// Sets who hears of the consumer's events with these names (name, details as BSON), or nobody.
    #[napi(catch_unwind)]
    pub fn listen(&self, listener: Option<EventFunction<'_>>, names: Vec<String>) -> napi::Result<()> {
        self.consumer.listen(listener.map(|listener| event_listener(&listener, names)).transpose()?);
        Ok(())
    }

    /// Stops handing out messages.
    #[napi(catch_unwind)]
    pub fn pause(&self) {
        self.consumer.pause();
    }

    /// Goes on where `pause` stopped.
    #[napi(catch_unwind)]
    pub fn resume(&self) {
        self.consumer.resume();
    }

    /// Stores the offsets of everything handled.
    #[napi(catch_unwind)]
    pub fn commit_offsets<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, bool>> {
        let consumer = self.consumer.clone();
        settle(env, async move { consumer.commit_offsets().await })
    }

    /// Drains and gives the partitions back. `wait` false only begins to.
    #[napi(catch_unwind)]
    pub fn unsubscribe<'env>(&self, env: &'env Env, wait: bool) -> napi::Result<PromiseRaw<'env, ()>> {
        let consumer = self.consumer.clone();
        settle(env, async move {
            consumer.unsubscribe(wait).await;
            Ok(())
        })
    }

    /// The same, for good.
    #[napi(catch_unwind)]
    pub fn disconnect<'env>(&self, env: &'env Env, wait: bool) -> napi::Result<PromiseRaw<'env, ()>> {
        let consumer = self.consumer.clone();
        settle(env, async move {
            consumer.disconnect(wait).await;
            Ok(())
        })
    }

    /// What the group gave up on in this topic.
    #[napi(catch_unwind)]
    pub fn dead_letters(&self) -> NativeDeadLetters {
        NativeDeadLetters::new(self.consumer.dead_letters())
    }

    /// Whether it can be used.
    #[napi(catch_unwind)]
    pub fn is_connected(&self) -> bool {
        self.consumer.is_connected()
    }

    /// Whether it delivers messages, or would if it were not paused.
    #[napi(catch_unwind)]
    pub fn is_subscribed(&self) -> bool {
        self.consumer.is_subscribed()
    }

    /// Whether `pause` was called last.
    #[napi(catch_unwind)]
    pub fn is_paused(&self) -> bool {
        self.consumer.is_paused()
    }

    /// How far the group is behind, per partition (BSON).
    #[napi(catch_unwind)]
    pub fn lag<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Buffer>> {
        let consumer = self.consumer.clone();
        settle(env, async move {
            let lag = consumer.lag().await?;
            let partitions: Vec<_> = lag.iter().map(partition_lag).collect();
            bson_bytes::buffer(&doc! { "partitions": partitions })
        })
    }

    /// What has been processed and committed (BSON).
    #[napi(catch_unwind)]
    pub fn offset_info(&self, env: &Env) -> napi::Result<Buffer> {
        let info = self.consumer.offset_info();
        let document = doc! {
            "lastProcessed": resume_token(info.last_processed.as_ref()),
            "lastCommitted": resume_token(info.last_committed.as_ref()),
            "hasUncommitted": info.has_uncommitted,
            "areOffsetsSynced": !info.has_uncommitted,
        };
        bson_bytes::buffer(&document).map_err(|error| js_error::to_js(env, &error))
    }
}

#[expect(clippy::cast_precision_loss, reason = "the longest retention is far below 2^53")]
fn milliseconds(duration: u64) -> f64 {
    duration as f64
}

fn partition_lag(lag: &PartitionLag) -> Document {
    doc! { "partition": lag.partition, "messages": count(lag.messages), "seconds": count(lag.seconds) }
}
