//! What the scenarios about dead letters do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bson::{Document, doc};
use csb_core::broker::Broker;
use csb_core::consumer::Consumer;
use csb_core::dead_letter::{
    DeadLetters, HandlerError, LetterFilter, LetterQuery, LetterScope, RedriveRequest, StoredLetter,
};
use csb_core::runtime::clock;
use csb_test_support::recording_handler::{Received, Recorded, RecordingHandler};

use crate::scene::{consumer, producer, send, subscribe_with};

/// A handler that fails while it is told to, and on `bad` numbers only.
pub(crate) fn failing(
    bad: impl Fn(i64) -> bool + Send + Sync + 'static,
) -> (Arc<AtomicBool>, Arc<RecordingHandler>) {
    let fails = Arc::new(AtomicBool::new(true));
    let told = Arc::clone(&fails);
    let handler = RecordingHandler::new(move |received: Received| {
        let fails = told.load(Ordering::SeqCst) && bad(received.n);
        async move { if fails { Err(failure()) } else { Ok(()) } }
    });
    (fails, handler)
}

pub(crate) fn failure() -> HandlerError {
    HandlerError { name: "TypeError".to_owned(), message: "not today".to_owned(), stack: None }
}

pub(crate) fn once() -> Document {
    doc! { "maxRetries": 0, "retryDelay": 1 }
}

pub(crate) fn letters_of(broker: &Broker, group_id: &str) -> DeadLetters {
    broker.dead_letters(LetterScope { group_id: group_id.to_owned(), topic: None }).expect("connected")
}

pub(crate) async fn redrive(letters: &DeadLetters, request: Document) -> u64 {
    let request = RedriveRequest::from_document(&request, letters.scope()).expect("valid");
    letters.redrive(&request).await.expect("is answered")
}

pub(crate) async fn all(letters: &DeadLetters) -> Vec<StoredLetter> {
    let query = LetterQuery::from_document(&doc! { "order": "oldest" }, letters.scope()).expect("valid");
    letters.list(&query).await.expect("lists").letters
}

pub(crate) async fn count(letters: &DeadLetters, filter: Document) -> u64 {
    let filter = LetterFilter::from_document(&filter, letters.scope()).expect("valid");
    letters.count(&filter).await.expect("counts")
}

/// Waits for an outcome that is stored by the engine, of which nobody is told.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let waited = clock::timeout(Duration::from_mins(1), async {
        while !holds().await {
            clock::sleep(Duration::from_millis(10)).await;
        }
    });
    waited.await.unwrap_or_else(|| panic!("not within a minute: {what}"));
}

pub(crate) async fn has(letters: &DeadLetters, expected: u64) {
    until(&format!("{expected} letters"), || async { count(letters, doc! {}).await == expected }).await;
}

/// A consumer of one partition whose handler has just given these numbers up.
pub(crate) async fn with_letters(
    broker: &Broker,
    numbers: i64,
    bad: impl Fn(i64) -> bool + Send + Sync + 'static,
) -> (Consumer, Arc<AtomicBool>, Arc<RecordingHandler>) {
    let sent = producer(broker, 1).await;
    let (fails, handler) = failing(bad);
    let member = consumer(broker, doc! {});
    subscribe_with(&member, &handler, once()).await;
    send(&sent, 0..numbers).await;
    let dealt_with = |seen: &Recorded| {
        seen.handled.len() + seen.failed.len() >= usize::try_from(numbers).unwrap_or(usize::MAX)
    };
    handler.wait_for("every number", dealt_with).await;
    let failed = handler.recorded().failed.len() as u64;
    has(&member.dead_letters(), failed).await;
    (member, fails, handler)
}
