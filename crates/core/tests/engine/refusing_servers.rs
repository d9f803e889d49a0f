//! What only real servers do to a reader: transactions that end late, snapshots that are forgotten, streams that are
//! refused. Nothing is lost, and what comes twice is marked.

use std::sync::Arc;
use std::time::Duration;

use bson::{Bson, Document, RawDocumentBuf, Timestamp, doc, oid::ObjectId, rawdoc};
use csb_core::broker::Broker;
use csb_core::consumer::position::{HistoryPosition, Position};
use csb_core::error_code::ErrorCode;
use csb_core::runtime::clock;
use csb_core::store::contract::HistoryRange;
use csb_test_support::recording_handler::{Recorded, RecordingHandler};

use crate::duplicates::{Handled, wait_for_all};
use crate::process::Process;
use crate::recovered_events::listen;
use crate::scene::{GROUP, Scene, TOPIC, connected, consumer, producer, send, subscribe};
use crate::stopped_process::{gated, until_committed};

/// Some hundred messages fill it.
const SMALL_BUFFER: i32 = 64 * 1024;

/// As a user's transaction writes it.
fn message(n: i64) -> RawDocumentBuf {
    rawdoc! {
        "_id": ObjectId::new(), "n": n, "_headers": {}, "_timestamp": bson::DateTime::now(), "_key": null,
        "_partition": 0, "_ts": Timestamp { time: 0, increment: 0 },
    }
}

/// A transaction that has inserted a message and is not committed.
async fn open_transaction(scene: &Scene, n: i64) -> mongodb::ClientSession {
    let mut session = scene.client().start_session().await.expect("a session");
    session.start_transaction().await.expect("begun");
    let messages = scene.mongo_database().collection::<RawDocumentBuf>(&format!("{TOPIC}_p0"));
    messages.insert_one(message(n)).session(&mut session).await.expect("inserted");
    session
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_end_late_are_delivered_once() {
    let scene = Scene::on_small_oplog().await;
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let before = RecordingHandler::accepting();
    let reader = consumer(&broker, doc! {});
    subscribe(&reader, &before).await;
    // Stamped before the position, visible behind it.
    let mut early = open_transaction(&scene, 5).await;
    send(&numbers, 0..5).await;
    before.wait_for_handled(5).await;
    reader.unsubscribe(true).await;
    early.commit_transaction().await.expect("committed");
    send(&numbers, 6..20).await;
    scene.forget_events().await;

    // Open while everything is read again.
    let mut late = open_transaction(&scene, 40).await;
    let after = RecordingHandler::accepting();
    subscribe(&reader, &after).await;
    wait_for_all(&after, 5..20).await;
    send(&numbers, 20..40).await;
    wait_for_all(&after, 5..40).await;
    late.commit_transaction().await.expect("committed");
    send(&numbers, 41..45).await;
    let after = wait_for_all(&after, 5..45).await;
    Handled::by([&before.recorded(), &after]).covers(0..45).has_once(6..45);
    broker.disconnect(true).await;
    scene.end().await;
}

/// The snapshot that a position is in; `None` if it is elsewhere.
fn snapshot_of(position: Option<&Position>) -> Option<&HistoryPosition> {
    match position {
        Some(Position::History(history)) if history.snapshot => Some(history),
        _ => None,
    }
}

/// Waits until the server does not know any more how the messages were at the time of the snapshot.
async fn until_snapshot_is_gone(scene: &Scene) {
    let position = scene.position(0).await;
    let until = snapshot_of(position.as_ref()).expect("a position in a snapshot").until;
    let gone = async {
        loop {
            let range = HistoryRange::Unstamped { after: None, since: None };
            match scene.store.read_history(&format!("{TOPIC}_p0"), range, Some(until), 1).await {
                Err(error) if error.code() == ErrorCode::HistoryLost => return,
                outcome => drop(outcome.expect("readable")),
            }
            // The server lets go of it with later writes.
            scene.store.append("filler", &[message(0)]).await.expect("stored");
            clock::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(clock::timeout(Duration::from_mins(1), gone).await.is_some(), "it is remembered");
}

/// A handler takes longer than the server remembers the snapshot; then a process that has read half of it ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_snapshot_is_taken_anew() {
    let scene = Scene::on_small_oplog_with(&[("minSnapshotHistoryWindowInSeconds", "1")]).await;
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    send(&numbers, 0..1000).await;
    scene.forget_events().await;
    let (gate, first) = gated(100);
    let config =
        doc! { "fromBeginning": true, "maxBufferedBytes": SMALL_BUFFER, "options": { "batchSize": 50 } };
    let reader = consumer(&broker, config.clone());
    subscribe(&reader, &first).await;
    until_committed(&reader, 900).await;
    send(&numbers, 1000..1500).await;
    until_snapshot_is_gone(&scene).await;
    scene.forget_events().await;
    gate.send_replace(true);
    let recorded = wait_for_all(&first, 0..1500).await;
    assert_eq!(recorded.numbers_of(0), (0..1500).collect::<Vec<_>>());
    Handled::by([&recorded]).has_once(0..1500);
    reader.unsubscribe(true).await;

    // The same with a process that ends.
    send(&numbers, 1500..2500).await;
    scene.forget_events().await;
    let (_gate, second) = gated(1800);
    let (process, broker_config, reading) =
        (Process::start(), scene.broker_config(doc! {}), (config.clone(), Arc::clone(&second)));
    let _reader = process
        .run(async move {
            let (config, second) = reading;
            let reader = consumer(&connected(Broker::new(broker_config, None)).await, config);
            subscribe(&reader, &second).await;
            let is_near = |seen: &Recorded| seen.handled.iter().any(|message| message.n == 1799);
            second.wait_for("the last before", is_near).await;
            until_committed(&reader, 700).await;
            reader
        })
        .await;
    drop(process);
    scene.processes_have_ended(GROUP).await;
    until_snapshot_is_gone(&scene).await;
    let third = RecordingHandler::accepting();
    subscribe(&consumer(&broker, config), &third).await;
    let third = wait_for_all(&third, 1800..2500).await;
    Handled::by([&recorded, &second.recorded(), &third]).covers(0..2500).has_once(1800..2500);
    broker.disconnect(true).await;
    scene.end().await;
}

/// Commands that fail.
struct Refusal<'a> {
    scene: &'a Scene,
    /// How often commands will have failed when it is over.
    until: i64,
}

impl<'a> Refusal<'a> {
    /// Lets so many of these commands fail from now on.
    async fn of(scene: &'a Scene, command: &str, code: i32, times: i32) -> Self {
        let refuse = doc! {
            "configureFailPoint": "failCommand",
            "mode": { "times": times },
            "data": { "failCommands": [command], "errorCode": code },
        };
        let reply: Document = scene.client().database("admin").run_command(refuse).await.expect("configured");
        let before = reply.get("count").and_then(|count| match count {
            Bson::Int32(count) => Some(i64::from(*count)),
            Bson::Int64(count) => Some(*count),
            _ => None,
        });
        Self { scene, until: before.expect("a count") + i64::from(times) }
    }

    /// Waits until they have failed.
    async fn over(self) {
        let wait = doc! {
            "waitForFailPoint": "failCommand", "timesEntered": self.until, "maxTimeMS": 60_000,
        };
        self.scene.client().database("admin").run_command(wait).await.expect("refused so often");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_stream_is_recovered_from() {
    let scene = Scene::on_small_oplog().await;
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let handler = RecordingHandler::accepting();
    let reader = consumer(&broker, doc! { "options": { "maxAwaitTimeMS": 50 } });
    let recovered = listen(&reader);
    subscribe(&reader, &handler).await;
    let mut next = 0;
    for code in [286, 280, 260] {
        // The feed's stream, then the reader's own, then the one behind what is stored.
        for times in 1..=3 {
            send(&numbers, next..next + 10).await;
            Refusal::of(&scene, "getMore", code, times).await.over().await;
            send(&numbers, next + 10..next + 20).await;
            next += 20;
            wait_for_all(&handler, next - 20..next).await;
        }
    }
    assert!(!recovered.borrow().is_empty());
    reader.unsubscribe(true).await;
    for code in [286, 280, 260] {
        for times in 1..=3 {
            send(&numbers, next..next + 10).await;
            let refusal = Refusal::of(&scene, "aggregate", code, times).await;
            subscribe(&reader, &handler).await;
            refusal.over().await;
            send(&numbers, next + 10..next + 20).await;
            next += 20;
            wait_for_all(&handler, next - 20..next).await;
            reader.unsubscribe(true).await;
        }
    }
    assert!(handler.recorded().consumer_errors.is_empty());
    Handled::by([&handler.recorded()]).covers(0..next);
    broker.disconnect(true).await;
    scene.end().await;
}
