//! `unsubscribe` and `disconnect` called inside handlers: by all of them at once, twice, and from outside meanwhile.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bson::doc;
use csb_core::broker::Broker;
use csb_core::consumer::Consumer;
use csb_core::runtime::clock;
use csb_test_support::recording_handler::{Recorded, RecordingHandler};
use tokio::sync::{Barrier, watch};

use crate::on_both_stores;
use crate::scene::{Scene, consumer, producer, send, subscribe};

const PARTITIONS: u32 = 3;
const MESSAGES: i64 = 30;

on_both_stores!(
    every_handler_unsubscribes_twice,
    every_handler_disconnects_everything_at_once,
    inside_and_outside_at_the_same_time,
    a_disconnect_waits_for_the_one_that_is_under_way
);

/// What a handler calls. Inside of one nobody waits for it.
#[derive(Clone, Copy)]
enum Close {
    Consumer,
    Everything,
}

impl Close {
    async fn call(self, broker: &Broker, reader: &Consumer) {
        match self {
            Self::Consumer => {
                tokio::join!(reader.unsubscribe(false), reader.unsubscribe(false));
            }
            Self::Everything => {
                tokio::join!(
                    reader.unsubscribe(false),
                    reader.disconnect(false),
                    reader.disconnect(false),
                    broker.disconnect(false),
                    broker.disconnect(false),
                );
            }
        }
    }
}

/// The first handlers of all partitions, and whoever else waits for `all_there`, are there before one of them closes;
/// none of them ends before all have closed. Handlers that were called nevertheless succeed.
fn closing_handler(
    close: Close,
    broker: &Broker,
    reader: &Consumer,
    all_there: &Arc<Barrier>,
) -> Arc<RecordingHandler> {
    let all_closed = Arc::new(Barrier::new(PARTITIONS as usize));
    let entered = Arc::new(Mutex::new(HashSet::new()));
    let (broker, reader, all_there) = (broker.clone(), reader.clone(), Arc::clone(all_there));
    RecordingHandler::new(move |received| {
        let (broker, reader) = (broker.clone(), reader.clone());
        let (all_there, all_closed) = (Arc::clone(&all_there), Arc::clone(&all_closed));
        let is_first = entered.lock().expect("not poisoned").insert(received.partition);
        async move {
            if is_first {
                all_there.wait().await;
                close.call(&broker, &reader).await;
                all_closed.wait().await;
            }
            Ok(())
        }
    })
}

fn all_handlers(and_others: usize) -> Arc<Barrier> {
    Arc::new(Barrier::new(PARTITIONS as usize + and_others))
}

/// What the closing handlers did not handle is for the next member, and nothing else.
async fn assert_the_rest_is_delivered(scene: &Scene, closing: &RecordingHandler) {
    let mut numbers = closing.recorded().sorted_numbers();
    assert!(numbers.len() >= PARTITIONS as usize, "handlers were not waited for: {numbers:?}");
    let broker = scene.broker().await;
    let rest = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! {}), &rest).await;
    // The last ones of their partitions: what came before was delivered then.
    send(&producer(&broker, PARTITIONS).await, MESSAGES..MESSAGES + i64::from(PARTITIONS)).await;
    let are_last = |seen: &Recorded| seen.handled.iter().filter(|message| message.n >= MESSAGES).count();
    rest.wait_for("the last messages", |seen| are_last(seen) == PARTITIONS as usize).await;
    broker.disconnect(true).await;
    numbers.extend(rest.recorded().sorted_numbers());
    numbers.sort_unstable();
    assert_eq!(numbers, (0..MESSAGES + i64::from(PARTITIONS)).collect::<Vec<_>>());
    assert_eq!(closing.recorded().consumer_errors, [], "somebody took a partition that was not given back");
}

async fn every_handler_unsubscribes_twice(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, PARTITIONS).await;
    let reader = consumer(&broker, doc! {});
    let closing = closing_handler(Close::Consumer, &broker, &reader, &all_handlers(0));
    subscribe(&reader, &closing).await;
    send(&numbers, 0..MESSAGES).await;
    closing.wait_for_handled(PARTITIONS as usize).await;
    tokio::join!(reader.unsubscribe(true), reader.unsubscribe(true));
    assert!(!reader.is_subscribed() && reader.is_connected() && broker.is_connected());
    assert!(!reader.offset_info().has_uncommitted);
    assert_the_rest_is_delivered(&scene, &closing).await;
    broker.disconnect(true).await;
    scene.end().await;
}

async fn every_handler_disconnects_everything_at_once(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, PARTITIONS).await;
    let reader = consumer(&broker, doc! {});
    let closing = closing_handler(Close::Everything, &broker, &reader, &all_handlers(0));
    subscribe(&reader, &closing).await;
    send(&numbers, 0..MESSAGES).await;
    closing.wait_for_handled(PARTITIONS as usize).await;
    broker.disconnect(true).await;
    assert!(!broker.is_connected() && !reader.is_connected() && !reader.is_subscribed());
    assert_the_rest_is_delivered(&scene, &closing).await;
    scene.end().await;
}

async fn inside_and_outside_at_the_same_time(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, PARTITIONS).await;
    let reader = consumer(&broker, doc! {});
    let all_there = all_handlers(1);
    let closing = closing_handler(Close::Everything, &broker, &reader, &all_there);
    subscribe(&reader, &closing).await;
    send(&numbers, 0..MESSAGES).await;
    all_there.wait().await;
    tokio::join!(
        reader.unsubscribe(true),
        reader.unsubscribe(true),
        reader.disconnect(true),
        broker.disconnect(true),
        broker.disconnect(true),
    );
    assert!(!broker.is_connected() && !reader.is_connected());
    assert_the_rest_is_delivered(&scene, &closing).await;
    scene.end().await;
}

/// The second one finds nothing to close any more, and yet not everything is closed.
async fn a_disconnect_waits_for_the_one_that_is_under_way(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    let reader = consumer(&broker, doc! {});
    let (begun, mut has_begun) = watch::channel(false);
    let (open_gate, gate) = watch::channel(false);
    let closing = broker.clone();
    let handler = RecordingHandler::new(move |_| {
        let (closing, begun, mut gate) = (closing.clone(), begun.clone(), gate.clone());
        async move {
            closing.disconnect(false).await;
            while closing.is_connected() {
                // The one inside of the handler begins in a task of its own.
                clock::sleep(Duration::from_millis(1)).await;
            }
            begun.send_replace(true);
            gate.wait_for(|open| *open).await.expect("the gate is there");
            Ok(())
        }
    });
    subscribe(&reader, &handler).await;
    send(&numbers, 0..1).await;
    has_begun.wait_for(|begun| *begun).await.expect("the handler runs");
    let disconnect = broker.disconnect(true);
    tokio::pin!(disconnect);
    let early = clock::timeout(Duration::from_millis(200), &mut disconnect).await;
    assert_eq!(early, None, "it did not wait for the handler");
    open_gate.send_replace(true);
    disconnect.await;
    assert_eq!(handler.recorded().handled.len(), 1);
    scene.end().await;
}
