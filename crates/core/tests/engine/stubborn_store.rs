//! A store of which single verbs refuse, or do not answer, when a test says so.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use csb_core::error::{Error, Result};
use csb_core::error_code::{Effect, ErrorCode};
use csb_core::feed::stream_token::StreamToken;
use csb_core::runtime::clock;
use csb_core::store::contract::{Claim, Store};
pub(crate) use csb_test_support::watched_store::StoreCall as Verb;
use csb_test_support::watched_store::{StoreEffect, StoreWatcher, WatchedStore};
use tokio::sync::watch;

#[derive(Debug, Clone, Default)]
struct Rules {
    refused: HashSet<Verb>,
    held: HashSet<Verb>,
    /// A partition whose notes of attempts wait, and how many do.
    held_attempts_of: Option<u32>,
    waiting_attempts: usize,
    /// What is done, but not answered: whoever asked cannot know.
    unanswered: HashSet<Verb>,
    /// Writes that are still let through, if that is bounded.
    left: Option<usize>,
    /// Newest place that was stored, and how often an earlier one was stored after it.
    newest: Option<StreamToken>,
    went_back: usize,
    /// Calls so far, also those that were refused or held.
    calls: HashMap<Verb, usize>,
}

/// What is in the way of a store. Cheap to clone; the clones are one.
#[derive(Clone)]
pub(crate) struct StubbornStore {
    store: Arc<WatchedStore>,
    rules: watch::Sender<Rules>,
}

struct Stubbornness(watch::Sender<Rules>);

impl StubbornStore {
    pub(crate) fn before(inner: Arc<dyn Store>) -> Self {
        let rules = watch::Sender::default();
        let store = WatchedStore::new(inner, Arc::new(Stubbornness(rules.clone())));
        Self { store, rules }
    }

    /// The store as a broker sees it.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as Arc<dyn Store>
    }

    /// From now on the verb fails.
    pub(crate) fn refuse(&self, verb: Verb) {
        self.rules.send_modify(|rules| {
            rules.refused.insert(verb);
        });
    }

    /// From now on the verb does not fail any more.
    pub(crate) fn accept(&self, verb: Verb) {
        self.rules.send_modify(|rules| {
            rules.refused.remove(&verb);
        });
    }

    /// From now on the verb does what is asked, and its answer gets lost.
    pub(crate) fn lose_answers(&self, verb: Verb) {
        self.rules.send_modify(|rules| {
            rules.unanswered.insert(verb);
        });
    }

    /// From now on the verb does not answer; what is asked waits.
    pub(crate) fn hold(&self, verb: Verb) {
        self.rules.send_modify(|rules| {
            rules.held.insert(verb);
        });
    }

    /// Notes of attempts of this partition wait until it is none any more.
    pub(crate) fn hold_attempts_of(&self, partition: Option<u32>) {
        self.rules.send_modify(|rules| rules.held_attempts_of = partition);
    }

    /// Waits until one of them waits.
    pub(crate) async fn wait_for_held_attempts(&self) {
        let mut rules = self.rules.subscribe();
        let waiting = rules.wait_for(|rules| rules.waiting_attempts > 0);
        assert!(clock::timeout(Duration::from_mins(1), waiting).await.is_some(), "nothing is noted");
    }

    /// After so many writes none is answered any more.
    pub(crate) fn fall_silent_after(&self, writes: usize) {
        self.rules.send_modify(|rules| rules.left = Some(writes));
    }

    /// What waited for an answer of the verb gets it.
    pub(crate) fn let_go(&self, verb: Verb) {
        self.rules.send_modify(|rules| {
            rules.held.remove(&verb);
        });
    }

    /// How often a position was stored that was before the one that was stored.
    pub(crate) fn commits_that_went_back(&self) -> usize {
        self.rules.borrow().went_back
    }

    /// All is well again.
    pub(crate) fn heal(&self) {
        self.rules.send_modify(|rules| {
            rules.refused.clear();
            rules.unanswered.clear();
            rules.held.clear();
            rules.left = None;
        });
    }

    pub(crate) fn calls(&self, verb: Verb) -> usize {
        self.rules.borrow().calls.get(&verb).copied().unwrap_or_default()
    }

    /// Waits until the verb was called so many times.
    pub(crate) async fn wait_for_calls(&self, verb: Verb, count: usize) {
        let mut rules = self.rules.subscribe();
        let enough = rules.wait_for(|rules| rules.calls.get(&verb).is_some_and(|calls| *calls >= count));
        let seen = clock::timeout(Duration::from_mins(1), enough).await;
        assert!(seen.is_some(), "{verb:?} was not called {count} times");
    }

    /// Waits until no write is answered any more, and somebody waits for one.
    pub(crate) async fn wait_until_silent(&self) {
        let mut rules = self.rules.subscribe();
        let silent = rules.wait_for(|rules| rules.left == Some(0) && !rules.held.is_empty());
        assert!(clock::timeout(Duration::from_mins(1), silent).await.is_some(), "too few writes");
    }
}

impl Stubbornness {
    async fn wait_while_held(&self, partition: u32) {
        let mut rules = self.0.subscribe();
        if rules.borrow().held_attempts_of != Some(partition) {
            return;
        }
        self.0.send_modify(|rules| rules.waiting_attempts += 1);
        // The sender lives as long as the store.
        let _ = rules.wait_for(|rules| rules.held_attempts_of != Some(partition)).await;
    }

    fn refuse_if_told(&self, verb: Verb) -> Result<()> {
        if self.0.borrow().refused.contains(&verb) {
            return Err(Error::new(ErrorCode::Unavailable, "refused by the test"));
        }
        Ok(())
    }

    fn lose_answer_if_told(&self, verb: Verb) -> Result<()> {
        if self.0.borrow().unanswered.contains(&verb) {
            let lost = Error::new(ErrorCode::ConnectionLost, "lost by the test");
            return Err(lost.with_effect(Effect::Possible));
        }
        Ok(())
    }

    /// A write of an owner.
    async fn pass(&self, verb: Verb) -> Result<()> {
        let mut has_right = false;
        self.0.send_modify(|rules| {
            *rules.calls.entry(verb).or_default() += 1;
            match &mut rules.left {
                Some(0) => {
                    rules.held.insert(verb);
                }
                Some(left) => {
                    *left -= 1;
                    has_right = true;
                }
                None => {}
            }
        });
        if !has_right {
            let mut rules = self.0.subscribe();
            // The sender lives as long as the store.
            let _ = rules.wait_for(|rules| !rules.held.contains(&verb)).await;
        }
        self.refuse_if_told(verb)
    }
}

#[async_trait]
impl StoreWatcher for Stubbornness {
    async fn before(&self, verb: Verb, claim: Option<&Claim>) -> Result<()> {
        match verb {
            // It comes by itself, and is no write of an owner.
            Verb::Beat => self.refuse_if_told(verb),
            Verb::ChangeMember => {
                let refused = self.refuse_if_told(verb);
                // Whoever waits for the call may rely on its having been refused.
                self.0.send_modify(|rules| *rules.calls.entry(verb).or_default() += 1);
                refused
            }
            Verb::Attempts => {
                if let Some(claim) = claim {
                    self.wait_while_held(claim.key.partition).await;
                }
                self.pass(verb).await
            }
            Verb::Commit | Verb::DeadLetter | Verb::Forget | Verb::Release | Verb::Reset => {
                self.pass(verb).await
            }
        }
    }

    fn after(&self, effect: StoreEffect<'_>) -> Result<()> {
        match effect {
            StoreEffect::Committed { checkpoint, .. } => {
                self.0.send_modify(|rules| {
                    let token = checkpoint.position.stream_token().cloned();
                    rules.went_back += usize::from(token < rules.newest);
                    rules.newest = token;
                });
                self.lose_answer_if_told(Verb::Commit)
            }
            StoreEffect::Buried { .. } => self.lose_answer_if_told(Verb::DeadLetter),
            _ => Ok(()),
        }
    }

    /// The test still looks into the store that is behind.
    fn closes(&self) -> bool {
        false
    }
}
