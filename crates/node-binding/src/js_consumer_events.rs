//! The events of a consumer, for JavaScript.

use std::sync::Arc;

use bson::{Bson, Document, doc};
use csb_core::consumer::EventListener;
use csb_core::feed::stream_token::StreamToken;
use csb_core::observe::consumer_event::ConsumerEvent;
use napi::Status;
use napi::bindgen_prelude::{Buffer, FnArgs, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};

use crate::{bson_bytes, js_error};

type Call = FnArgs<(String, Buffer)>;

/// The JavaScript function that receives events: name, details.
pub(crate) type EventFunction<'env> = Function<'env, Call, ()>;

/// Passes the events with these names on. Weak: that somebody listens does not keep Node alive.
pub(crate) fn event_listener(
    function: &EventFunction<'_>,
    names: Vec<String>,
) -> napi::Result<EventListener> {
    let function: ThreadsafeFunction<Call, (), Call, Status, false, true> =
        function.build_threadsafe_function().callee_handled::<false>().weak::<true>().build()?;
    Ok(Arc::new(move |event| {
        if !names.iter().any(|name| name == event.name()) {
            return;
        }
        if let Ok(details) = bson_bytes::buffer(&details(event)) {
            let call = FnArgs { data: (event.name().to_owned(), details) };
            // Without JavaScript there is nobody to hear of it.
            let _ = function.call(call, ThreadsafeFunctionCallMode::NonBlocking);
        }
    }))
}

fn details(event: &ConsumerEvent) -> Document {
    match event {
        ConsumerEvent::Assigned { partitions } => {
            doc! { "partitions": partitions.iter().map(|partition| Bson::from(*partition)).collect::<Vec<_>>() }
        }
        ConsumerEvent::Revoked { partition, reason } => {
            doc! { "partition": partition, "reason": reason.as_str() }
        }
        ConsumerEvent::Committed { partition, offset } => {
            doc! { "partition": partition, "offset": resume_token(offset.as_ref()) }
        }
        ConsumerEvent::Completed { partition, offset, remaining } => doc! {
            "partition": partition,
            "offset": resume_token(offset.as_ref()),
            "remaining": count(*remaining as u64),
        },
        ConsumerEvent::Retried { partition, message_id, attempt, error_name, delay_ms } => doc! {
            "partition": partition,
            "messageId": message_id,
            "attempt": attempt,
            "errorName": error_name,
            "delayMs": count(*delay_ms),
        },
        ConsumerEvent::DeadLettered { partition, message_id, attempts, error_name } => doc! {
            "partition": partition,
            "messageId": message_id,
            "attempts": attempts,
            "errorName": error_name,
        },
        ConsumerEvent::Recovered { partition, from, duration_ms, scanned, possible_duplicates } => doc! {
            "partition": partition,
            "from": from.as_str(),
            "durationMs": count(*duration_ms),
            "scanned": count(*scanned),
            "possibleDuplicates": count(*possible_duplicates),
        },
        ConsumerEvent::Expired { partition, from, to, skipped } => {
            doc! { "partition": partition, "from": from, "to": to, "skipped": skipped }
        }
        ConsumerEvent::UnfencedWriter { partition } => doc! { "partition": partition },
        ConsumerEvent::Stalled { partition, reason, since_ms } => doc! {
            "partition": partition,
            "reason": reason.as_str(),
            "sinceMs": count(*since_ms),
        },
        ConsumerEvent::Failed(error) => doc! { "error": js_error::to_document(error) },
    }
}

/// A whole number that JavaScript reads as one.
#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
pub(crate) fn count(number: u64) -> f64 {
    number as f64
}

/// A token as the driver shows it. One that the engine made for itself is of no use to anybody else.
pub(crate) fn resume_token(token: Option<&StreamToken>) -> Bson {
    match token.filter(|token| !token.is_synthetic()) {
        Some(token) => Bson::Document(doc! { "_data": token.as_str() }),
        None => Bson::Null,
    }
}
