use bson::rawdoc;

use super::*;
use crate::consumer::position::{Position, StreamPosition};
use crate::dead_letter::{DeadLetter, LetterFilter, LetterScope, RedrivePlan};
use crate::feed::stream_token::{ClusterTime, StreamToken};
use crate::store::contract::OffsetKey;
use crate::store::dead_letter_contract::DeadLetterStore;
use crate::store::memory::MemoryStore;

fn key() -> OffsetKey {
    OffsetKey { group_id: "g".into(), topic: "t".into(), partition: 0 }
}

fn everything() -> LetterFilter {
    LetterScope { group_id: "g".into(), topic: None }.everything()
}

async fn own(store: &Arc<MemoryStore>, owner: &str) -> Claim {
    Claim::of(&store.claim_offset(&key(), owner).await.expect("claims")).expect("an owner")
}

/// A store with marked letters of these messages.
async fn marked(name: &str, messages: i32) -> Arc<MemoryStore> {
    let store = MemoryStore::open("redrive-queue", name);
    let claim = own(&store, "burier").await;
    let after = StreamToken::after(ClusterTime::default());
    let position = Position::Stream(StreamPosition { after, history_until: None, doubtful_until: None });
    for id in 0..messages {
        let letter = DeadLetter {
            key: key(),
            message: rawdoc! { "_id": id },
            token: None,
            attempts: Vec::new(),
            forgotten: 0,
            at: now(),
            retention_ms: None,
        };
        store.commit_dead_letter(&claim, &position.clone().into(), &letter).await.expect("buries");
    }
    let plan = RedrivePlan { id: "r".into(), rate_per_second: None };
    store.request_redrive(&everything(), &plan).await.expect("marks");
    store
}

fn queue(store: &Arc<MemoryStore>, claim: &Claim) -> (RedriveQueue, watch::Sender<u64>) {
    let (sender, signal) = watch::channel(0);
    let parts = QueueParts {
        store: Arc::<MemoryStore>::clone(store),
        claim: claim.clone(),
        collection: "t_p0".into(),
        retention_ms: None,
        logger: Logger::silent(),
    };
    (RedriveQueue::new(parts, signal), sender)
}

async fn is_due(queue: &RedriveQueue) -> bool {
    clock::timeout(Duration::from_millis(20), queue.due()).await.is_some()
}

async fn left(store: &Arc<MemoryStore>) -> u64 {
    store.count_letters(&everything()).await.expect("counts")
}

#[tokio::test(start_paused = true)]
async fn one_letter_after_the_other_from_signal_to_silence() {
    let store = marked("one-after-the-other", 2).await;
    let (queue, signal) = queue(&store, &own(&store, "a").await);
    assert!(!is_due(&queue).await, "nobody has said that there are letters");
    signal.send_replace(1);
    for id in 0..2 {
        assert!(is_due(&queue).await);
        let taken = queue.take().await.expect("a letter");
        assert_eq!(taken.message, rawdoc! { "_id": id });
        signal.send_modify(|signal| *signal += 1);
        assert!(!is_due(&queue).await, "one is in hand");
        queue.finished(taken.letter).await;
    }
    assert!(is_due(&queue).await);
    assert!(queue.take().await.is_none());
    assert!(!is_due(&queue).await);
    assert_eq!(left(&store).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_is_given_back_is_there_for_the_next() {
    let store = marked("given-back", 1).await;
    let (queue, signal) = queue(&store, &own(&store, "a").await);
    signal.send_replace(1);
    let taken = queue.take().await.expect("a letter");
    queue.give_back(taken.letter).await;
    let again = queue.take().await.expect("the letter");
    assert_eq!(again.letter.redrive.expect("a mark").interruptions, 0);
}

#[tokio::test(start_paused = true)]
async fn a_stale_owner_does_not_take_what_the_owner_has() {
    let store = marked("stale-owner", 1).await;
    let (stale, _signal) = queue(&store, &own(&store, "a").await);
    let (owner, _other_signal) = queue(&store, &own(&store, "b").await);
    let taken = owner.take().await.expect("a letter");
    assert!(stale.take().await.is_none());
    owner.finished(taken.letter).await;
    assert_eq!(left(&store).await, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_settled_too_late_changes_nothing() {
    let store = marked("settled-late", 1).await;
    let (stale, _signal) = queue(&store, &own(&store, "a").await);
    let in_stale_hands = stale.take().await.expect("a letter");
    let (owner, _other_signal) = queue(&store, &own(&store, "b").await);
    let taken = owner.take().await.expect("the letter, too");
    stale.finished(in_stale_hands.letter).await;
    assert_eq!(left(&store).await, 1);
    owner.failed_again(taken.letter, Vec::new()).await;
    let failed = LetterFilter { redriving: Some(false), ..everything() };
    assert_eq!(store.count_letters(&failed).await.expect("counts"), 1);
}
