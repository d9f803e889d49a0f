//! Owners that end without releasing their partitions: what they were handling is found out, nothing is lost, and
//! only what kills its owner again and again is given up.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bson::{Bson, Document, doc};
use csb_core::broker::Broker;
use csb_core::config::{BrokerConfig, HandlerConfig};
use csb_core::consumer::Consumer;
use csb_core::consumer::checkpoint::MessageAttempts;
use csb_core::error_code::ErrorCode;
use csb_core::observe::consumer_event::ConsumerEvent;
use csb_core::runtime::clock;
use csb_core::store::contract::Claim;
use csb_test_support::recording_handler::{Received, RecordingHandler};
use tokio::sync::watch;

use crate::on_both_stores;
use crate::process::Process;
use crate::scene::{
    GROUP, Scene, connected, consumer, offset_key, pick, producer, send, send_keyed, subscribe,
    subscribe_with,
};
use crate::stubborn_store::{StubbornStore, Verb};

on_both_stores!(
    a_message_that_kills_its_owner_is_given_up,
    it_is_found_with_rare_commits,
    it_is_found_with_commits_by_interval,
    its_neighbours_of_other_keys_are_not_given_up,
    messages_of_other_partitions_are_not_given_up,
    an_attempt_is_noted_before_it_begins,
    an_owner_that_gets_past_it_is_not_careful_for_ever,
    a_note_left_by_a_clean_end_means_nothing,
    a_member_that_never_began_leaves_the_count_as_it_was,
    a_crash_at_any_write_loses_nothing_and_buries_nothing
);

/// What became of the messages, over all owners.
#[derive(Debug, Clone, Default)]
struct Fates {
    begun: Vec<(i64, u32)>,
    handled: Vec<i64>,
    dead: BTreeSet<String>,
    /// The present owner is being killed.
    is_dying: bool,
}

impl Fates {
    fn has_settled(&self, messages: i64) -> bool {
        let handled: BTreeSet<_> = self.handled.iter().copied().collect();
        (0..messages).all(|n| handled.contains(&n) || self.dead.contains(&format!("m{n}")))
    }
}

/// How the owners are set up, and what their handler does.
#[derive(Clone)]
struct Owners {
    consumer: Document,
    handler: Document,
    /// Messages that kill their owner.
    killers: BTreeSet<i64>,
    /// Messages whose handler does not end before the owner is killed, if it is.
    slow: BTreeSet<i64>,
}

impl Owners {
    fn new(consumer: Document, handler: Document, killers: impl IntoIterator<Item = i64>) -> Self {
        let killers = killers.into_iter().collect();
        Self { consumer, handler, killers, slow: BTreeSet::new() }
    }
}

/// Starts owner after owner, until every message is handled or given up. Returns how many were killed.
async fn live_and_die(scene: &Scene, owners: &Owners, messages: i64) -> (usize, Fates) {
    let (fates, mut seen) = watch::channel(Fates::default());
    let fates = Arc::new(fates);
    for deaths in 0..40 {
        let process = Process::start();
        let (config, owners, fates) = (scene.broker_config(doc! {}), owners.clone(), Arc::clone(&fates));
        let owner = process.run(own(config, owners, Arc::clone(&fates))).await;
        let settled = seen.wait_for(|fates| fates.is_dying || fates.has_settled(messages));
        let outcome = clock::timeout(Duration::from_mins(1), settled).await;
        let outcome = outcome.expect("owner after owner comes to something").expect("is kept").clone();
        if !outcome.is_dying {
            process.run(async move { owner.disconnect(true).await }).await;
            return (deaths, outcome);
        }
        drop(process);
        scene.processes_have_ended(GROUP).await;
        fates.send_modify(|fates| fates.is_dying = false);
    }
    panic!("it never ends: {:?}", fates.borrow().begun.iter().rev().take(20).collect::<Vec<_>>());
}

async fn own(config: BrokerConfig, owners: Owners, fates: Arc<watch::Sender<Fates>>) -> Broker {
    let broker = connected(Broker::new(config, None)).await;
    let reader = consumer(&broker, owners.consumer);
    let dead = Arc::clone(&fates);
    reader.listen(Some(Arc::new(move |event| {
        if let ConsumerEvent::DeadLettered { message_id, .. } = event {
            dead.send_modify(|fates| {
                fates.dead.insert(message_id.clone());
            });
        }
    })));
    let (killers, slow) = (owners.killers, owners.slow);
    let handler = RecordingHandler::new(move |received| {
        let fates = Arc::clone(&fates);
        fates.send_modify(|fates| fates.begun.push((received.n, received.attempt)));
        let (kills, is_slow) = (killers.contains(&received.n), slow.contains(&received.n));
        async move {
            if kills {
                fates.send_modify(|fates| fates.is_dying = true);
                std::future::pending::<()>().await;
            }
            if is_slow {
                // Longer than it takes the killer to kill, if it is being handled as well.
                clock::sleep(Duration::from_millis(500)).await;
            }
            fates.send_modify(|fates| fates.handled.push(received.n));
            Ok(())
        }
    });
    subscribe_with(&reader, &handler, owners.handler).await;
    broker
}

pub(crate) async fn claimed_once(scene: &Scene, broker: &Broker, config: Document) {
    let reader = consumer(broker, config);
    subscribe(&reader, &RecordingHandler::accepting()).await;
    reader.disconnect(true).await;
    assert_eq!(scene.stored(0).await.unclean_ends, 0);
}

pub(crate) fn unkeyed(messages: std::ops::Range<i64>) -> impl Iterator<Item = (i64, Option<&'static str>)> {
    messages.map(|n| (n, None))
}

async fn a_message_that_kills_its_owner_is_given_up(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    claimed_once(&scene, &broker, doc! {}).await;
    send_keyed(&numbers, unkeyed(0..20)).await;
    let owners = Owners::new(doc! {}, doc! { "maxRetries": 0 }, [7]);
    let (deaths, fates) = live_and_die(&scene, &owners, 20).await;
    assert_eq!(fates.dead, BTreeSet::from(["m7".to_owned()]));
    // The first time nothing was noted; processes end for other reasons too, so three are needed.
    assert_eq!(deaths, 4);
    let attempts: Vec<_> = fates.begun.iter().filter(|(n, _)| *n == 7).map(|(_, attempt)| *attempt).collect();
    assert_eq!(attempts, [1, 1, 2, 3]);
    let stored = scene.stored(0).await;
    assert!(stored.attempts.is_empty() && stored.finished_ahead.is_empty() && stored.unclean_ends == 0);
    broker.disconnect(true).await;
    scene.end().await;
}

/// Nothing is committed before the end: each owner begins anew, and looks twice as far.
async fn it_is_found_with_rare_commits(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    claimed_once(&scene, &broker, doc! {}).await;
    send_keyed(&numbers, unkeyed(0..700)).await;
    let owners = Owners::new(doc! { "autoCommit": false }, doc! { "maxRetries": 2 }, [600]);
    let (deaths, fates) = live_and_die(&scene, &owners, 700).await;
    assert_eq!(fates.dead, BTreeSet::from(["m600".to_owned()]));
    assert!(deaths <= 8, "{deaths} owners were killed");
    broker.disconnect(true).await;
    scene.end().await;
}

async fn it_is_found_with_commits_by_interval(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    claimed_once(&scene, &broker, doc! {}).await;
    send_keyed(&numbers, unkeyed(0..500)).await;
    let owners = Owners::new(
        doc! { "autoCommitIntervalMs": 3_600_000 },
        doc! { "maxRetries": 1, "concurrency": 3 },
        [300, 450],
    );
    let (deaths, fates) = live_and_die(&scene, &owners, 500).await;
    assert_eq!(fates.dead, BTreeSet::from(["m300".to_owned(), "m450".to_owned()]));
    assert!(deaths <= 14, "{deaths} owners were killed");
    broker.disconnect(true).await;
    scene.end().await;
}

async fn its_neighbours_of_other_keys_are_not_given_up(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    claimed_once(&scene, &broker, doc! {}).await;
    let keys = ["a", "b", "c", "d", "e", "f"];
    send_keyed(&numbers, (0..12).map(|n| (n, pick(&keys, n)))).await;
    let mut owners = Owners::new(doc! {}, doc! { "maxRetries": 0, "concurrency": 6 }, [2]);
    owners.slow = [0, 1, 3, 4, 5].into();
    let (deaths, fates) = live_and_die(&scene, &owners, 12).await;
    assert_eq!(fates.dead, BTreeSet::from(["m2".to_owned()]));
    assert!(deaths <= 6, "{deaths} owners were killed");
    broker.disconnect(true).await;
    scene.end().await;
}

async fn messages_of_other_partitions_are_not_given_up(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 4).await;
    claimed_once(&scene, &broker, doc! {}).await;
    send_keyed(&numbers, unkeyed(0..8)).await;
    let mut owners = Owners::new(doc! {}, doc! { "maxRetries": 0 }, [2]);
    owners.slow = [0, 1, 3].into();
    let (deaths, fates) = live_and_die(&scene, &owners, 8).await;
    assert_eq!(fates.dead, BTreeSet::from(["m2".to_owned()]));
    assert!(deaths <= 6, "{deaths} owners were killed");
    broker.disconnect(true).await;
    scene.end().await;
}

/// Two owners that were never heard of again.
async fn leave_two_unclean_ends(scene: &Scene) {
    for owner in ["one", "two"] {
        scene.store.claim_offset(&offset_key(0), owner).await.expect("claimed");
    }
}

async fn an_attempt_is_noted_before_it_begins(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    claimed_once(&scene, &broker, doc! {}).await;
    leave_two_unclean_ends(&scene).await;
    let store = Arc::clone(&scene.store);
    let (noting, notes) = watch::channel(Vec::new());
    let handler = RecordingHandler::new(move |received: Received| {
        let (store, noting) = (Arc::clone(&store), noting.clone());
        async move {
            let stored = store.load_offset(&offset_key(0)).await.expect("readable").expect("claimed");
            let marked = stored.attempts.iter().filter(|one| one.in_flight);
            let marked: Vec<_> = marked.map(|one| one.message_id.clone()).collect();
            noting.send_modify(|notes| notes.push((received.n, marked)));
            Ok(())
        }
    });
    let reader = consumer(&broker, doc! {});
    subscribe_with(&reader, &handler, doc! {}).await;
    send_keyed(&numbers, unkeyed(0..5)).await;
    handler.wait_for_handled(5).await;
    let expected: Vec<_> = (0..5).map(|n| (n, vec![Bson::String(format!("m{n}"))])).collect();
    assert_eq!(*notes.borrow(), expected);
    reader.unsubscribe(true).await;
    let stored = scene.stored(0).await;
    assert!(stored.attempts.is_empty() && stored.unclean_ends == 0);
    broker.disconnect(true).await;
    scene.end().await;
}

async fn an_owner_that_gets_past_it_is_not_careful_for_ever(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    claimed_once(&scene, &broker, doc! {}).await;
    leave_two_unclean_ends(&scene).await;
    let handler = RecordingHandler::accepting();
    let reader = consumer(&broker, doc! {});
    subscribe(&reader, &handler).await;
    assert_eq!(scene.stored(0).await.unclean_ends, 2);
    // Two ends in a row: twice 256 messages one by one.
    send(&numbers, 0..600).await;
    handler.wait_for_handled(600).await;
    let past = async {
        while scene.stored(0).await.unclean_ends != 0 {
            clock::sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(clock::timeout(Duration::from_mins(1), past).await.is_some());
    assert!(scene.stored(0).await.attempts.is_empty());
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_note_left_by_a_clean_end_means_nothing(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    claimed_once(&scene, &broker, doc! {}).await;
    send_keyed(&numbers, unkeyed(0..2)).await;
    // An owner that could not take its note back before it released the partition.
    let owner = scene.store.claim_offset(&offset_key(0), "careful").await.expect("claimed");
    let claim = Claim::of(&owner).expect("an owner");
    let note = MessageAttempts {
        message_id: Bson::String("m0".to_owned()),
        failed: Vec::new(),
        forgotten: 0,
        in_flight: true,
    };
    scene.store.record_attempts(&claim, &[note]).await.expect("stored");
    scene.store.release_offset(&claim, 0).await.expect("released");

    let handler = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! {}), &handler).await;
    let recorded = handler.wait_for_handled(2).await;
    assert_eq!((recorded.attempts_of(0), recorded.attempts_of(1)), (vec![1], vec![1]));
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_member_that_never_began_leaves_the_count_as_it_was(scene: Scene) {
    let broker = scene.broker().await;
    drop(producer(&broker, 1).await);
    // Never released, and without a position.
    leave_two_unclean_ends(&scene).await;
    let store = StubbornStore::before(Arc::clone(&scene.store));
    store.refuse(Verb::Commit);
    let failing = scene.broker_on(store.store()).await;
    let reader = consumer(&failing, doc! {});
    let config = HandlerConfig::from_document(&doc! {}, reader.config()).expect("valid");
    let error = reader.subscribe(config, RecordingHandler::accepting()).await.expect_err("no start position");
    assert_eq!(error.code(), ErrorCode::Unavailable);
    assert_eq!(scene.stored(0).await.owner, None);
    let next = scene.store.claim_offset(&offset_key(0), "next").await.expect("claimed");
    assert_eq!(next.unclean_ends, 2);
    failing.disconnect(true).await;
    broker.disconnect(true).await;
    scene.end().await;
}

/// Owner after owner falls silent at one of its writes, as in a crash, whatever it was about to write.
async fn a_crash_at_any_write_loses_nothing_and_buries_nothing(scene: Scene) {
    let broker = scene.broker().await;
    let numbers = producer(&broker, 1).await;
    for round in 0..12 {
        let group = format!("group-{round}");
        let reader = consumer(&broker, doc! { "groupId": &group });
        subscribe(&reader, &RecordingHandler::accepting()).await;
        reader.disconnect(true).await;
        let first = i64::try_from(round).expect("small") * 100;
        let mut next = first;
        let done = Arc::new(Mutex::new(BTreeSet::new()));
        for writes in [2, round, round / 2 + 2, round / 3 + 3] {
            send(&numbers, next..next + 3).await;
            next += 3;
            let store = StubbornStore::before(Arc::clone(&scene.store));
            store.fall_silent_after(writes);
            let process = Process::start();
            let config = scene.broker_config(doc! {});
            let kept =
                process.run(own_until_silence(config, store, group.clone(), Arc::clone(&done), next - 1));
            let kept = kept.await;
            drop(process);
            drop(kept);
            scene.processes_have_ended(&group).await;
        }

        let last = consumer(&broker, doc! { "groupId": &group });
        let handler = RecordingHandler::accepting();
        subscribe_with(&last, &handler, doc! { "maxRetries": 0 }).await;
        send(&numbers, next..=next).await;
        let recorded =
            handler.wait_for("the last message", |seen| seen.handled.iter().any(|one| one.n == next));
        let recorded = recorded.await;
        let mut all = done.lock().expect("whole").clone();
        all.extend(recorded.handled.iter().map(|one| one.n));
        assert_eq!(all, (first..=next).collect::<BTreeSet<_>>(), "round {round}");
        last.disconnect(true).await;
    }
    broker.disconnect(true).await;
    scene.end().await;
}

/// Returns when the store does not answer any more, or everything is handled.
async fn own_until_silence(
    config: BrokerConfig,
    store: StubbornStore,
    group: String,
    done: Arc<Mutex<BTreeSet<i64>>>,
    last: i64,
) -> (Broker, Consumer) {
    let broker = connected(Broker::with_store(config, store.store(), None)).await;
    let reader = consumer(&broker, doc! { "groupId": group });
    let handler = RecordingHandler::new(move |received: Received| {
        done.lock().expect("whole").insert(received.n);
        async { Ok(()) }
    });
    subscribe_with(&reader, &handler, doc! { "maxRetries": 0 }).await;
    tokio::select! {
        () = store.wait_until_silent() => {}
        _ = handler.wait_for("the last one", |seen| seen.handled.iter().any(|one| one.n == last)) => {}
    }
    (broker, reader)
}
