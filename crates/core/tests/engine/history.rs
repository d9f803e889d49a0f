//! `fromBeginning`: what was stored before, then what comes, without gap or double.

use std::sync::Arc;

use bson::doc;
use csb_core::broker::Broker;
use csb_core::consumer::position::Position;
use csb_test_support::recording_handler::RecordingHandler;

use crate::duplicates::Handled;
use crate::on_both_stores;
use crate::process::Process;
use crate::scene::{GROUP, Scene, connected, consumer, producer, send, subscribe};
use crate::stopped_process::{gated, until_committed};
use crate::stored_messages::{stamped, store_all, written_by_1_4_2};

on_both_stores!(
    history_then_stream_while_sending,
    a_restart_within_the_history_goes_on,
    a_restart_shortly_behind_the_history_doubles_nothing,
);

async fn history_then_stream_while_sending(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    // Written by 1.4.2, then by this version; and in the last two minutes, which come from the stream. All of them
    // are in the stream too, because they were inserted just now: the boundary has to tell them apart.
    store_all(scene.store.as_ref(), (0..1500).map(|n| written_by_1_4_2(n, 0))).await;
    store_all(scene.store.as_ref(), (1500..3000).map(|n| stamped(n, 3000))).await;
    send(&numbers, 3000..3500).await;

    let handler = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! { "fromBeginning": true }), &handler).await;
    for hundred in 35..45 {
        send(&numbers, hundred * 100..(hundred + 1) * 100).await;
    }
    let recorded = handler.wait_for_handled(4500).await;
    assert_eq!(recorded.numbers_of(0), (0..4500).collect::<Vec<_>>());
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_restart_within_the_history_goes_on(scene: Scene) {
    let broker = scene.broker().await;
    drop(producer(&broker, 1).await);
    store_all(scene.store.as_ref(), (0..3000).map(|n| stamped(n, 3000))).await;
    let first = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! { "fromBeginning": true, "maxBufferedBytes": 64 * 1024 }), &first)
        .await;
    first.wait_for_handled(1000).await;
    broker.disconnect(true).await;
    let done = first.recorded().numbers_of(0);
    assert!(matches!(scene.position(0).await, Some(Position::History(_))));

    let broker = scene.broker().await;
    let second = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! {}), &second).await;
    second.wait_for_handled(3000 - done.len()).await;
    broker.disconnect(true).await;
    let mut all = done;
    all.extend(second.recorded().numbers_of(0));
    assert_eq!(all, (0..3000).collect::<Vec<_>>());
    scene.end().await;
}

/// The stream begins two minutes back, and shows what was read from the history too.
async fn a_restart_shortly_behind_the_history_doubles_nothing(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    send(&numbers, 10..15).await;
    send(&numbers, 15..20).await;
    // Visible later than the others, but stamped before: they come from the history.
    store_all(scene.store.as_ref(), (0..5).map(|n| stamped(n, 200))).await;
    store_all(scene.store.as_ref(), (5..10).map(|n| written_by_1_4_2(n, 200))).await;
    let (_gate, first) = gated(15);
    let (process, config, handler) = (Process::start(), scene.broker_config(doc! {}), Arc::clone(&first));
    let _reader = process
        .run(async move {
            let reader =
                consumer(&connected(Broker::new(config, None)).await, doc! { "fromBeginning": true });
            subscribe(&reader, &handler).await;
            handler.wait_for_handled(15).await;
            until_committed(&reader, 5).await;
            reader
        })
        .await;
    drop(process);
    scene.processes_have_ended(GROUP).await;

    let second = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! {}), &second).await;
    send(&numbers, [20]).await;
    second.wait_for("the newest", |seen| seen.handled.iter().any(|message| message.n == 20)).await;
    let (first, second) = (first.recorded(), second.recorded());
    Handled::by([&first, &second]).covers(0..21);
    // What 1.4.2 wrote is told apart by the memory of the process only: it comes again, and is marked.
    let stamped: Vec<_> =
        second.handled.iter().map(|message| message.n).filter(|n| !(5..10).contains(n)).collect();
    assert_eq!(stamped, (15..21).collect::<Vec<_>>());
    broker.disconnect(true).await;
    scene.end().await;
}
