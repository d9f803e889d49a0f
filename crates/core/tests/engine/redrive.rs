//! Dead letters that are delivered again: to their group only, in order, once, and by the owner of the partition.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bson::{Document, doc};
use csb_core::consumer::position::Position;
use csb_core::dead_letter::{PurgeRequest, RedrivePlan, StoredLetter};
use csb_core::runtime::clock;
use csb_core::store::contract::OffsetKey;
use csb_test_support::recording_handler::{Received, RecordingHandler};
use tokio::sync::Semaphore;

use crate::letters::{all, count, failing, failure, has, letters_of, once, redrive, until, with_letters};
use crate::on_both_stores;
use crate::scene::{GROUP, Scene, TOPIC, consumer, producer, send, subscribe, subscribe_with};

on_both_stores!(
    a_redriven_letter_goes_to_its_group_only,
    letters_come_oldest_first_and_once,
    a_letter_that_fails_again_stays_and_may_be_redriven_again,
    a_rate_spaces_the_deliveries,
    a_redrive_waits_for_a_member,
    a_redrive_asked_for_elsewhere_is_noticed,
    a_letter_waits_for_its_key,
    a_letter_goes_into_no_batch_with_others,
    letters_are_kept_as_long_as_the_group_says,
    a_purged_letter_is_gone,
);

async fn a_redriven_letter_goes_to_its_group_only(scene: Scene) {
    let broker = scene.broker().await;
    let other = RecordingHandler::accepting();
    drop(producer(&broker, 1).await);
    subscribe(&consumer(&broker, doc! { "groupId": "others" }), &other).await;
    let (member, fails, handler) = with_letters(&broker, 6, |n| n % 2 == 1).await;
    let letters = member.dead_letters();
    assert_eq!(count(&letters_of(&broker, "others"), doc! {}).await, 0);

    let key = OffsetKey { group_id: GROUP.to_owned(), topic: TOPIC.to_owned(), partition: 0 };
    let stored = async || scene.store.load_offset(&key).await.expect("loads").expect("is there");
    let newest = all(&letters).await.into_iter().filter_map(|letter| letter.token).max();
    until("the position is behind the last letter", async || {
        stored().await.position.as_ref().and_then(Position::stream_token) == newest.as_ref()
    })
    .await;
    let position = stored().await.position;
    fails.store(false, Ordering::SeqCst);
    assert_eq!(redrive(&letters, doc! { "errorName": "TypeError" }).await, 3);
    let recorded = handler.wait_for_handled(6).await;
    assert_eq!(recorded.numbers_of(0), [0, 2, 4, 1, 3, 5]);
    let redriven: Vec<_> = recorded.handled.iter().filter(|one| one.redriven).map(|one| one.n).collect();
    assert_eq!(redriven, [1, 3, 5]);
    assert!(recorded.handled.iter().all(|one| one.attempt == 1 && !one.possible_duplicate));
    has(&letters, 0).await;

    // The partition goes on as if nothing had happened.
    assert_eq!(stored().await.position, position);
    send(&producer(&broker, 1).await, 6..7).await;
    handler.wait_for_handled(7).await;
    assert_eq!(other.wait_for_handled(7).await.numbers_of(0), (0..7).collect::<Vec<_>>());
    broker.disconnect(true).await;
    scene.end().await;
}

async fn letters_come_oldest_first_and_once(scene: Scene) {
    let broker = scene.broker().await;
    let (member, fails, handler) = with_letters(&broker, 20, |_| true).await;
    let letters = member.dead_letters();
    fails.store(false, Ordering::SeqCst);
    member.pause();
    let last = all(&letters).await.pop().expect("20 letters").id.message_id_text();
    assert_eq!(redrive(&letters, doc! { "messageId": last }).await, 1);
    let asked = futures_util::future::join_all((0..4).map(|_| redrive(&letters, doc! {}))).await;
    assert_eq!(asked.iter().sum::<u64>(), 19, "{asked:?}");
    assert_eq!(redrive(&letters, doc! {}).await, 0);
    member.resume();
    has(&letters, 0).await;
    let recorded = handler.recorded();
    assert_eq!(recorded.numbers_of(0), (0..20).collect::<Vec<_>>());
    assert!(!recorded.overlapped);
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_letter_that_fails_again_stays_and_may_be_redriven_again(scene: Scene) {
    let broker = scene.broker().await;
    let sent = producer(&broker, 1).await;
    let (fails, handler) = failing(|n| n == 1);
    let member = consumer(&broker, doc! {});
    subscribe_with(&member, &handler, doc! { "maxRetries": 1, "retryDelay": 1 }).await;
    let letters = member.dead_letters();
    send(&sent, 0..3).await;
    has(&letters, 1).await;
    let first = all(&letters).await.remove(0);
    assert_eq!((first.attempts, first.redrives), (2, 0));

    assert_eq!(redrive(&letters, doc! {}).await, 1);
    until("the redrive fails", || async { count(&letters, doc! { "redriving": false }).await == 1 }).await;
    let again = all(&letters).await.remove(0);
    assert_eq!((again.attempts, again.errors.len(), again.redrives, again.redrive), (4, 4, 1, None));
    assert_eq!((again.dead_at, again.message), (first.dead_at, first.message));
    assert_eq!(handler.recorded().failed, [(1, true), (2, false), (1, true), (2, false)]);

    fails.store(false, Ordering::SeqCst);
    assert_eq!(redrive(&letters, doc! {}).await, 1);
    assert_eq!(handler.wait_for_handled(3).await.numbers_of(0), [0, 2, 1]);
    has(&letters, 0).await;
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_rate_spaces_the_deliveries(scene: Scene) {
    let broker = scene.broker().await;
    let (member, fails, _) = with_letters(&broker, 6, |_| true).await;
    let letters = member.dead_letters();
    fails.store(false, Ordering::SeqCst);
    let begun = clock::now();
    assert_eq!(redrive(&letters, doc! { "ratePerSecond": 10 }).await, 6);
    has(&letters, 0).await;
    let took = begun.elapsed();
    // Turns are reckoned in whole milliseconds.
    assert!(took >= Duration::from_millis(490), "{took:?}");

    // Nobody was there at the turns: they do not come all at once either.
    let (_, handler) = failing(|_| false);
    fails.store(true, Ordering::SeqCst);
    send(&producer(&broker, 1).await, 6..12).await;
    has(&letters, 6).await;
    member.unsubscribe(true).await;
    assert_eq!(redrive(&letters, doc! { "ratePerSecond": 20 }).await, 6);
    clock::sleep(Duration::from_millis(500)).await;
    let begun = clock::now();
    subscribe(&member, &handler).await;
    assert_eq!(handler.wait_for_handled(6).await.numbers_of(0), (6..12).collect::<Vec<_>>());
    assert!(begun.elapsed() >= Duration::from_millis(240), "{:?}", begun.elapsed());
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_redrive_waits_for_a_member(scene: Scene) {
    let broker = scene.broker().await;
    let (member, _, _) = with_letters(&broker, 3, |_| true).await;
    member.disconnect(true).await;
    let letters = letters_of(&broker, GROUP);
    assert_eq!(redrive(&letters, doc! { "topic": TOPIC }).await, 3);
    let handler = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! {}), &handler).await;
    assert_eq!(handler.wait_for_handled(3).await.numbers_of(0), [0, 1, 2]);
    has(&letters, 0).await;
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_redrive_asked_for_elsewhere_is_noticed(scene: Scene) {
    let broker = scene.broker().await;
    let (member, fails, handler) = with_letters(&broker, 2, |_| true).await;
    fails.store(false, Ordering::SeqCst);
    let plan = RedrivePlan { id: "elsewhere".to_owned(), rate_per_second: None };
    let everything = member.dead_letters().scope().everything();
    assert_eq!(scene.store.request_redrive(&everything, &plan).await.expect("marks"), 2);
    assert_eq!(handler.wait_for_handled(2).await.numbers_of(0), [0, 1]);
    broker.disconnect(true).await;
    scene.end().await;
}

/// With `concurrency`, other keys go on.
async fn a_letter_waits_for_its_key(scene: Scene) {
    let broker = scene.broker().await;
    let sent = producer(&broker, 1).await;
    let (fails, busy) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
    let gate = Arc::new(Semaphore::new(0));
    let (told, tells, entry) = (Arc::clone(&fails), Arc::clone(&busy), Arc::clone(&gate));
    let handler = RecordingHandler::new(move |received: Received| {
        let (fails, entry) = (told.load(Ordering::SeqCst), Arc::clone(&entry));
        tells.fetch_or(received.n == 2, Ordering::SeqCst);
        async move {
            match received.n {
                1 if fails => return Err(failure()),
                2 => entry.acquire().await.expect("open").forget(),
                _ => {}
            }
            Ok(())
        }
    });
    let member = consumer(&broker, doc! {});
    let letters = member.dead_letters();
    subscribe_with(&member, &handler, doc! { "maxRetries": 0, "concurrency": 4 }).await;
    let keyed = |n: i64, key: &str| bson::rawdoc! { "m": [{ "v": { "n": n }, "k": key }] };
    sent.send(&[&keyed(1, "a")]).await.expect("acknowledged");
    has(&letters, 1).await;
    fails.store(false, Ordering::SeqCst);

    sent.send(&[&keyed(2, "a")]).await.expect("acknowledged");
    until("the key is busy", || async { busy.load(Ordering::SeqCst) }).await;
    assert_eq!(redrive(&letters, doc! { "key": "a" }).await, 1);
    let is_taken =
        || async { all(&letters).await[0].redrive.as_ref().is_some_and(|mark| mark.holder.is_some()) };
    until("the letter is taken", is_taken).await;
    sent.send(&[&keyed(3, "b"), &keyed(4, "b")]).await.expect("acknowledged");
    let recorded = handler.wait_for_handled(2).await;
    assert_eq!(recorded.numbers_of(0), [3, 4]);
    gate.add_permits(1);
    assert_eq!(handler.wait_for_handled(4).await.numbers_of(0), [3, 4, 2, 1]);
    has(&letters, 0).await;
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_letter_goes_into_no_batch_with_others(scene: Scene) {
    let broker = scene.broker().await;
    let (member, fails, _) = with_letters(&broker, 2, |_| true).await;
    let letters = member.dead_letters();
    member.unsubscribe(true).await;
    fails.store(false, Ordering::SeqCst);
    assert_eq!(redrive(&letters, doc! {}).await, 2);
    let handler = RecordingHandler::accepting();
    let batches = doc! { "batch": { "maxMessages": 10, "lingerMs": 60_000 } };
    subscribe_with(&member, &handler, batches).await;
    assert_eq!(handler.wait_for_handled(2).await.batches, [[0], [1]]);
    has(&letters, 0).await;
    broker.disconnect(true).await;
    scene.end().await;
}

async fn letters_are_kept_as_long_as_the_group_says(scene: Scene) {
    let broker = scene.broker().await;
    let sent = producer(&broker, 1).await;
    let (_, handler) = failing(|_| true);
    let member = consumer(&broker, doc! { "deadLetterRetentionMs": 3_600_000 });
    let letters = member.dead_letters();
    subscribe_with(&member, &handler, once()).await;
    send(&sent, 0..1).await;
    has(&letters, 1).await;
    let kept_ms = |letter: &StoredLetter, since: bson::DateTime| {
        letter.expires_at.expect("a date").timestamp_millis() - since.timestamp_millis()
    };
    let first = all(&letters).await.remove(0);
    assert_eq!(kept_ms(&first, first.dead_at), 3_600_000);
    assert_eq!(redrive(&letters, doc! {}).await, 1);
    until("the redrive fails", || async { count(&letters, doc! { "redriving": false }).await == 1 }).await;
    let again = all(&letters).await.remove(0);
    assert!(kept_ms(&again, first.dead_at) >= 3_600_000, "counted from the last failure");
    broker.disconnect(true).await;
    scene.end().await;
}

async fn a_purged_letter_is_gone(scene: Scene) {
    let broker = scene.broker().await;
    let (member, _, _) = with_letters(&broker, 3, |_| true).await;
    let letters = member.dead_letters();
    let purge = async |request: Document| {
        let request = PurgeRequest::from_document(&request, letters.scope()).expect("valid");
        letters.purge(&request).await.expect("purges")
    };
    let first = all(&letters).await.remove(0).id.message_id_text();
    assert_eq!(purge(doc! { "messageId": &first }).await, 1);
    assert_eq!(purge(doc! { "messageId": &first }).await, 0);
    assert_eq!(purge(doc! { "all": true }).await, 2);
    assert_eq!(count(&letters, doc! {}).await, 0);
    broker.disconnect(true).await;
    scene.end().await;
}
