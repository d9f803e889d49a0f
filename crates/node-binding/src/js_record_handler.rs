//! The user's handler: deliveries go to one JavaScript function, reports come back through `report`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bson::doc;
use csb_core::consumer::record_handler::{
    Delivery, DeliveryId, DeliveryReport, PROGRESS_INTERVAL, RecordHandler, ReportSender,
};
use csb_core::error::Error;
use csb_core::feed::stream_token::StreamToken;
use csb_core::record::delivery_bytes::DeliveryBytes;
use napi::Status;
use napi::bindgen_prelude::{Buffer, FnArgs, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};

use crate::{bson_bytes, js_error};

type Call = FnArgs<(u32, u32, Buffer)>;

/// The JavaScript function that receives deliveries: kind, id, payload.
pub(crate) type DeliverFunction<'env> = Function<'env, Call, ()>;

const DELIVER: u32 = 0;
const STOP: u32 = 1;
const ATTEMPT_FAILED: u32 = 2;
const CONSUMER_ERROR: u32 = 3;

/// Strong: it keeps Node alive exactly as long as something is subscribed.
pub(crate) struct JsRecordHandler {
    function: ThreadsafeFunction<Call, (), Call, Status, false>,
    running: Mutex<HashMap<DeliveryId, ReportSender>>,
}

impl JsRecordHandler {
    pub(crate) fn new(function: &DeliverFunction<'_>) -> napi::Result<Self> {
        let function = function.build_threadsafe_function().callee_handled::<false>().build()?;
        Ok(Self { function, running: Mutex::default() })
    }

    /// Passes a report on. The last one of a delivery ends it.
    pub(crate) fn report(&self, id: DeliveryId, report: DeliveryReport) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = match report {
            DeliveryReport::Progress(_) => running.get(&id).cloned(),
            _ => running.remove(&id),
        };
        if let Some(sender) = sender {
            // The worker has gone when its grace period ended first.
            let _ = sender.send(report);
        }
    }

    fn remember(&self, id: DeliveryId, reports: ReportSender) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(id, reports);
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
    fn deliver(&self, delivery: Delivery<'_>, reports: ReportSender) {
        let report_every_ms = u32::try_from(PROGRESS_INTERVAL.as_millis()).unwrap_or(u32::MAX);
        let mut payload = DeliveryBytes::new(delivery.partition, delivery.attempt, report_every_ms);
        for message in &delivery.messages {
            payload.push(message.token.map(StreamToken::as_str), &message.stored);
        }
        self.remember(delivery.id, reports);
        self.call(DELIVER, delivery.id, payload.finish().into());
    }

    fn stop(&self, id: DeliveryId) {
        self.call(STOP, id, Buffer::from(Vec::new()));
    }

    fn attempt_failed(&self, id: DeliveryId, attempt: u32, will_retry: bool, reports: ReportSender) {
        self.remember(id, reports);
        match bson_bytes::buffer(&doc! { "attempt": attempt, "willRetry": will_retry }) {
            Ok(payload) => self.call(ATTEMPT_FAILED, id, payload),
            Err(_) => self.report(id, DeliveryReport::ErrorHandlerFinished),
        }
    }

    fn consumer_failed(&self, error: &Error) {
        if let Ok(payload) = bson_bytes::buffer(&js_error::to_document(error)) {
            self.call(CONSUMER_ERROR, DeliveryId(u32::MAX), payload);
        }
    }
}
