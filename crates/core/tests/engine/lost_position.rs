//! A position from which the stream cannot be read any more: what is stored is read instead. Nothing is lost, and what
//! may have been handled before is marked.

use std::sync::Arc;
use std::time::Duration;

use bson::doc;
use csb_core::broker::Broker;
use csb_core::consumer::position::Position;
use csb_core::feed::stream_token::StreamToken;
use csb_core::observe::log::Logger;
use csb_core::runtime::clock;
use csb_core::runtime::task_group::TaskGroup;
use csb_test_support::recording_handler::{Recorded, RecordingHandler};

use crate::duplicates::{Handled, wait_for_all};
use crate::on_both_short_logs;
use crate::process::Process;
use crate::recovered_events::{listen, until_recovered};
use crate::scene::{GROUP, Scene, connected, consumer, producer, send, subscribe};
use crate::stopped_process::{gated, until_committed};
use crate::stored_messages::{stamped, store_all, written_by_1_4_2};

/// Some hundred messages fill it.
const SMALL_BUFFER: i32 = 64 * 1024;

on_both_short_logs!(
    what_was_sent_while_the_group_was_away_arrives,
    writers_go_on_during_the_recovery,
    a_crash_during_the_recovery_doubles_nothing_unmarked,
    a_slow_handler_outlives_the_log_more_than_once,
    a_beginning_that_outlasts_the_log_is_exact,
    a_position_of_long_ago_is_recovered_by_stamp,
    what_1_4_2_read_from_the_beginning_is_gone_on_from,
);

async fn what_was_sent_while_the_group_was_away_arrives(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 2).await;
    let before = RecordingHandler::accepting();
    let reader = consumer(&broker, doc! {});
    subscribe(&reader, &before).await;
    send(&numbers, 0..20).await;
    before.wait_for_handled(20).await;
    reader.unsubscribe(true).await;

    send(&numbers, 20..2000).await;
    scene.forget_events().await;
    send(&numbers, 2000..2020).await;
    let after = RecordingHandler::accepting();
    let mut recovered = listen(&reader);
    subscribe(&reader, &after).await;
    wait_for_all(&after, 20..2020).await;
    send(&numbers, 2020..2040).await;
    let after = wait_for_all(&after, 20..2040).await;

    Handled::by([&before.recorded(), &after]).covers(0..2040).has_once(20..2040);
    for partition in 0..2 {
        let of_partition = after.handled.iter().filter(|message| message.partition == partition);
        let new: Vec<_> =
            of_partition.filter(|message| !message.possible_duplicate).map(|message| message.n).collect();
        assert!(new.is_sorted(), "{new:?}");
    }
    let marked = after.handled.iter().filter(|message| message.possible_duplicate).count() as u64;
    let told = until_recovered(&mut recovered, 2).await;
    assert_eq!(told.iter().map(|(_, possible_duplicates)| possible_duplicates).sum::<u64>(), marked);
    assert!(told.iter().map(|(scanned, _)| scanned).sum::<u64>() >= 2000, "{told:?}");

    // The position is an ordinary one again.
    reader.unsubscribe(true).await;
    assert!(matches!(scene.position(0).await, Some(Position::Stream(stream)) if stream.is_plain()));
    let again = RecordingHandler::accepting();
    subscribe(&reader, &again).await;
    send(&numbers, 2040..2042).await;
    assert_eq!(again.wait_for_handled(2).await.sorted_numbers(), [2040, 2041]);
    broker.disconnect(true).await;
    scene.end().await;
}

async fn writers_go_on_during_the_recovery(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let before = RecordingHandler::accepting();
    let reader = consumer(&broker, doc! { "maxBufferedBytes": SMALL_BUFFER });
    subscribe(&reader, &before).await;
    send(&numbers, 0..20).await;
    before.wait_for_handled(20).await;
    reader.unsubscribe(true).await;
    send(&numbers, 20..3000).await;
    scene.forget_events().await;

    let writers = TaskGroup::new(Logger::silent());
    writers.spawn("writer", async move {
        for hundred in 30..60 {
            send(&numbers, hundred * 100..(hundred + 1) * 100).await;
            clock::sleep(Duration::from_millis(5)).await;
        }
    });
    let after = RecordingHandler::accepting();
    subscribe(&reader, &after).await;
    wait_for_all(&after, 20..6000).await;
    Handled::by([&before.recorded(), &after.recorded()]).covers(0..6000).has_once(20..6000);
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_crash_during_the_recovery_doubles_nothing_unmarked(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let mut processes = vec![RecordingHandler::accepting()];
    let reader = consumer(&broker, doc! {});
    subscribe(&reader, &processes[0]).await;
    send(&numbers, 0..100).await;
    processes[0].wait_for_handled(100).await;
    reader.unsubscribe(true).await;
    send(&numbers, 100..1000).await;
    scene.forget_events().await;

    // Each process stops dead somewhere; what it has handled until then is committed. Another one takes over.
    let mut gates = Vec::new();
    for stop_at in [50, 99, 100, 500, 501, 999] {
        let (gate, handler) = gated(stop_at);
        let (process, config, reading) =
            (Process::start(), scene.broker_config(doc! {}), Arc::clone(&handler));
        let reader = process
            .run(async move {
                let broker = connected(Broker::new(config, None)).await;
                let reader = consumer(&broker, doc! { "maxBufferedBytes": SMALL_BUFFER });
                subscribe(&reader, &reading).await;
                let is_near = |seen: &Recorded| seen.handled.iter().any(|message| message.n == stop_at - 1);
                reading.wait_for("the last before", is_near).await;
                until_committed(&reader, 1000 - stop_at).await;
                (broker, reader)
            })
            .await;
        drop(process);
        drop(reader);
        scene.processes_have_ended(GROUP).await;
        processes.push(handler);
        gates.push(gate);
    }
    send(&numbers, 1000..1010).await;
    let last = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! {}), &last).await;
    wait_for_all(&last, 1000..1010).await;
    processes.push(last);
    let recorded: Vec<_> = processes.iter().map(|process| process.recorded()).collect();
    Handled::by(&recorded).covers(0..1010).has_once(1000..1010);
    broker.disconnect(true).await;
    scene.end().await;
}

/// The partition leaves the feed because its buffer is full, and while it waits the log goes past its place; again and
/// again.
async fn a_slow_handler_outlives_the_log_more_than_once(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let (gate, handler) = gated(0);
    subscribe(&consumer(&broker, doc! { "maxBufferedBytes": SMALL_BUFFER }), &handler).await;
    for round in 0..3 {
        send(&numbers, round * 2000..(round + 1) * 2000).await;
        scene.forget_events().await;
    }
    gate.send_replace(true);
    wait_for_all(&handler, 0..6000).await;
    Handled::by([&handler.recorded()]).covers(0..6000);
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_beginning_that_outlasts_the_log_is_exact(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    send(&numbers, 0..2000).await;
    scene.forget_events().await;
    let (gate, handler) = gated(100);
    let reader = consumer(&broker, doc! { "fromBeginning": true, "maxBufferedBytes": SMALL_BUFFER });
    subscribe(&reader, &handler).await;
    handler.wait_for_handled(100).await;
    send(&numbers, 2000..3000).await;
    scene.forget_events().await;
    send(&numbers, 3000..3100).await;
    gate.send_replace(true);
    handler.wait_for_handled(3100).await;
    send(&numbers, 3100..3110).await;
    let recorded = handler.wait_for_handled(3110).await;
    assert_eq!(recorded.numbers_of(0), (0..3110).collect::<Vec<_>>());
    Handled::by([&recorded]).has_once(0..3110);
    broker.disconnect(true).await;
    scene.end().await;
}

/// Two minutes back from the position everything is in doubt; what is older is finished.
async fn a_position_of_long_ago_is_recovered_by_stamp(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let now = scene.store.cluster_time().await.expect("a time");
    store_all(scene.store.as_ref(), (0..1000).map(|n| stamped(n, 2500 - n))).await;
    // What 1.4.2 wrote has no stamp. Its ids are believed to ten minutes.
    store_all(scene.store.as_ref(), [written_by_1_4_2(1500, 3500), written_by_1_4_2(1000, 2300)]).await;
    store_all(scene.store.as_ref(), [written_by_1_4_2(1001, 1000)]).await;
    scene.forget_events().await;
    scene.write_offset(0, StreamToken::after(now.minus_seconds(2000)).as_str()).await;

    let handler = RecordingHandler::accepting();
    let reader = consumer(&broker, doc! {});
    let mut recovered = listen(&reader);
    subscribe(&reader, &handler).await;
    until_recovered(&mut recovered, 1).await;
    send(&numbers, 1002..1004).await;
    let recorded = wait_for_all(&handler, 1002..1004).await;
    let delivered = recorded.numbers_of(0);
    assert_eq!(delivered[..2], [1000, 1001]);
    assert!((370..=390).contains(&delivered[2]), "{}", delivered[2]);
    let expected: Vec<_> = [1000, 1001].into_iter().chain(delivered[2]..1000).chain(1002..1004).collect();
    assert_eq!(delivered, expected);
    let last_marked = recorded.handled.iter().rposition(|message| message.possible_duplicate).expect("some");
    assert!(recorded.handled[..=last_marked].iter().all(|message| message.possible_duplicate));
    let last_marked = recorded.handled[last_marked].n;
    assert!((490..=510).contains(&last_marked), "{last_marked}");
    broker.disconnect(true).await;
    scene.end().await;
}

/// Back from the message that the offset names by what its producer's clock, and those of the others, may be wrong.
async fn what_1_4_2_read_from_the_beginning_is_gone_on_from(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let last_read = written_by_1_4_2(6, 2000);
    let id = last_read.get_object_id("_id").expect("an id");
    store_all(scene.store.as_ref(), (0..3).map(|n| written_by_1_4_2(n, 3400))).await;
    store_all(scene.store.as_ref(), (3..5).map(|n| stamped(n, 2800))).await;
    store_all(scene.store.as_ref(), [written_by_1_4_2(5, 2500), last_read, written_by_1_4_2(7, 600)]).await;
    store_all(scene.store.as_ref(), [stamped(8, 2500), stamped(9, 600)]).await;
    scene.forget_events().await;
    scene.write_offset(0, &format!("historical_{id}")).await;

    let handler = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! {}), &handler).await;
    send(&numbers, 10..12).await;
    let recorded = wait_for_all(&handler, 5..12).await;
    assert_eq!(recorded.numbers_of(0), [5, 6, 7, 8, 9, 10, 11]);
    let marked = recorded.handled.iter().filter(|message| message.possible_duplicate);
    assert_eq!(marked.map(|message| message.n).collect::<Vec<_>>(), [5, 6, 7, 8]);
    broker.disconnect(true).await;
    scene.end().await;
}
