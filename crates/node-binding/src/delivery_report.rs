//! What JavaScript reports of a delivery, in the engine's terms.

use bson::spec::BinarySubtype;
use bson::{Binary, Document};
use csb_core::consumer::TransactionOutcome;
use csb_core::consumer::record_handler::{DeliveryReport, HandlerFailure};
use csb_core::dead_letter::HandlerError;

use crate::bson_bytes::document;

/// The report with this number.
pub(crate) fn delivery_report(handled: usize, outcome: u32, details: Option<&[u8]>) -> DeliveryReport {
    let details = || details.and_then(|bytes| document(bytes).ok()).unwrap_or_default();
    match outcome {
        0 => DeliveryReport::Progress(handled),
        1 => DeliveryReport::Done,
        2 => DeliveryReport::Stopped(handled),
        3 => DeliveryReport::Failed { handled, failure: failure(&details()) },
        5 => DeliveryReport::BatchFailed(failures(&details())),
        _ => DeliveryReport::ErrorHandlerFinished,
    }
}

/// What became of a transaction, by its number; of an unknown one the id of its session.
pub(crate) fn transaction_outcome(outcome: u32, session: Option<&[u8]>) -> TransactionOutcome {
    match outcome {
        0 => TransactionOutcome::Committed,
        1 => TransactionOutcome::Aborted,
        2 => TransactionOutcome::Refused,
        _ => TransactionOutcome::Unknown(
            session.map(|id| Binary { subtype: BinarySubtype::Uuid, bytes: id.to_vec() }),
        ),
    }
}

/// `{ failures: [{ index, … }] }`
fn failures(details: &Document) -> Vec<(usize, HandlerFailure)> {
    let failures = details.get_array("failures").map(Vec::as_slice).unwrap_or_default();
    failures
        .iter()
        .filter_map(|value| {
            let fields = value.as_document()?;
            Some((usize::try_from(fields.get_i32("index").ok()?).ok()?, failure(fields)))
        })
        .collect()
}

/// `{ name, message, stack, mayRetry, transient? }`
fn failure(fields: &Document) -> HandlerFailure {
    let text = |name: &str| fields.get_str(name).ok().map(str::to_owned);
    let error = HandlerError {
        name: text("name").unwrap_or_else(|| "Error".to_owned()),
        message: text("message").unwrap_or_default(),
        stack: text("stack"),
    };
    HandlerFailure {
        error,
        may_retry: fields.get_bool("mayRetry").unwrap_or(true),
        is_transient: fields.get_bool("transient").unwrap_or(false),
    }
}
