//! Dead letters that are to be delivered again: marked once, taken in order by the owner, settled by nobody else.

use std::sync::Arc;

use bson::{DateTime, doc};
use csb_core::dead_letter::{
    DeadLetter, LetterOrder, LetterQuery, PendingRedrive, RedriveFailure, RedrivePlan, StoredLetter,
};
use csb_core::store::contract::{Claim, CommitOutcome, Store};

use super::dead_letters::{GROUP, all, attempt, bury, filter, key, letter, own};
use super::offsets::{EARLY, after};

const HOUR_MS: i64 = 3_600_000;

fn plan(id: &str) -> RedrivePlan {
    RedrivePlan { id: id.into(), rate_per_second: None }
}

async fn request(store: &dyn Store, conditions: bson::Document, plan: RedrivePlan) -> u64 {
    store.request_redrive(&filter(&conditions), &plan).await.expect("marks")
}

async fn next(store: &dyn Store, partition: u32) -> Option<PendingRedrive> {
    store.next_redrive(&key("orders", partition)).await.expect("looks")
}

async fn take(store: &dyn Store, claim: &Claim) -> StoredLetter {
    let pending = next(store, claim.key.partition).await.expect("a marked letter");
    store.take_redrive(claim, &pending).await.expect("is answered").expect("is taken")
}

async fn finish(store: &dyn Store, claim: &Claim, letter: &StoredLetter) -> CommitOutcome {
    store.finish_redrive(claim, letter).await.expect("is answered")
}

async fn owned(store: &dyn Store, partition: u32, owner: &str) -> Claim {
    own(store, &key("orders", partition), owner).await
}

/// Whoever asks again changes nothing, not even the turns.
pub async fn a_letter_is_marked_once(store: Arc<dyn Store>) {
    for n in 1..=3 {
        bury(&*store, letter("orders", n % 2, n)).await;
    }
    assert!(!store.has_redrives(GROUP, "orders").await.expect("looks"));
    assert_eq!(request(&*store, doc! { "messageId": "m1" }, plan("first")).await, 1);
    assert_eq!(request(&*store, doc! {}, plan("second")).await, 2);
    let marked = all(&*store).await;
    assert_eq!(request(&*store, doc! {}, plan("third")).await, 0);
    assert_eq!(all(&*store).await, marked);
    let requests: Vec<_> =
        marked.iter().map(|letter| letter.redrive.as_ref().expect("a mark").id.as_str()).collect();
    assert_eq!(requests, ["first", "second", "second"]);
    for (conditions, count) in [(doc! { "redriving": true }, 3), (doc! { "redriving": false }, 0)] {
        assert_eq!(store.count_letters(&filter(&conditions)).await.expect("counts"), count);
    }
    for (group, topic, has) in
        [(GROUP, "orders", true), (GROUP, "refunds", false), ("other", "orders", false)]
    {
        assert_eq!(store.has_redrives(group, topic).await.expect("looks"), has, "{group} {topic}");
    }
}

/// By the server's clock, over all partitions together.
pub async fn turns_are_spaced_by_the_rate(store: Arc<dyn Store>) {
    for n in 1..=3 {
        bury(&*store, letter("orders", n % 2, n)).await;
    }
    let slow = RedrivePlan { id: "slow".into(), rate_per_second: Some(0.01) };
    assert_eq!(request(&*store, doc! {}, slow).await, 3);
    let marks: Vec<_> =
        all(&*store).await.into_iter().map(|letter| letter.redrive.expect("a mark")).collect();
    let start = marks[0].requested_at.timestamp_millis();
    let turns: Vec<_> = marks.iter().map(|mark| mark.not_before.timestamp_millis() - start).collect();
    assert_eq!(turns, [0, 100_000, 200_000]);
    assert!((start - DateTime::now().timestamp_millis()).abs() < 60_000);

    let (first, second) = (next(&*store, 1).await.expect("m1"), next(&*store, 0).await.expect("m2"));
    assert!(first.due_in_ms <= 0, "{first:?}");
    assert!((40_000..=100_000).contains(&second.due_in_ms), "{second:?}");
    assert_eq!((first.mark, second.mark), (marks[0].clone(), marks[1].clone()));
}

/// Those of a partition, in the order of the messages, whichever was asked for first.
pub async fn letters_are_taken_in_the_order_of_their_messages(store: Arc<dyn Store>) {
    for n in [3, 1, 2] {
        bury(&*store, letter("orders", 0, n)).await;
    }
    bury(&*store, letter("orders", 1, 0)).await;
    bury(&*store, letter("refunds", 0, 0)).await;
    assert!(next(&*store, 0).await.is_none());
    assert_eq!(request(&*store, doc! { "messageId": "m3" }, plan("first")).await, 1);
    assert_eq!(request(&*store, doc! {}, plan("second")).await, 4);
    let claim = owned(&*store, 0, "a").await;
    let mut taken = Vec::new();
    while let Some(pending) = next(&*store, 0).await {
        let letter = store.take_redrive(&claim, &pending).await.expect("is answered").expect("is taken");
        assert!(letter.message.is_some());
        taken.push(letter.id.message_id_text());
        assert_eq!(finish(&*store, &claim, &letter).await, CommitOutcome::Committed);
    }
    assert_eq!(taken, ["m1", "m2", "m3"]);
    assert_eq!(all(&*store).await.len(), 2);
}

/// Whoever took a letter last, and only a mark that is as it was read can be taken.
pub async fn only_the_last_holder_settles(store: Arc<dyn Store>) {
    bury(&*store, letter("orders", 0, 1)).await;
    request(&*store, doc! {}, plan("r")).await;
    let (old, new) = (owned(&*store, 0, "a").await, owned(&*store, 0, "b").await);
    let seen_by_old = next(&*store, 0).await.expect("a marked letter");
    let in_old_hands = take(&*store, &old).await;
    let in_new_hands = take(&*store, &new).await;
    assert_eq!(store.take_redrive(&old, &seen_by_old).await.expect("is answered"), None);

    let failure = RedriveFailure { attempts: vec![attempt("E")], at: DateTime::now(), retention_ms: None };
    let before = all(&*store).await;
    assert_eq!(finish(&*store, &old, &in_old_hands).await, CommitOutcome::Fenced);
    let failed = store.fail_redrive(&old, &in_old_hands, &failure).await.expect("is answered");
    let returned = store.return_redrive(&old, &in_old_hands).await.expect("is answered");
    assert_eq!((failed, returned), (CommitOutcome::Fenced, CommitOutcome::Fenced));
    assert_eq!(all(&*store).await, before);

    assert_eq!(finish(&*store, &new, &in_new_hands).await, CommitOutcome::Committed);
    assert_eq!(finish(&*store, &new, &in_new_hands).await, CommitOutcome::Fenced, "it is gone");
    assert!(all(&*store).await.is_empty());
}

/// Its errors are added, its mark is gone, and it may be redriven again.
pub async fn a_letter_that_fails_again_stays(store: Arc<dyn Store>) {
    bury(&*store, letter("orders", 0, 1)).await;
    let claim = owned(&*store, 0, "a").await;
    let mut expected = all(&*store).await.remove(0);
    for retention_ms in [Some(60_000), None] {
        request(&*store, doc! {}, plan("r")).await;
        let taken = take(&*store, &claim).await;
        let attempts = vec![attempt("RangeError"), attempt("URIError")];
        let failure = RedriveFailure { attempts, at: DateTime::now(), retention_ms };
        let outcome = store.fail_redrive(&claim, &taken, &failure).await.expect("is answered");
        assert_eq!(outcome, CommitOutcome::Committed);
        expected = expected.failed_again(&failure);
        assert_eq!(all(&*store).await, [expected.clone()]);
        assert!(next(&*store, 0).await.is_none());
    }
    assert_eq!((expected.redrives, expected.attempts, expected.errors.len()), (2, 6, 6));
}

/// What is given back was not interrupted; what an owner left in its hands was.
pub async fn an_owner_that_is_gone_counts_as_interrupted(store: Arc<dyn Store>) {
    bury(&*store, letter("orders", 0, 1)).await;
    request(&*store, doc! {}, plan("r")).await;
    let interruptions = |letter: &StoredLetter| letter.redrive.as_ref().expect("a mark").interruptions;

    let first = owned(&*store, 0, "a").await;
    let taken = take(&*store, &first).await;
    assert_eq!(store.return_redrive(&first, &taken).await.expect("is answered"), CommitOutcome::Committed);
    let second = owned(&*store, 0, "b").await;
    assert_eq!(interruptions(&take(&*store, &second).await), 0);
    assert_eq!(interruptions(&take(&*store, &second).await), 0, "taken again by the same owner");
    let third = owned(&*store, 0, "c").await;
    let taken = take(&*store, &third).await;
    assert_eq!(interruptions(&taken), 1);
    assert_eq!(finish(&*store, &third, &taken).await, CommitOutcome::Committed);
}

/// Except those that an owner has taken.
pub async fn a_pending_redrive_can_be_cancelled(store: Arc<dyn Store>) {
    let expiring = |n| DeadLetter {
        at: DateTime::now(),
        retention_ms: Some(HOUR_MS.unsigned_abs()),
        ..letter("orders", 0, n)
    };
    for n in 1..=2 {
        bury(&*store, expiring(n)).await;
    }
    bury(&*store, letter("orders", 0, 3)).await;
    let before = all(&*store).await;
    assert_eq!(request(&*store, doc! {}, plan("r")).await, 3);
    let claim = owned(&*store, 0, "a").await;
    let taken = take(&*store, &claim).await;
    let cancelled = store.cancel_redrive(&filter(&doc! {})).await.expect("cancels");
    assert_eq!(cancelled, 2);
    assert_eq!(all(&*store).await[1..], before[1..], "as if they had never been marked");
    assert_eq!(finish(&*store, &claim, &taken).await, CommitOutcome::Committed);
    assert!(next(&*store, 0).await.is_none());
}

/// A rate may make it wait for longer than it was to be kept.
pub async fn a_letter_does_not_expire_while_it_waits(store: Arc<dyn Store>) {
    let expiring = DeadLetter { at: DateTime::now(), retention_ms: Some(60_000), ..letter("orders", 0, 1) };
    let at = expiring.at;
    bury(&*store, expiring).await;
    let expires_at = Some(DateTime::from_millis(at.timestamp_millis() + 60_000));
    assert_eq!(all(&*store).await[0].expires_at, expires_at);
    request(&*store, doc! {}, plan("r")).await;
    let marked = all(&*store).await.remove(0);
    assert_eq!((marked.expires_at, marked.redrive.expect("a mark").expires_at), (None, expires_at));
}

/// Whatever their number, and in whatever chunks that is done.
pub async fn many_letters_are_marked_in_order(store: Arc<dyn Store>) {
    const MANY: u32 = 510;
    let claim = owned(&*store, 0, "a").await;
    for n in 0..MANY {
        let outcome = store.commit_dead_letter(&claim, &after(EARLY).into(), &letter("orders", 0, n)).await;
        assert_eq!(outcome.expect("buries"), CommitOutcome::Committed);
    }
    let slow = RedrivePlan { id: "r".into(), rate_per_second: Some(0.001) };
    assert_eq!(request(&*store, doc! {}, slow).await, u64::from(MANY));
    let query =
        LetterQuery { filter: filter(&doc! {}), order: LetterOrder::Oldest, limit: 1000, after: None };
    let marked = store.list_letters(&query).await.expect("lists").letters;
    let turn = |letter: &StoredLetter| letter.redrive.as_ref().expect("a mark").not_before.timestamp_millis();
    assert_eq!(marked.len(), MANY as usize);
    assert!(marked.is_sorted_by(|a, b| turn(b) - turn(a) >= 1_000_000));
    assert_eq!(store.cancel_redrive(&filter(&doc! {})).await.expect("cancels"), u64::from(MANY));
    assert_eq!(store.purge_letters(&filter(&doc! {})).await.expect("purges"), u64::from(MANY));
}
