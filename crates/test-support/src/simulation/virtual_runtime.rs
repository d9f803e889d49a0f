//! Runs a scenario on one thread, in virtual time, from a seed.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use csb_core::runtime::clock::{self, Instant};
use csb_core::runtime::simulation::{self, Simulation};
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::scheduler::{Livelock, MostTurns, Scheduler, WORLD};
use crate::seeded_random::SeededRandom;

/// When every simulation begins, in milliseconds since 1970.
const EPOCH_MS: i64 = 1_700_000_000_000;

struct VirtualRuntime {
    scheduler: Arc<Scheduler>,
    random: Mutex<SeededRandom>,
    start: OnceLock<Instant>,
}

impl Simulation for VirtualRuntime {
    fn next_u32(&self) -> u32 {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).next_u32()
    }

    fn unix_millis(&self) -> i64 {
        let since_start = clock::now().duration_since(*self.start.get_or_init(clock::now));
        EPOCH_MS + i64::try_from(since_start.as_millis()).unwrap_or(i64::MAX - EPOCH_MS)
    }

    fn schedule(&self, name: &'static str, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()> {
        Box::pin(self.scheduler.schedule(name, task))
    }
}

/// Runs the scenario to its end, unless tasks go round in circles. Time is virtual: it passes only when nothing can run, and then at once.
///
/// # Panics
///
/// If the scenario does.
#[expect(clippy::disallowed_methods, reason = "the task that gives out the turns cannot wait for one")]
pub fn simulate<S, F, T>(seed: u64, most_turns: MostTurns, scenario: S) -> Result<T, Livelock>
where
    S: FnOnce(Arc<Scheduler>, SeededRandom) -> F,
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let mut random = SeededRandom::new(seed);
    let scheduler = Scheduler::new(random.fork("scheduler"), most_turns);
    let runtime = Arc::new(VirtualRuntime {
        scheduler: Arc::clone(&scheduler),
        random: Mutex::new(random.fork("runtime")),
        start: OnceLock::new(),
    });
    let _simulated = simulation::enter(Arc::clone(&runtime) as Arc<dyn Simulation>);
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without input and output");
    let outcome = tokio.block_on(async {
        runtime.start.get_or_init(clock::now);
        let turns = tokio::spawn(Arc::clone(&scheduler).dispatch());
        let (end, ended) = oneshot::channel();
        let scenario = scenario(Arc::clone(&scheduler), random.fork("scenario"));
        scheduler.spawn_in(WORLD, "scenario", async move {
            // Whoever waits for it is below.
            let _ = end.send(scenario.await);
        });
        tokio::select! {
            biased;
            outcome = ended => Ok(outcome.expect("the scenario panicked")),
            livelock = turns => Err(livelock.expect("the scheduler panicked")),
        }
    });
    tokio.shutdown_timeout(Duration::ZERO);
    outcome
}
