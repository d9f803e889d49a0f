//! Redriven letters when partitions change hands: nothing is lost, and nobody but the owner counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bson::doc;
use csb_core::store::contract::{Claim, OffsetKey};
use csb_test_support::recording_handler::RecordingHandler;
use tokio::sync::Semaphore;

use crate::letters::{all, count, failure, has, letters_of, once, redrive, until, with_letters};
use crate::on_both_stores;
use crate::scene::{GROUP, Scene, TOPIC, consumer, producer, send, subscribe, subscribe_with};

on_both_stores!(
    a_stale_owner_settles_nothing,
    a_letter_that_was_not_delivered_is_given_back,
    a_letter_whose_handler_ends_its_owners_is_given_up_again,
    a_letter_left_in_hand_survives_that_the_offset_is_deleted,
);

async fn a_stale_owner_settles_nothing(scene: Scene) {
    let (old_broker, new_broker) = (scene.broker().await, scene.broker().await);
    let (member, fails, _) = with_letters(&old_broker, 1, |_| true).await;
    member.unsubscribe(true).await;
    fails.store(false, Ordering::SeqCst);

    let release = Arc::new(Semaphore::new(0));
    let (gate, begun) = (Arc::clone(&release), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&begun);
    let old = RecordingHandler::new(move |_| {
        let gate = Arc::clone(&gate);
        counted.fetch_add(1, Ordering::SeqCst);
        async move {
            gate.acquire().await.expect("open").forget();
            Err(failure())
        }
    });
    subscribe_with(&member, &old, once()).await;
    let letters = letters_of(&new_broker, GROUP);
    assert_eq!(redrive(&letters, doc! {}).await, 1);
    until("the old owner has the letter", || async { begun.load(Ordering::SeqCst) == 1 }).await;

    scene.processes_have_ended(GROUP).await;
    let new = RecordingHandler::accepting();
    subscribe(&consumer(&new_broker, doc! {}), &new).await;
    let recorded = new.wait_for_handled(1).await;
    assert!(recorded.handled[0].redriven && recorded.handled[0].possible_duplicate);
    has(&letters, 0).await;
    release.add_permits(1);
    old.wait_for("the old owner gives up", |seen| !seen.failed.is_empty()).await;
    old_broker.disconnect(true).await;
    assert_eq!(count(&letters, doc! {}).await, 0, "the failure of the old owner counts for nothing");
    new_broker.disconnect(true).await;
    scene.end().await;
}

async fn a_letter_that_was_not_delivered_is_given_back(scene: Scene) {
    let broker = scene.broker().await;
    let (member, fails, _) = with_letters(&broker, 1, |_| true).await;
    let letters = member.dead_letters();
    member.unsubscribe(true).await;
    fails.store(false, Ordering::SeqCst);

    // The lane is busy with a message, behind which the letter waits.
    let (gate, begun) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let (entry, counted) = (Arc::clone(&gate), Arc::clone(&begun));
    let handler = RecordingHandler::new(move |_| {
        let entry = Arc::clone(&entry);
        counted.fetch_add(1, Ordering::SeqCst);
        async move {
            entry.acquire().await.expect("open").forget();
            Ok(())
        }
    });
    subscribe(&member, &handler).await;
    send(&producer(&broker, 1).await, 1..2).await;
    until("the message is being handled", || async { begun.load(Ordering::SeqCst) == 1 }).await;
    assert_eq!(redrive(&letters, doc! {}).await, 1);
    let mark = || async { all(&letters).await.remove(0).redrive.expect("a mark") };
    until("the letter is taken", || async { mark().await.holder.is_some() }).await;

    member.unsubscribe(false).await;
    gate.add_permits(1);
    handler.wait_for_handled(1).await;
    member.disconnect(true).await;
    assert_eq!((mark().await.holder, mark().await.interruptions), (None, 0));
    let next = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! {}), &next).await;
    let recorded = next.wait_for_handled(1).await;
    assert!(recorded.handled[0].redriven && !recorded.handled[0].possible_duplicate);
    broker.disconnect(true).await;
    scene.end().await;
}

/// As one that ends its process does.
async fn a_letter_whose_handler_ends_its_owners_is_given_up_again(scene: Scene) {
    let broker = scene.broker().await;
    let (member, _, _) = with_letters(&broker, 1, |_| true).await;
    let letters = member.dead_letters();
    member.disconnect(true).await;
    assert_eq!(redrive(&letters, doc! {}).await, 1);
    let key = OffsetKey { group_id: GROUP.to_owned(), topic: TOPIC.to_owned(), partition: 0 };
    for owner in ["a", "b", "c"] {
        let claimed = scene.store.claim_offset(&key, owner).await.expect("claims");
        let claim = Claim::of(&claimed).expect("an owner");
        let pending = scene.store.next_redrive(&key).await.expect("looks").expect("a mark");
        scene.store.take_redrive(&claim, &pending).await.expect("is answered").expect("is taken");
    }
    let handler = RecordingHandler::accepting();
    subscribe(&consumer(&broker, doc! {}), &handler).await;
    until("it is given up", || async { count(&letters, doc! { "redriving": false }).await == 1 }).await;
    let letter = all(&letters).await.remove(0);
    assert_eq!((letter.redrives, letter.attempts), (1, 2));
    let newest = letter.errors.last().expect("an error");
    assert_eq!(newest.error.name, "ERR_CSB_HANDLER_INTERRUPTED");
    assert!(handler.recorded().handled.is_empty());
    broker.disconnect(true).await;
    scene.end().await;
}

/// As our errors advise where an offset cannot be resumed from. Epochs begin anew then.
async fn a_letter_left_in_hand_survives_that_the_offset_is_deleted(scene: Scene) {
    let broker = scene.broker().await;
    let (member, fails, handler) = with_letters(&broker, 2, |_| true).await;
    let letters = member.dead_letters();
    member.unsubscribe(true).await;
    fails.store(false, Ordering::SeqCst);
    assert_eq!(redrive(&letters, doc! {}).await, 2);
    let key = OffsetKey { group_id: GROUP.to_owned(), topic: TOPIC.to_owned(), partition: 0 };
    let mut claim = None;
    for _ in 0..5 {
        claim = Claim::of(&scene.store.claim_offset(&key, "gone").await.expect("claims"));
    }
    let claim = claim.expect("an owner");
    let pending = scene.store.next_redrive(&key).await.expect("looks").expect("a mark");
    scene.store.take_redrive(&claim, &pending).await.expect("is answered").expect("is taken");
    scene.delete_offset(0).await;

    subscribe_with(&member, &handler, once()).await;
    assert_eq!(handler.wait_for_handled(2).await.numbers_of(0), [0, 1]);
    has(&letters, 0).await;
    broker.disconnect(true).await;
    scene.end().await;
}
