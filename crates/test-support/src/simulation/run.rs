//! One run: the scenario of a seed from its beginning to its verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use csb_core::config::TopicConfig;
use csb_core::observe::log::Logger;
use csb_core::runtime::clock;
use csb_core::runtime::task_group::TaskGroup;
use csb_core::topic::TopicCatalog;

use super::event::{Entry, Event, EventLog};
use super::plan::{Plan, TOPIC};
use super::scheduler::{Livelock, Scheduler, WORLD};
use super::seat::Seat;
use super::stored_log::StoredLog;
use super::verdict::{self, Finding, Obligations};
use super::virtual_runtime::simulate;
use super::world::{Phase, World};
use super::{chaos, producers, settling};
use crate::faulty_store::FaultRates;

const RETENTION_MS: u64 = 86_400_000;
/// Longer than any scenario goes on.
const LONGEST_SCENARIO: Duration = Duration::from_hours(2);
/// What was late when everything healed has taken effect by then.
const LAST_EFFECTS: Duration = Duration::from_secs(30);
/// From then on everything has to be handled within this time. Deadlines, backoffs, idle polls and handlers that get
/// stuck together need less.
const LONGEST_CATCH_UP: Duration = Duration::from_mins(10);

/// In a rush: one for who comes first, one for all.
const MOST_ASSIGNMENTS: usize = 2;
/// In a rush: who comes first, and who has it in the end; and one move besides.
const MOST_OWNERS: usize = 3;

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// Its scenario.
    pub plan: Plan,
    /// What happened.
    pub entries: Vec<Entry>,
    /// What was wrong; empty if nothing was.
    pub findings: Vec<Finding>,
    /// The order in which tasks had their turns, in short: the same for the same seed.
    pub digest: u64,
    /// From the end of all faults until everything was handled.
    pub catch_up: Duration,
    /// From then on until every partition was where it belongs.
    pub settling: Duration,
}

impl Outcome {
    /// Nothing disturbs members that come at about the same time: a second assignment has all of them, and a partition
    /// moves twice at most.
    pub fn judge_rush(&mut self) {
        let (mut assignments, mut claims) = (0, BTreeMap::<_, usize>::new());
        for entry in &self.entries {
            match &entry.event {
                // They leave one after the other.
                Event::UnsubscribeBegan { .. } | Event::DisconnectBegan => break,
                Event::Assigned { .. } => assignments += 1,
                Event::Claimed(claimed) => *claims.entry(claimed.claim.at).or_default() += 1,
                _ => {}
            }
        }
        let most = claims.values().max().copied().unwrap_or_default();
        if assignments > MOST_ASSIGNMENTS || most > MOST_OWNERS {
            let text = format!("{assignments} assignments, and a partition with {most} owners");
            self.findings.push(Finding::new(text));
        }
    }
}

/// Runs the scenario of a seed and judges it.
pub fn run_seed(seed: u64) -> Outcome {
    run_plan(seed, Plan::of_seed(seed))
}

/// Runs a scenario and judges it.
pub fn run_plan(seed: u64, plan: Plan) -> Outcome {
    let begun: Arc<OnceLock<(EventLog, Arc<Scheduler>)>> = Arc::default();
    let played = {
        let (plan, begun) = (plan.clone(), Arc::clone(&begun));
        simulate(seed, plan.most_turns(), move |scheduler, random| async move {
            let world = World::new(plan, Arc::clone(&scheduler), random);
            begun.get_or_init(|| (world.events().clone(), Arc::clone(&scheduler)));
            play(&world, &scheduler).await
        })
    };
    let Played { findings, catch_up, settling } = played
        .unwrap_or_else(|Livelock(tasks)| Played::stuck(format!("these tasks run without end: {tasks:?}")));
    let (events, scheduler) = begun.get().expect("the scenario has begun");
    Outcome {
        seed,
        plan,
        entries: events.entries(),
        findings,
        digest: scheduler.digest(),
        catch_up,
        settling,
    }
}

/// What came of it.
struct Played {
    findings: Vec<Finding>,
    catch_up: Duration,
    settling: Duration,
}

impl Played {
    fn stuck(how: String) -> Self {
        let (catch_up, settling) = (Duration::ZERO, Duration::ZERO);
        Self { findings: vec![Finding::new(how)], catch_up, settling }
    }
}

async fn play(world: &Arc<World>, scheduler: &Scheduler) -> Played {
    create_topic(world).await;
    producers::store_backlog(world, world.plan.backlog.0).await;
    clock::sleep(world.plan.backlog.1).await;
    for slot in 0..world.plan.processes {
        world.start_process(slot).await;
    }
    for (group, plan) in world.plan.groups.iter().enumerate() {
        for seat in &plan.seats {
            let seat = Seat::new(Arc::clone(world), group, seat.clone());
            scheduler.spawn_in(WORLD, "seat", seat.run());
        }
    }
    let busy = TaskGroup::new(Logger::silent());
    for (index, plan) in world.plan.producers.iter().enumerate() {
        busy.spawn("producer", producers::produce(Arc::clone(world), index, *plan));
    }
    busy.spawn("transactions", producers::run_transactions(Arc::clone(world)));
    busy.spawn("legacy", producers::send_as_legacy(Arc::clone(world)));
    busy.spawn("chaos", chaos::cause(Arc::clone(world)));
    if !busy.wait_until_idle(LONGEST_SCENARIO).await {
        return Played::stuck("a send or a restart has no end".to_owned());
    }
    heal(world);
    clock::sleep(LAST_EFFECTS).await;
    let log = world.stored_log().await;
    let (stalled, catch_up) = catch_up(world, &log).await;
    let (unsettled, settling) = settling::settle(world).await;
    world.phase.send_replace(Phase::Over);
    for process in world.all_processes() {
        world.disconnect(&process).await;
    }
    let mut findings = verdict::judge(&world.plan, &log, &world.events().entries());
    findings.extend(stalled);
    findings.extend(unsettled);
    Played { findings, catch_up, settling }
}

async fn create_topic(world: &World) {
    let topics = TopicCatalog::new(Arc::clone(&world.server), Logger::silent());
    let topic = TopicConfig {
        name: TOPIC.to_owned(),
        collection: TOPIC.to_owned(),
        partitions: world.plan.partitions,
        retention_ms: RETENTION_MS,
    };
    topics.create(&topic).await.expect("no faults here");
}

fn heal(world: &World) {
    for process in world.all_processes() {
        process.faults.set_rates(FaultRates::CALM);
        process.faults.set_cut_off(false);
    }
    world.events().record(Event::Healed);
    world.phase.send_replace(Phase::Healed);
}

/// Waits until everything that has to be handled is.
async fn catch_up(world: &World, log: &StoredLog) -> (Option<Finding>, Duration) {
    let since = clock::now();
    let mut obligations = Obligations::new(&world.plan, log);
    let all_met = world.events().wait_until(|entries| obligations.are_met(entries));
    let is_met = clock::timeout(LONGEST_CATCH_UP, all_met).await.is_some();
    let stalled = (!is_met).then(|| {
        let open: BTreeSet<_> = obligations.open().into_iter().take(20).collect();
        Finding::new(format!(
            "stall: not handled within {} s of virtual time, as (group, partition, number): {open:?}",
            LONGEST_CATCH_UP.as_secs()
        ))
    });
    (stalled, since.elapsed())
}
