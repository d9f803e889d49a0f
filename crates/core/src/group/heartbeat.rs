//! The heartbeat of a process: one write for all its members, on the engine's own threads, so that a busy event loop costs
//! nobody his partitions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::lease::Lease;
use crate::observe::log::Logger;
use crate::runtime::clock::{self, Instant};
use crate::runtime::task_group::TaskGroup;
use crate::store::contract::Store;

/// One that failed is sent again this soon at the latest.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// After so many in a row without any answer the client connects anew.
const UNANSWERED_BEFORE_RENEWAL: u32 = 2;

/// How often a member is heard of, and how long it may be silent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Between two heartbeats.
    pub(crate) interval: Duration,
    /// Longest silence.
    pub(crate) session: Duration,
}

impl Pace {
    /// How long a member may deliver after it has sent a heartbeat. A beat of margin is left for the other clock.
    pub(crate) fn term(self) -> Duration {
        self.session.saturating_sub(self.interval)
    }

    /// Heartbeats that are further apart than this say that servers were away: others may have been silent for as long, and
    /// a beat more, which is still less than a session.
    pub(crate) fn longest_gap(self) -> Duration {
        self.interval + self.interval / 2
    }

    /// Who has been heard steadily for this long knows that the others could be heard, too.
    pub(crate) fn fair_hearing(self) -> Duration {
        self.interval + self.interval / 4
    }
}

/// The heartbeat. Cheap to clone; the clones are one. It ends when it is closed, or with the last of them.
#[derive(Clone)]
pub(crate) struct Heartbeat {
    members: Arc<Members>,
    closing: Arc<watch::Sender<bool>>,
}

#[derive(Default)]
struct Members {
    beating: Mutex<BTreeMap<String, Beating>>,
    joined: Notify,
    hurried: Notify,
}

#[derive(Clone)]
struct Beating {
    lease: Lease,
    pace: Pace,
}

impl Heartbeat {
    pub(crate) fn start(store: Arc<dyn Store>, tasks: &TaskGroup, logger: Logger) -> Self {
        let (members, closing) = (Arc::<Members>::default(), Arc::new(watch::Sender::new(false)));
        let (beating, mut is_closing) = (Arc::clone(&members), closing.subscribe());
        tasks.spawn("heartbeat", async move {
            tokio::select! {
                biased;
                // An error says that nobody holds it any more.
                _ = is_closing.wait_for(|is_closing| *is_closing) => {}
                () = beating.beat(store, logger) => {}
            }
        });
        Self { members, closing }
    }

    /// Keeps a member alive that was stored by a call begun at this moment.
    pub(crate) fn add(&self, member: &str, pace: Pace, joined: Instant) -> Lease {
        let lease = Lease::begin(joined, pace);
        self.members.lock().insert(member.to_owned(), Beating { lease: lease.clone(), pace });
        self.members.joined.notify_one();
        lease
    }

    /// Sends the next one now: there is a doubt that it will settle.
    pub(crate) fn hurry(&self) {
        self.members.hurried.notify_one();
    }

    /// Lets a member go.
    pub(crate) fn remove(&self, member: &str) {
        self.members.lock().remove(member);
    }

    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }
}

impl Members {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Beating>> {
        self.beating.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The smallest distance that any member wants.
    fn interval(&self) -> Option<Duration> {
        self.lock().values().map(|member| member.pace.interval).min()
    }

    async fn beat(&self, store: Arc<dyn Store>, logger: Logger) {
        let (mut last, mut is_failing, mut unanswered) = (clock::now(), false, 0_u32);
        loop {
            let Some(interval) = self.interval() else {
                self.joined.notified().await;
                last = clock::now();
                continue;
            };
            let pause = if is_failing { LONGEST_PAUSE.min(interval / 2) } else { interval };
            tokio::select! {
                biased;
                () = clock::sleep_until(last + pause) => {}
                () = self.hurried.notified() => {}
                // It may want a shorter distance.
                () = self.joined.notified() => continue,
            }
            let beating = self.lock().clone();
            let ids: Vec<_> = beating.keys().cloned().collect();
            last = clock::now();
            let answer = clock::timeout(interval, store.beat(&ids)).await;
            let was_failing = std::mem::replace(&mut is_failing, !matches!(answer, Some(Ok(_))));
            unanswered = if answer.is_none() { unanswered + 1 } else { 0 };
            if unanswered.is_multiple_of(UNANSWERED_BEFORE_RENEWAL) && unanswered > 0 {
                // Connections that are half-open say nothing for ever; a lease cannot wait for that to be noticed.
                if let Err(error) = store.renew_client().await {
                    logger.warn(|| format!("no new client: {error:?}"));
                }
            }
            match answer {
                Some(Ok(gone)) => settle(&beating, &gone, last),
                Some(Err(error)) if !was_failing => {
                    logger.warn(|| format!("heartbeat failed, trying again: {error:?}"));
                }
                None if !was_failing => {
                    logger.warn(|| "heartbeat without an answer, trying again".to_owned());
                }
                Some(Err(_)) | None => {}
            }
        }
    }
}

fn settle(beating: &BTreeMap<String, Beating>, gone: &[String], sent: Instant) {
    for (id, member) in beating {
        if gone.contains(id) {
            member.lease.lose();
        } else {
            member.lease.renew(sent, member.pace);
        }
    }
}
