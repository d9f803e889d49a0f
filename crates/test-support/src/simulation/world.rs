//! What the actors of a run share: the server, the processes that are up, and how far the run is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use csb_core::consumer::Consumer;
use csb_core::runtime::clock;
use csb_core::store::contract::Store;
use csb_core::store::memory::MemoryStore;
use tokio::sync::watch;

use super::effect_recorder::EffectRecorder;
use super::event::{Event, EventLog};
use super::plan::{Plan, group_id};
use super::process::{Machine, Process};
use super::scheduler::{ProcessId, Scheduler};
use super::stored_log::StoredLog;
use crate::seeded_random::SeededRandom;
use crate::watched_store::WatchedStore;

const DATABASE: &str = "simulation";
/// A disconnect, and then the end of every task of a process, takes no longer than this: grace periods and deadlines
/// of single calls are shorter.
const LONGEST_END: Duration = Duration::from_mins(5);
/// How often it is looked whether a process has ended. Virtual time, so looking often costs little.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A process that has crashed is started again by whoever watches it.
const BEFORE_RESTART: Duration = Duration::from_millis(500);

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Anything may happen.
    Busy,
    /// Nothing goes wrong any more; everything has to be handled in the end.
    Healed,
    /// Members go and do not come back.
    Over,
}

pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) machine: Arc<Machine>,
    /// The database without faults.
    pub(super) server: Arc<dyn Store>,
    memory: Arc<MemoryStore>,
    log: tokio::sync::Mutex<StoredLog>,
    pub(super) phase: watch::Sender<Phase>,
    database: String,
    processes: watch::Sender<Vec<Option<Arc<Process>>>>,
    random: Mutex<SeededRandom>,
    last_process: AtomicU32,
    last_send: AtomicU64,
    last_number: AtomicI64,
    last_subscription: AtomicU64,
    last_member: AtomicU64,
    /// Every consumer that was made, by its id, and where.
    consumers: Mutex<BTreeMap<String, (ProcessId, Consumer)>>,
}

impl World {
    pub(super) fn new(plan: Plan, scheduler: Arc<Scheduler>, random: SeededRandom) -> Arc<Self> {
        static DATABASES: AtomicU64 = AtomicU64::new(0);
        let database = format!("simulation-{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let events = EventLog::new(Arc::clone(&scheduler));
        let memory = MemoryStore::open(&database, DATABASE);
        let server = observed(Arc::clone(&memory), &events);
        Arc::new(Self {
            machine: Arc::new(Machine { scheduler, events, broker: plan.broker, rates: plan.rates }),
            server,
            memory,
            log: tokio::sync::Mutex::default(),
            phase: watch::Sender::new(Phase::Busy),
            database,
            processes: watch::Sender::new(vec![None; plan.processes]),
            random: Mutex::new(random),
            last_process: AtomicU32::new(0),
            last_send: AtomicU64::new(0),
            last_number: AtomicI64::new(0),
            last_subscription: AtomicU64::new(0),
            last_member: AtomicU64::new(0),
            consumers: Mutex::default(),
            plan,
        })
    }

    pub(super) fn events(&self) -> &EventLog {
        &self.machine.events
    }

    /// What has been stored so far.
    pub(super) async fn stored_log(&self) -> StoredLog {
        let mut log = self.log.lock().await;
        log.read_on(&self.server, self.plan.partitions).await;
        log.clone()
    }

    /// Lets the server forget every event so far, as when its oplog rolls over. The messages stay.
    pub(super) async fn forget_history(&self) {
        let mut log = self.log.lock().await;
        log.read_on(&self.server, self.plan.partitions).await;
        // Without a wait: nothing is stored in between.
        self.memory.forget_events().expect("open");
        self.events().record(Event::HistoryForgotten);
    }

    pub(super) fn random(&self, purpose: &str) -> SeededRandom {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).fork(purpose)
    }

    pub(super) fn next_send(&self) -> u64 {
        self.last_send.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn next_number(&self) -> i64 {
        self.last_number.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn next_subscription(&self) -> u64 {
        self.last_subscription.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn next_member(&self) -> u64 {
        self.last_member.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn note_consumer(&self, process: ProcessId, consumer: Consumer) {
        self.lock_consumers().insert(consumer.id().to_owned(), (process, consumer));
    }

    /// Ids of the consumers that are subscribed in processes that run, by group.
    pub(super) fn subscribed_consumers(&self) -> BTreeMap<String, BTreeSet<String>> {
        let running: BTreeSet<_> = self.all_processes().iter().map(|process| process.id).collect();
        let mut by_group: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (id, (process, consumer)) in &*self.lock_consumers() {
            if running.contains(process) && consumer.is_subscribed() {
                by_group.entry(consumer.config().group_id.clone()).or_default().insert(id.clone());
            }
        }
        by_group
    }

    /// Where the leader of a group lives, if it has one.
    pub(super) async fn slot_of_leader(&self, group: usize) -> Option<usize> {
        let view = self.server.load_group(&group_id(group)).await.expect("no faults here");
        let leader = view.group.leader?;
        let process = self.lock_consumers().get(leader.split('/').next()?).map(|(process, _)| *process)?;
        let processes = self.processes.borrow();
        processes.iter().position(|other| other.as_ref().is_some_and(|other| other.id == process))
    }

    fn lock_consumers(&self) -> MutexGuard<'_, BTreeMap<String, (ProcessId, Consumer)>> {
        self.consumers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves when the run is at least so far.
    pub(super) async fn reached(&self, wanted: Phase) {
        let mut phase = self.phase.subscribe();
        // The sender is here.
        let _ = phase.wait_for(|phase| *phase >= wanted).await;
    }

    pub(super) fn has_reached(&self, wanted: Phase) -> bool {
        *self.phase.borrow() >= wanted
    }

    /// Starts a process in a slot that has none.
    pub(super) async fn start_process(&self, slot: usize) {
        let id = ProcessId(self.last_process.fetch_add(1, Ordering::Relaxed) + 1);
        let store = observed(MemoryStore::open(&self.database, DATABASE), self.events());
        let process = Process::start(&self.machine, id, store, self.random("process"));
        if self.has_reached(Phase::Healed) {
            process.faults.set_rates(crate::faulty_store::FaultRates::CALM);
        }
        while let Ok(Err(_)) = process.run("connect", async |broker| broker.connect().await).await {
            clock::sleep(Duration::from_millis(100)).await;
        }
        self.processes.send_modify(|processes| processes[slot] = Some(process));
    }

    /// Takes the process out of its slot.
    pub(super) fn take_process(&self, slot: usize) -> Option<Arc<Process>> {
        let mut taken = None;
        self.processes.send_modify(|processes| taken = processes[slot].take());
        taken
    }

    pub(super) fn process_in(&self, slot: usize) -> Option<Arc<Process>> {
        self.processes.borrow()[slot].clone()
    }

    pub(super) fn all_processes(&self) -> Vec<Arc<Process>> {
        self.processes.borrow().iter().flatten().cloned().collect()
    }

    /// The process in this slot, once there is one.
    pub(super) async fn wait_for_process(&self, slot: usize) -> Arc<Process> {
        let mut processes = self.processes.subscribe();
        let found = processes.wait_for(|processes| processes[slot].is_some()).await;
        found.expect("the sender is here")[slot].clone().expect("that was waited for")
    }

    /// Any process, once there is one.
    pub(super) async fn wait_for_any_process(&self, random: &mut SeededRandom) -> Arc<Process> {
        let mut processes = self.processes.subscribe();
        let found = processes.wait_for(|processes| processes.iter().any(Option::is_some)).await;
        let found: Vec<_> = found.expect("the sender is here").iter().flatten().cloned().collect();
        Arc::clone(random.pick(&found))
    }

    /// Ends a process where it stands and starts another in its place, unless it is ending anyway.
    pub(super) async fn crash(&self, process: &Process) {
        let slot = self
            .processes
            .borrow()
            .iter()
            .position(|other| other.as_ref().is_some_and(|other| other.id == process.id));
        let Some(slot) = slot else { return process.kill() };
        drop(self.take_process(slot));
        process.kill();
        clock::sleep(BEFORE_RESTART).await;
        self.start_process(slot).await;
    }

    /// Ends a process in good order, and writes down what stays behind.
    pub(super) async fn disconnect(&self, process: &Process) {
        if clock::timeout(LONGEST_END, process.disconnect()).await.is_none() {
            self.events().record(Event::DisconnectHung(process.id));
        }
        let all_ended = clock::timeout(LONGEST_END, async {
            while !process.tasks().is_empty() {
                clock::sleep(LOOK_EVERY).await;
            }
        });
        if all_ended.await.is_none() {
            let tasks = process.tasks();
            self.events().record(Event::LeftBehind { process: process.id, tasks });
            self.machine.scheduler.kill(process.id);
        }
    }
}

/// What takes effect in the store is written down.
fn observed(store: Arc<MemoryStore>, events: &EventLog) -> Arc<dyn Store> {
    WatchedStore::new(store, Arc::new(EffectRecorder(events.clone())))
}
