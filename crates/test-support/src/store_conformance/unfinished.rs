//! What an offset document says about messages behind the position: finished ahead, attempts, and how the owners ended.

use std::sync::Arc;

use bson::{Bson, DateTime};
use csb_core::consumer::checkpoint::{Checkpoint, MessageAttempts};
use csb_core::dead_letter::{FailedAttempt, HandlerError};
use csb_core::store::contract::{Claim, CommitOutcome, Store, StoredOffset};

use super::offsets::{EARLY, after, key};

async fn claim(store: &dyn Store, owner: &str) -> (Claim, StoredOffset) {
    let offset = store.claim_offset(&key(0), owner).await.expect("claims");
    (Claim::of(&offset).expect("an owner"), offset)
}

async fn load(store: &dyn Store) -> StoredOffset {
    store.load_offset(&key(0)).await.expect("loads").expect("is there")
}

fn attempts(id: i32, failed: usize) -> MessageAttempts {
    let error = HandlerError { name: "TypeError".into(), message: "no".into(), stack: None };
    let failed = vec![FailedAttempt { error, at: DateTime::from_millis(5) }; failed];
    MessageAttempts { message_id: Bson::Int32(id), failed, forgotten: 0, in_flight: true }
}

/// With the position, and gone with the next checkpoint that has none.
pub async fn messages_finished_ahead_are_stored_with_the_position(store: Arc<dyn Store>) {
    let (claim, _) = claim(&*store, "a").await;
    let ids = vec![Bson::Int32(7), Bson::String("x".into())];
    let checkpoint = Checkpoint { position: after(EARLY), finished_ahead: ids.clone() };
    assert_eq!(store.commit_offset(&claim, &checkpoint).await.expect("commits"), CommitOutcome::Committed);
    let stored = load(&*store).await;
    assert_eq!((stored.position, stored.finished_ahead), (Some(after(EARLY)), ids));
    store.commit_offset(&claim, &after(EARLY).into()).await.expect("commits");
    assert!(load(&*store).await.finished_ahead.is_empty());
}

/// Those of a fenced member are not stored. A commit leaves them alone.
pub async fn attempts_replace_those_before(store: Arc<dyn Store>) {
    let (old, _) = claim(&*store, "a").await;
    let (current, _) = claim(&*store, "b").await;
    let outcome = store.record_attempts(&old, &[attempts(1, 1)]).await.expect("is answered");
    assert_eq!(outcome, CommitOutcome::Fenced);
    assert!(load(&*store).await.attempts.is_empty());

    for stored in [vec![attempts(1, 1), attempts(2, 0)], vec![attempts(2, 3)]] {
        let outcome = store.record_attempts(&current, &stored).await.expect("is answered");
        assert_eq!(outcome, CommitOutcome::Committed);
        store.commit_offset(&current, &after(EARLY).into()).await.expect("commits");
        assert_eq!(load(&*store).await.attempts, stored);
    }
    let (current, claimed) = claim(&*store, "c").await;
    assert_eq!(claimed.attempts, [attempts(2, 3)]);
    store.record_attempts(&current, &[]).await.expect("is answered");
    assert!(load(&*store).await.attempts.is_empty());
}

/// From the last release on, or from when a member says that it is past the danger.
pub async fn owners_that_did_not_release_are_counted(store: Arc<dyn Store>) {
    assert_eq!(claim(&*store, "a").await.1.unclean_ends, 0);
    assert_eq!(claim(&*store, "b").await.1.unclean_ends, 1);
    let (current, claimed) = claim(&*store, "c").await;
    assert_eq!(claimed.unclean_ends, 2);
    assert_eq!(store.forget_unclean_ends(&current).await.expect("is answered"), CommitOutcome::Committed);
    assert_eq!(load(&*store).await.unclean_ends, 0);
    let (current, claimed) = claim(&*store, "d").await;
    assert_eq!(claimed.unclean_ends, 1);
    store.release_offset(&current, 0).await.expect("is answered");
    assert_eq!(store.forget_unclean_ends(&current).await.expect("is answered"), CommitOutcome::Fenced);
    assert_eq!(claim(&*store, "e").await.1.unclean_ends, 0);

    // A member that never began leaves the count as it was.
    let (current, claimed) = claim(&*store, "f").await;
    store.release_offset(&current, claimed.unclean_ends).await.expect("is answered");
    assert_eq!(load(&*store).await.owner, None);
    assert_eq!(claim(&*store, "g").await.1.unclean_ends, 1);
}
