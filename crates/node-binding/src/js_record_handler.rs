//! The user's handler: deliveries go to one JavaScript function, reports come back through `report`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use bson::{Bson, Document, RawDocumentBuf, doc};
use csb_core::consumer::record_handler::{
    Delivery, DeliveryId, DeliveryReport, FailedMessage, PROGRESS_INTERVAL, RecordHandler, Reports,
};
use csb_core::consumer::{OffsetLoan, TransactionOutcome};
use csb_core::error::{Error, Result};
use csb_core::observe::consumer_event::RevokedReason;
use csb_core::record::delivery_bytes::DeliveryBytes;
use futures_util::future::BoxFuture;
use napi::Status;
use napi::bindgen_prelude::{Buffer, FnArgs, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use tokio::sync::oneshot;

use crate::{bson_bytes, js_error};

type Call = FnArgs<(u32, u32, Buffer)>;

/// The JavaScript function that receives deliveries: kind, id, payload.
pub(crate) type DeliverFunction<'env> = Function<'env, Call, ()>;

const DELIVER: u32 = 0;
const STOP: u32 = 1;
const ATTEMPT_FAILED: u32 = 2;
const CONSUMER_ERROR: u32 = 3;
const TIME_OUT: u32 = 4;
const ABANDON: u32 = 5;
const PING: u32 = 6;
const LEASE_LOST: u32 = 7;
const ASSIGNED: u32 = 8;
const REVOKED: u32 = 9;
const FORGOTTEN: u32 = 10;

/// Strong: it keeps Node alive exactly as long as something is subscribed.
pub(crate) struct JsRecordHandler {
    function: ThreadsafeFunction<Call, (), Call, Status, false>,
    running: Mutex<HashMap<DeliveryId, Reports>>,
    /// Offsets in the hands of transactions.
    loans: Mutex<HashMap<DeliveryId, OffsetLoan>>,
    /// What JavaScript has been asked and answers with `pong`.
    questions: Mutex<HashMap<u32, oneshot::Sender<()>>>,
}

impl JsRecordHandler {
    pub(crate) fn new(function: &DeliverFunction<'_>) -> napi::Result<Self> {
        let function = function.build_threadsafe_function().callee_handled::<false>().build()?;
        Ok(Self { function, running: Mutex::default(), loans: Mutex::default(), questions: Mutex::default() })
    }

    /// Passes a report on. The last one of a delivery ends it.
    pub(crate) fn report(&self, id: DeliveryId, report: DeliveryReport) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let DeliveryReport::Progress(handled) = report {
            if let Some(reports) = running.get(&id) {
                reports.progress(handled);
            }
        } else if let Some(reports) = running.remove(&id) {
            reports.end(report);
        }
    }

    /// Whether it runs this delivery.
    pub(crate) fn runs(&self, id: DeliveryId) -> bool {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&id)
    }

    /// Borrows the offset for the transaction of a delivery: its update.
    pub(crate) async fn borrow_offset(&self, id: DeliveryId, finished: Vec<usize>) -> Result<RawDocumentBuf> {
        let loan = {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.get(&id).map(|reports| reports.borrow_offset(finished))
        };
        let loan = loan.ok_or_else(|| Error::closed("the delivery"))?.await?;
        let update = loan.update.clone();
        self.loans.lock().unwrap_or_else(PoisonError::into_inner).insert(id, loan);
        Ok(update)
    }

    /// Whether the transaction that has borrowed the offset is committed.
    pub(crate) async fn return_offset(&self, id: DeliveryId, outcome: TransactionOutcome) -> Result<bool> {
        let loan = self.loans.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        loan.ok_or_else(|| Error::internal("an offset is given back that was not borrowed"))?
            .give_back(outcome)
            .await
    }

    /// Whether the offset is lent to this delivery.
    pub(crate) fn has_lent(&self, id: DeliveryId) -> bool {
        self.loans.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&id)
    }

    /// JavaScript has answered.
    pub(crate) fn pong(&self, id: u32) {
        let answer = self.questions.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        if let Some(answer) = answer {
            // Whoever asked has stopped waiting.
            let _ = answer.send(());
        }
    }

    /// Asks something that is answered with `pong`. Without JavaScript the answer is dropped.
    fn ask(&self, kind: u32, payload: Buffer, answer: oneshot::Sender<()>) {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        self.questions.lock().unwrap_or_else(PoisonError::into_inner).insert(id, answer);
        let call = FnArgs { data: (kind, id, payload) };
        if self.function.call(call, ThreadsafeFunctionCallMode::NonBlocking) != Status::Ok {
            self.questions.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        }
    }

    fn ask_hook(&self, kind: u32, details: &Document) -> BoxFuture<'static, ()> {
        let (answer, answered) = oneshot::channel();
        if let Ok(payload) = bson_bytes::buffer(details) {
            self.ask(kind, payload, answer);
        }
        // Who cannot be asked has nothing to say.
        Box::pin(async move { drop(answered.await) })
    }

    fn remember(&self, id: DeliveryId, reports: Reports) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(id, reports);
    }

    /// About the call that runs after so many handled messages.
    fn call_about_running(&self, kind: u32, id: DeliveryId, handled: usize) {
        let handled = u32::try_from(handled).unwrap_or(u32::MAX);
        if let Ok(payload) = bson_bytes::buffer(&doc! { "handled": handled }) {
            self.call(kind, id, payload);
        }
    }

    /// Without JavaScript to call, the reports end, which tells the worker.
    fn call(&self, kind: u32, id: DeliveryId, payload: Buffer) {
        let call = FnArgs { data: (kind, id.0, payload) };
        if self.function.call(call, ThreadsafeFunctionCallMode::NonBlocking) != Status::Ok {
            self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        }
    }
}

impl RecordHandler for JsRecordHandler {
    fn deliver(&self, delivery: Delivery<'_>, reports: Reports) {
        let report_every_ms = u32::try_from(PROGRESS_INTERVAL.as_millis()).unwrap_or(u32::MAX);
        let mut payload = DeliveryBytes::new(delivery.partition, report_every_ms);
        for message in &delivery.messages {
            payload.push(message);
        }
        self.remember(delivery.id, reports);
        self.call(DELIVER, delivery.id, payload.finish().into());
    }

    fn stop(&self, id: DeliveryId) {
        self.call(STOP, id, Buffer::from(Vec::new()));
    }

    fn time_out(&self, id: DeliveryId, handled: usize) {
        self.call_about_running(TIME_OUT, id, handled);
    }

    fn abandon(&self, id: DeliveryId, handled: usize) {
        self.call_about_running(ABANDON, id, handled);
    }

    fn forgotten(&self, id: DeliveryId) {
        self.call(FORGOTTEN, id, Buffer::from(Vec::new()));
    }

    fn attempt_failed(&self, failed: FailedMessage, reports: Reports) {
        let FailedMessage { id, index, attempt, will_retry, is_last } = failed;
        self.remember(id, reports);
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let failed = doc! { "index": index, "attempt": attempt, "willRetry": will_retry, "isLast": is_last };
        match bson_bytes::buffer(&failed) {
            Ok(payload) => self.call(ATTEMPT_FAILED, id, payload),
            Err(_) => self.report(id, DeliveryReport::ErrorHandlerFinished),
        }
    }

    fn ping(&self, answer: oneshot::Sender<()>) {
        self.ask(PING, Buffer::from(Vec::new()), answer);
    }

    fn lease_lost(&self, id: DeliveryId) {
        self.call(LEASE_LOST, id, Buffer::from(Vec::new()));
    }

    fn assigned(&self, partitions: &[u32]) -> BoxFuture<'static, ()> {
        let partitions: Vec<_> = partitions.iter().map(|partition| Bson::from(*partition)).collect();
        self.ask_hook(ASSIGNED, &doc! { "partitions": partitions })
    }

    fn revoked(&self, partition: u32, reason: RevokedReason) -> BoxFuture<'static, ()> {
        let partitions = vec![Bson::from(partition)];
        self.ask_hook(REVOKED, &doc! { "partitions": partitions, "reason": reason.as_str() })
    }

    fn consumer_failed(&self, error: &Error) {
        if let Ok(payload) = bson_bytes::buffer(&js_error::to_document(error)) {
            self.call(CONSUMER_ERROR, DeliveryId(u32::MAX), payload);
        }
    }
}
