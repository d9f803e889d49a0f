//! Decides which task runs next.
//!
//! Tasks stay tasks of tokio, whose timers and wakers they use. But when one is woken it only reports that it is ready;
//! one ready task at a time gets its turn, picked by the seed. So the order in which tokio wakes the waiters of one
//! channel, which is random, does not matter, and the same program takes another way with every seed.
//!
//! Every task belongs to a process: that of the task which spawned it. A process can be killed, as by a crash: none of
//! its tasks gets another turn. It can be frozen, as by a debugger or a paused machine, and goes on later.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use csb_core::observe::log::Logger;
use csb_core::runtime::clock;
use csb_core::runtime::task_group::TaskGroup;

use super::scheduled_task::ScheduledTask;
use crate::seeded_random::SeededRandom;

/// Names a simulated process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub u32);

/// What is no process under test: the scenario and the server. It is never killed.
pub const WORLD: ProcessId = ProcessId(0);

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == WORLD { f.write_str("world") } else { write!(f, "process {}", self.0) }
    }
}

pub(super) type TaskId = u64;

/// More turns than these are taken only by tasks that go round in circles.
#[derive(Debug, Clone, Copy)]
pub struct MostTurns {
    /// At one moment.
    pub at_once: u64,
    /// In all.
    pub in_all: u64,
}

/// Tasks that run without end, and how often they ran at the last moment.
#[derive(Debug)]
pub struct Livelock(pub BTreeMap<(ProcessId, &'static str), u64>);

/// The tasks of one simulation. Shared by all of them.
pub struct Scheduler {
    most_turns: MostTurns,
    state: Mutex<State>,
}

struct State {
    random: SeededRandom,
    last_task: TaskId,
    tasks: BTreeMap<TaskId, Task>,
    ready: BTreeSet<TaskId>,
    /// The task whose turn it is.
    turn: Option<TaskId>,
    /// The process of the task that is running.
    current: ProcessId,
    dead: BTreeSet<ProcessId>,
    frozen: BTreeSet<ProcessId>,
    dispatcher: Option<Waker>,
    /// Who had how many turns at this moment.
    turns_at_once: BTreeMap<(ProcessId, &'static str), u64>,
    /// What the turns so far come to.
    digest: u64,
}

struct Task {
    process: ProcessId,
    name: &'static str,
    waker: Option<Waker>,
}

/// Whether a task that was woken may run.
pub(super) enum Turn {
    Now,
    Later,
    /// Its process was killed.
    Never,
}

impl Scheduler {
    pub(super) fn new(random: SeededRandom, most_turns: MostTurns) -> Arc<Self> {
        let state = State {
            random,
            last_task: 0,
            tasks: BTreeMap::new(),
            ready: BTreeSet::new(),
            turn: None,
            current: WORLD,
            dead: BTreeSet::new(),
            frozen: BTreeSet::new(),
            dispatcher: None,
            turns_at_once: BTreeMap::new(),
            digest: 0,
        };
        Arc::new(Self { most_turns, state: Mutex::new(state) })
    }

    /// Gives out turns until it is dropped, or until there is no end to them.
    pub(super) async fn dispatch(self: Arc<Self>) -> Livelock {
        let start = clock::now();
        let (mut last_at, mut turns) = (0, 0);
        poll_fn(|cx| {
            let woken = {
                let mut state = self.lock();
                let at = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
                if at != last_at {
                    last_at = at;
                    state.turns_at_once.clear();
                }
                turns += 1;
                let at_once = state.turns_at_once.values().sum::<u64>();
                if turns > self.most_turns.in_all || at_once > self.most_turns.at_once {
                    return Poll::Ready(Livelock(std::mem::take(&mut state.turns_at_once)));
                }
                let next = state.next_turn(at);
                if next.is_none() {
                    state.dispatcher = Some(cx.waker().clone());
                }
                next
            };
            if let Some(waker) = woken {
                waker.wake();
                self.lock().dispatcher = Some(cx.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    /// Starts a task of a process.
    pub fn spawn_in<F>(&self, process: ProcessId, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let before = self.enter(process);
        // A group of its own: who starts something here says himself how he learns of its end.
        TaskGroup::new(Logger::silent()).spawn(name, task);
        self.enter(before);
    }

    /// The process of the task that is running.
    pub fn current(&self) -> ProcessId {
        self.lock().current
    }

    /// Ends every task of a process where it stands. What it has asked of the server still happens.
    pub fn kill(&self, process: ProcessId) {
        let wakers: Vec<_> = {
            let mut state = self.lock();
            state.dead.insert(process);
            let tasks = state.tasks.values_mut().filter(|task| task.process == process);
            tasks.filter_map(|task| task.waker.take()).collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Gives a process no more turns.
    pub fn freeze(&self, process: ProcessId) {
        self.lock().frozen.insert(process);
    }

    /// Lets a process go on.
    pub fn thaw(&self, process: ProcessId) {
        self.lock().frozen.remove(&process);
        self.wake_dispatcher();
    }

    /// Names of the tasks of a process that have not ended.
    pub fn tasks_of(&self, process: ProcessId) -> Vec<&'static str> {
        let state = self.lock();
        state.tasks.values().filter(|task| task.process == process).map(|task| task.name).collect()
    }

    /// What all turns so far come to: the same for the same run.
    pub fn digest(&self) -> u64 {
        self.lock().digest
    }

    pub(super) fn schedule(
        self: &Arc<Self>,
        name: &'static str,
        task: futures_util::future::BoxFuture<'static, ()>,
    ) -> ScheduledTask {
        let mut state = self.lock();
        state.last_task += 1;
        let (id, process) = (state.last_task, state.current);
        state.tasks.insert(id, Task { process, name, waker: None });
        drop(state);
        ScheduledTask::new(Arc::clone(self), id, process, task)
    }

    pub(super) fn ask_turn(&self, id: TaskId, cx: &Context<'_>) -> Turn {
        let mut state = self.lock();
        let Some(task) = state.tasks.get_mut(&id) else { return Turn::Never };
        let process = task.process;
        let previous = task.waker.replace(cx.waker().clone());
        let turn = if state.dead.contains(&process) {
            Turn::Never
        } else if state.turn == Some(id) {
            Turn::Now
        } else {
            state.ready.insert(id);
            Turn::Later
        };
        drop(state);
        drop(previous);
        if matches!(turn, Turn::Later) {
            self.wake_dispatcher();
        }
        turn
    }

    /// What runs from here on belongs to this process. Returns the one before.
    pub(super) fn enter(&self, process: ProcessId) -> ProcessId {
        std::mem::replace(&mut self.lock().current, process)
    }

    pub(super) fn end_turn(&self, id: TaskId) {
        let mut state = self.lock();
        if state.turn == Some(id) {
            state.turn = None;
        }
        drop(state);
        self.wake_dispatcher();
    }

    pub(super) fn forget(&self, id: TaskId) {
        let mut state = self.lock();
        let task = state.tasks.remove(&id);
        state.ready.remove(&id);
        drop(state);
        drop(task);
        self.end_turn(id);
    }

    fn wake_dispatcher(&self) {
        let waker = self.lock().dispatcher.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Picks whose turn it is, unless somebody is still having his.
    fn next_turn(&mut self, at_millis: u64) -> Option<Waker> {
        if self.turn.is_some() {
            return None;
        }
        let may_run =
            |id: &&TaskId| self.tasks.get(id).is_some_and(|task| !self.frozen.contains(&task.process));
        let ready: Vec<_> = self.ready.iter().filter(may_run).copied().collect();
        if ready.is_empty() {
            return None;
        }
        let id = *self.random.pick(&ready);
        self.ready.remove(&id);
        self.turn = Some(id);
        self.digest = SeededRandom::new(self.digest ^ (at_millis << 20) ^ id).next_u64();
        let task = self.tasks.get(&id)?;
        *self.turns_at_once.entry((task.process, task.name)).or_default() += 1;
        task.waker.clone()
    }
}
