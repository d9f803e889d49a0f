//! Offsets that are taken from their owner, or lent by him.

use std::sync::Arc;

use csb_core::consumer::checkpoint::Checkpoint;
use csb_core::store::contract::{CommitOutcome, Store};

use super::offsets::{EARLY, LATE, after, claim, key, load};

/// Who settles a number knows what is stored for good: nothing with a smaller one comes any more.
pub async fn what_comes_behind_a_settled_number_is_refused(store: Arc<dyn Store>) {
    let mut claim = claim(&*store, "a").await;
    claim.revision += 1;
    let lent = claim.clone();
    claim.revision += 1;
    let found = store.settle_offset(&claim).await.expect("settles").expect("is held");
    assert_eq!((found.position, found.revision), (None, claim.revision));
    let late = store.commit_offset(&lent, &after(LATE).into()).await.expect("answers");
    assert_eq!(late, CommitOutcome::Fenced);
    claim.revision += 1;
    store.commit_offset(&claim, &after(EARLY).into()).await.expect("commits");
    claim.revision += 1;
    let found = store.settle_offset(&claim).await.expect("settles").expect("is held");
    assert_eq!(found.position, Some(after(EARLY)));
    store.claim_offset(&key(0), "b").await.expect("claims");
    claim.revision += 1;
    assert!(store.settle_offset(&claim).await.expect("answers").is_none());
}

/// Whatever was known besides the position is forgotten, and whoever had the partition has it no longer.
pub async fn a_reset_takes_the_owner_off(store: Arc<dyn Store>) {
    let mut claim = claim(&*store, "a").await;
    claim.revision += 1;
    let ahead = Checkpoint { position: after(LATE), finished_ahead: vec!["x".into()] };
    assert_eq!(store.commit_offset(&claim, &ahead).await.expect("commits"), CommitOutcome::Committed);
    let reset = async |epoch| store.reset_offset(&key(0), epoch, &after(EARLY)).await.expect("answers");
    assert!(!reset(None).await && !reset(Some(claim.epoch + 1)).await, "it has another epoch");
    assert!(reset(Some(claim.epoch)).await);
    let found = load(&*store).await;
    assert_eq!((found.position, found.owner, found.epoch), (Some(after(EARLY)), None, claim.epoch + 1));
    assert_eq!((found.finished_ahead, found.unclean_ends), (vec![], 0));
    claim.revision += 10;
    assert_eq!(store.commit_offset(&claim, &ahead).await.expect("answers"), CommitOutcome::Fenced);
    let next = store.claim_offset(&key(0), "b").await.expect("claims");
    assert_eq!((next.position, next.epoch), (Some(after(EARLY)), claim.epoch + 2));
    let unknown = store.reset_offset(&key(7), None, &after(EARLY)).await.expect("answers");
    let found = store.load_offset(&key(7)).await.expect("loads").expect("is there");
    assert_eq!((unknown, found.position, found.epoch), (true, Some(after(EARLY)), 1));
}

/// Partitions that are new to the group later begin where it did.
pub async fn a_group_may_be_born_with_a_reset(store: Arc<dyn Store>) {
    let before = store.cluster_time().await.expect("answers");
    assert!(store.reset_offset(&key(0), None, &after(EARLY)).await.expect("answers"));
    let born = store.group_birth("billing", "orders").await.expect("answers").expect("is born");
    assert!(born >= before.minus_seconds(1), "{born:?} is not long before {before:?}");
    store.reset_offset(&key(0), Some(1), &after(LATE)).await.expect("answers");
    assert_eq!(store.group_birth("billing", "orders").await.expect("answers"), Some(born));
}

/// In one topic of one group.
pub async fn partitions_are_found_by_their_owner(store: Arc<dyn Store>) {
    let of = async |owner| store.owned_partitions("billing", "orders", owner).await.expect("answers");
    for partition in [3, 0, 1] {
        store.claim_offset(&key(partition), "a").await.expect("claims");
    }
    store.claim_offset(&key(1), "b").await.expect("claims");
    assert_eq!((of("a").await, of("b").await, of("c").await), (vec![0, 3], vec![1], vec![]));
    let elsewhere = store.owned_partitions("billing", "returns", "a").await.expect("answers");
    assert_eq!(elsewhere, [0_u32; 0]);
}
