//! Positions, owners and epochs, dead letters, and 1.4.2's view of an offset.

use std::collections::BTreeSet;
use std::sync::Arc;

use bson::oid::ObjectId;
use bson::{Bson, DateTime, doc};
use csb_core::consumer::checkpoint::Checkpoint;
use csb_core::consumer::position::{HistoryPosition, HistoryProgress, Position, StreamPosition};
use csb_core::dead_letter::{DeadLetter, FailedAttempt, HandlerError};
use csb_core::error_code::ErrorCode;
use csb_core::feed::stream_token::{ClusterTime, StreamToken};
use csb_core::store::contract::{Claim, CommitOutcome, OffsetKey, OffsetRecord, Store, StoredOffset};

use super::message::message;

// Read from a server 6.0.5.
pub(super) const EARLY: &str = "826B04662D000000062B0229296E04";
pub(super) const LATE: &str = "826B04662D0000000B2B022C0100296E5A10049AE1AFE2C49B4CE8AB8F28C84301D9C646645F696400646B04662D41F356D8A9E44FFC0004";
const TIME: ClusterTime = ClusterTime { seconds: 0x6B04_662E, increment: 3 };

pub(super) fn key(partition: u32) -> OffsetKey {
    OffsetKey { group_id: "billing".into(), topic: "orders".into(), partition }
}

pub(super) fn dead_letter() -> DeadLetter {
    let error = HandlerError { name: "TypeError".into(), message: "no".into(), stack: None };
    DeadLetter {
        key: key(0),
        message: message("poison"),
        token: StreamToken::parse(LATE),
        attempts: vec![FailedAttempt { error, at: DateTime::now() }],
        forgotten: 0,
        at: DateTime::now(),
        retention_ms: None,
    }
}

pub(super) fn after(token: &str) -> Position {
    Position::behind(StreamToken::parse(token).expect("a token"))
}

fn history(finished: HistoryProgress) -> Position {
    let behind = ClusterTime::default();
    Position::History(HistoryPosition {
        behind,
        finished,
        until: TIME,
        snapshot: false,
        doubtful_until: None,
    })
}

fn in_doubt(finished: HistoryProgress) -> Position {
    Position::History(HistoryPosition {
        behind: TIME.minus_seconds(300),
        finished,
        until: TIME,
        snapshot: true,
        doubtful_until: Some(TIME.minus_seconds(100)),
    })
}

fn telling_apart(token: &str) -> Position {
    Position::Stream(StreamPosition {
        after: StreamToken::parse(token).expect("a token"),
        history_until: Some(TIME.minus_seconds(7)),
        doubtful_until: Some(TIME),
    })
}

pub(super) async fn claim(store: &dyn Store, owner: &str) -> Claim {
    let offset = store.claim_offset(&key(0), owner).await.expect("claims");
    assert_eq!((&offset.key, offset.owner.as_deref()), (&key(0), Some(owner)));
    Claim::of(&offset).expect("an owner")
}

pub(super) async fn load(store: &dyn Store) -> StoredOffset {
    store.load_offset(&key(0)).await.expect("loads").expect("is there")
}

async fn commit(store: &dyn Store, claim: &Claim, position: &Position) -> CommitOutcome {
    store.commit_offset(claim, &position.clone().into()).await.expect("is answered")
}

async fn count_dead_letters(store: &dyn Store) -> u64 {
    let stats = store.retention_stats().await.expect("reads");
    stats.iter().find(|stats| stats.collection == "dead_letters").map_or(0, |stats| stats.document_count)
}

fn record(key: OffsetKey, offset: impl Into<Bson>, unix_millis: i64) -> OffsetRecord {
    OffsetRecord { key, offset: offset.into(), timestamp: DateTime::from_millis(unix_millis) }
}

/// Neither load nor commit makes a document.
pub async fn an_unknown_offset_is_none_and_cannot_be_committed(store: Arc<dyn Store>) {
    let stranger = Claim { key: key(0), owner: "a".into(), epoch: 1, revision: 1 };
    assert_eq!(commit(&*store, &stranger, &after(EARLY)).await, CommitOutcome::Fenced);
    assert_eq!(store.release_offset(&stranger, 0).await.expect("is answered"), CommitOutcome::Fenced);
    assert!(store.load_offset(&key(0)).await.expect("loads").is_none());
    assert!(store.read_offset_record(&key(0)).await.expect("reads").is_none());
    assert!(store.list_offsets("billing").await.expect("lists").is_empty());
}

/// Also when the same owner claims again.
pub async fn epochs_grow_and_the_position_stays(store: Arc<dyn Store>) {
    let first = claim(&*store, "a").await;
    assert_eq!(load(&*store).await.position, None);
    assert_eq!(commit(&*store, &first, &after(EARLY)).await, CommitOutcome::Committed);
    let second = claim(&*store, "b").await;
    let third = claim(&*store, "b").await;
    assert!(first.epoch < second.epoch && second.epoch < third.epoch);
    let stored = load(&*store).await;
    assert_eq!((stored.owner.as_deref(), stored.epoch), (Some("b"), third.epoch));
    assert_eq!(stored.position, Some(after(EARLY)));
}

/// Also when none of them finds a document.
pub async fn concurrent_claims_get_epochs_of_their_own(store: Arc<dyn Store>) {
    let claims = tokio::join!(
        claim(&*store, "a"),
        claim(&*store, "b"),
        claim(&*store, "c"),
        claim(&*store, "d"),
        claim(&*store, "e"),
    );
    let claims = [claims.0, claims.1, claims.2, claims.3, claims.4];
    let epochs: BTreeSet<_> = claims.iter().map(|claim| claim.epoch).collect();
    assert_eq!(epochs.len(), claims.len(), "{claims:?}");
    let last = claims.iter().max_by_key(|claim| claim.epoch).expect("five");
    for claim in &claims {
        let expected = if claim == last { CommitOutcome::Committed } else { CommitOutcome::Fenced };
        assert_eq!(commit(&*store, claim, &after(EARLY)).await, expected);
    }
}

/// A call whose caller has given it up may still take effect. By then the caller has claimed again.
pub async fn a_claim_that_comes_late_changes_nothing(store: Arc<dyn Store>) {
    let late = |epoch| {
        let store = Arc::clone(&store);
        async move { store.claim_offset_after(&key(0), "a", epoch).await.expect("is answered") }
    };
    assert!(late(Some(1)).await.is_none(), "there is no document");
    let first = claim(&*store, "a").await;
    assert!(late(None).await.is_none(), "there is one");
    let second = claim(&*store, "a").await;
    assert!(late(Some(first.epoch)).await.is_none());
    assert_eq!(commit(&*store, &second, &after(EARLY)).await, CommitOutcome::Committed);
    let third = late(Some(second.epoch)).await.expect("is what it expects");
    assert!(third.epoch > second.epoch && third.revision > second.revision);
}

/// 1.4.2 writes no epoch.
pub async fn a_document_without_epoch_is_claimed(store: Arc<dyn Store>) {
    store.write_offset_record(&record(key(0), doc! { "_data": EARLY }, 1000)).await.expect("writes");
    assert_eq!(load(&*store).await.epoch, 0);
    let claimed = store.claim_offset_after(&key(0), "a", Some(0)).await.expect("is answered");
    assert_eq!(claimed.map(|offset| (offset.epoch, offset.position)), Some((1, Some(after(EARLY)))));
}

/// Whatever it was to store: an offset, attempts, a dead letter. The same write again is stored again.
pub async fn a_write_that_comes_late_is_refused(store: Arc<dyn Store>) {
    let given_up = claim(&*store, "a").await;
    let next = Claim { revision: given_up.revision + 1, ..given_up.clone() };
    let (fenced, committed) = (CommitOutcome::Fenced, CommitOutcome::Committed);
    assert_eq!(commit(&*store, &next, &after(LATE)).await, committed);
    assert_eq!(commit(&*store, &next, &after(LATE)).await, committed);
    assert_eq!(commit(&*store, &given_up, &after(EARLY)).await, fenced);
    assert_eq!(store.record_attempts(&given_up, &[]).await.expect("is answered"), fenced);
    assert_eq!(store.forget_unclean_ends(&given_up).await.expect("is answered"), fenced);
    let letter = super::dead_letters::letter("orders", 0, 1);
    let checkpoint = after(EARLY).into();
    assert_eq!(store.commit_dead_letter(&given_up, &checkpoint, &letter).await.expect("is answered"), fenced);
    assert_eq!((count_dead_letters(&*store).await, load(&*store).await.position), (0, Some(after(LATE))));

    // An offset that is set by hand is no write of an owner.
    store.write_offset_record(&record(key(0), doc! { "_data": EARLY }, 1000)).await.expect("writes");
    assert_eq!(commit(&*store, &next, &after(LATE)).await, committed);
    assert_eq!(store.release_offset(&given_up, 0).await.expect("is answered"), committed, "the last one");
}

/// Whether the owner, the epoch or both are not the current ones.
pub async fn a_stale_claim_is_fenced(store: Arc<dyn Store>) {
    let old = claim(&*store, "a").await;
    let current = claim(&*store, "b").await;
    commit(&*store, &current, &after(EARLY)).await;
    let stale = [
        old.clone(),
        Claim { owner: "a".into(), ..current.clone() },
        Claim { epoch: old.epoch, ..current.clone() },
        Claim { epoch: current.epoch + 1, ..current.clone() },
    ];
    for stale in &stale {
        assert_eq!(commit(&*store, stale, &after(LATE)).await, CommitOutcome::Fenced, "{stale:?}");
        assert_eq!(
            store.release_offset(stale, 0).await.expect("is answered"),
            CommitOutcome::Fenced,
            "{stale:?}"
        );
    }
    let stored = load(&*store).await;
    assert_eq!((stored.owner.as_deref(), stored.position), (Some("b"), Some(after(EARLY))));
    assert_eq!(commit(&*store, &current, &after(LATE)).await, CommitOutcome::Committed);
}

/// The position stays, the old claim is worth nothing any more, the next epoch is higher.
pub async fn a_released_partition_can_be_claimed_again(store: Arc<dyn Store>) {
    let first = claim(&*store, "a").await;
    commit(&*store, &first, &after(EARLY)).await;
    assert_eq!(store.release_offset(&first, 0).await.expect("is answered"), CommitOutcome::Committed);
    let stored = load(&*store).await;
    assert_eq!((stored.owner, stored.position), (None, Some(after(EARLY))));
    assert_eq!(commit(&*store, &first, &after(LATE)).await, CommitOutcome::Fenced);
    let second = claim(&*store, "a").await;
    assert!(second.epoch > first.epoch);
    assert_eq!(load(&*store).await.position, Some(after(EARLY)));
}

/// A fenced member leaves no letter behind.
pub async fn a_dead_letter_is_stored_with_its_position_or_not_at_all(store: Arc<dyn Store>) {
    let old = claim(&*store, "a").await;
    let current = claim(&*store, "b").await;
    let outcome =
        store.commit_dead_letter(&old, &after(EARLY).into(), &dead_letter()).await.expect("is answered");
    assert_eq!(outcome, CommitOutcome::Fenced);
    assert_eq!((count_dead_letters(&*store).await, load(&*store).await.position), (0, None));

    let outcome =
        store.commit_dead_letter(&current, &after(LATE).into(), &dead_letter()).await.expect("is answered");
    assert_eq!(outcome, CommitOutcome::Committed);
    assert_eq!((count_dead_letters(&*store).await, load(&*store).await.position), (1, Some(after(LATE))));
}

/// 1.4.2 is shown a token that the server made, and nothing while it could not resume.
pub async fn every_position_reads_back(store: Arc<dyn Store>) {
    let claim = claim(&*store, "a").await;
    let id = Some(Bson::from(ObjectId::new()));
    let positions = [
        (history(HistoryProgress::Unstamped { after: None }), Bson::Null),
        (history(HistoryProgress::Unstamped { after: id }), Bson::Null),
        (history(HistoryProgress::Stamped { after: TIME.minus_seconds(5) }), Bson::Null),
        (Position::behind(StreamToken::after(TIME)), Bson::Null),
        (in_doubt(HistoryProgress::Unstamped { after: None }), Bson::Null),
        (in_doubt(HistoryProgress::Stamped { after: TIME.minus_seconds(5) }), Bson::Null),
        (telling_apart(EARLY), doc! { "_data": EARLY }.into()),
        (after(EARLY), doc! { "_data": EARLY }.into()),
        (after(LATE), doc! { "_data": LATE }.into()),
    ];
    for (position, shown) in positions {
        assert_eq!(commit(&*store, &claim, &position).await, CommitOutcome::Committed);
        assert_eq!(load(&*store).await.position.as_ref(), Some(&position));
        let record = store.read_offset_record(&key(0)).await.expect("reads").expect("is there");
        assert_eq!(record.offset, shown, "{position:?}");
    }
}

/// The key, the token, and the time of the commit; before the first commit there is no offset.
pub async fn a_record_has_the_form_of_1_4_2(store: Arc<dyn Store>) {
    let claim = claim(&*store, "a").await;
    let before = store.read_offset_record(&key(0)).await.expect("reads");
    assert!(before.is_none_or(|record| record.offset == Bson::Null));
    commit(&*store, &claim, &after(LATE)).await;
    let record = store.read_offset_record(&key(0)).await.expect("reads").expect("is there");
    assert_eq!((record.key, record.offset), (key(0), Bson::from(doc! { "_data": LATE })));
    let age_ms = DateTime::now().timestamp_millis() - record.timestamp.timestamp_millis();
    assert!(age_ms.abs() < 60_000, "{age_ms}");
}

/// Whoever owns the partition, forwards and backwards. The owner keeps its claim.
pub async fn a_written_record_becomes_the_position(store: Arc<dyn Store>) {
    let early = record(key(0), doc! { "_data": EARLY }, 1000);
    store.write_offset_record(&early).await.expect("writes");
    assert_eq!(load(&*store).await.position, Some(after(EARLY)));
    assert_eq!(store.read_offset_record(&key(0)).await.expect("reads"), Some(early.clone()));

    let owner = claim(&*store, "a").await;
    assert_eq!(commit(&*store, &owner, &after(LATE)).await, CommitOutcome::Committed);
    store.write_offset_record(&early).await.expect("writes");
    assert_eq!(load(&*store).await.position, Some(after(EARLY)));
    assert_eq!(commit(&*store, &owner, &after(LATE)).await, CommitOutcome::Committed);
    assert_eq!(load(&*store).await.position, Some(after(LATE)));

    store.write_offset_record(&record(key(0), Bson::Null, 2000)).await.expect("writes");
    assert_eq!(load(&*store).await.position, None);
}

/// Nobody may resume "somewhere" from it. A good record heals it.
pub async fn an_offset_that_is_no_token_is_refused(store: Arc<dyn Store>) {
    let rubbish = doc! { "_data": "rubbish_665f1f77bcf86cd799439011" };
    store.write_offset_record(&record(key(0), rubbish.clone(), 1000)).await.expect("writes");
    let loaded = store.load_offset(&key(0)).await.map(drop);
    let claimed = store.claim_offset(&key(0), "a").await.map(drop);
    for refused in [loaded, claimed] {
        let error = refused.expect_err("is refused");
        assert_eq!(error.code(), ErrorCode::BadOffset);
        assert_eq!(error.context().group_id.as_deref(), Some("billing"));
        assert!(!format!("{error:?}").contains("rubbish_"), "{error:?}");
    }
    let shown = store.read_offset_record(&key(0)).await.expect("reads").expect("is there");
    assert_eq!(shown.offset, Bson::from(rubbish));

    store.write_offset_record(&record(key(0), doc! { "_data": EARLY }, 2000)).await.expect("writes");
    assert_eq!(load(&*store).await.position, Some(after(EARLY)));
    claim(&*store, "a").await;
}

/// 1.4.2 wrote such texts with `fromBeginning`. They are gone on from, and what was handled is in doubt.
pub async fn an_offset_that_names_a_message_is_a_place_in_the_history(store: Arc<dyn Store>) {
    let id = ObjectId::from_parts(0x6B04_662D, [1; 5], [2; 3]);
    let historical = doc! { "_data": format!("historical_{id}") };
    store.write_offset_record(&record(key(0), historical.clone(), 1000)).await.expect("writes");
    claim(&*store, "a").await;
    let Some(Position::History(history)) = load(&*store).await.position else { panic!("a history expected") };
    assert_eq!(history.finished, HistoryProgress::Unstamped { after: None });
    assert!(history.behind.seconds < 0x6B04_662D && history.doubtful_until.is_some(), "{history:?}");
    let shown = store.read_offset_record(&key(0)).await.expect("reads").expect("is there");
    assert_eq!(shown.offset, Bson::from(historical));
}

/// By the member that owned it, with what it had finished; unless another one has come first.
pub async fn a_deleted_offset_is_made_again_once(store: Arc<dyn Store>) {
    let gone = Claim { key: key(0), owner: "a".into(), epoch: 7, revision: 1 };
    let checkpoint = Checkpoint { position: after(EARLY), finished_ahead: vec![Bson::from("x")] };
    let restore = |claim: Claim| {
        let (store, checkpoint) = (Arc::clone(&store), checkpoint.clone());
        async move { store.restore_offset(&claim, &checkpoint).await.expect("is answered") }
    };
    assert_eq!(restore(gone.clone()).await, CommitOutcome::Committed);
    let stored = load(&*store).await;
    assert_eq!((stored.owner.as_deref(), stored.epoch), (Some("a"), 7));
    assert_eq!((stored.position, stored.finished_ahead), (Some(after(EARLY)), vec![Bson::from("x")]));
    assert_eq!(commit(&*store, &gone, &after(LATE)).await, CommitOutcome::Committed);

    let stranger = Claim { key: key(0), owner: "b".into(), epoch: 1, revision: 1 };
    assert_eq!(restore(stranger.clone()).await, CommitOutcome::Fenced);
    assert_eq!(restore(gone.clone()).await, CommitOutcome::Fenced);
    assert_eq!(load(&*store).await.position, Some(after(LATE)));
    assert!(store.group_birth("billing", "orders").await.expect("reads").is_some());
}

/// A claim alone begins nothing. Other topics and groups do not count.
pub async fn a_group_is_born_with_its_first_offset(store: Arc<dyn Store>) {
    let birth = |group: &'static str, topic: &'static str| {
        let store = Arc::clone(&store);
        async move { store.group_birth(group, topic).await.expect("reads") }
    };
    let before = store.cluster_time().await.expect("a time");
    let first = claim(&*store, "a").await;
    assert_eq!(birth("billing", "orders").await, None);
    let between = store.cluster_time().await.expect("a time");
    commit(&*store, &first, &after(LATE)).await;
    let born = birth("billing", "orders").await.expect("is born");
    assert!(before <= born && born <= between, "{before:?} {born:?} {between:?}");

    let second = store.claim_offset(&key(1), "a").await.expect("claims");
    let second = Claim::of(&second).expect("an owner");
    commit(&*store, &second, &after(EARLY)).await;
    claim(&*store, "b").await;
    assert_eq!(birth("billing", "orders").await, Some(born), "the earliest, whoever owns it now");
    assert_eq!((birth("billing", "other").await, birth("shipping", "orders").await), (None, None));
}

/// Of one group only.
pub async fn lists_the_offsets_of_a_group_newest_first(store: Arc<dyn Store>) {
    for (partition, at) in [(0, 5000), (1, 9000), (2, 7000)] {
        let record = record(key(partition), doc! { "_data": EARLY }, at);
        store.write_offset_record(&record).await.expect("writes");
    }
    let foreign = OffsetKey { group_id: "shipping".into(), ..key(0) };
    store.write_offset_record(&record(foreign, Bson::Null, 8000)).await.expect("writes");
    let listed = store.list_offsets("billing").await.expect("lists");
    assert_eq!(listed.iter().map(|record| record.key.partition).collect::<Vec<_>>(), [1, 2, 0]);
    assert_eq!(listed[0].timestamp, DateTime::from_millis(9000));
}
