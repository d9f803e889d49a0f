//! The only place that spawns. A group knows how many of its tasks still run and reports the ones that panic.
#![expect(clippy::disallowed_methods, reason = "this is the door that the lint points to")]

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};

use super::{clock, simulation};
use crate::observe::log::Logger;

/// Tasks that belong together and end together.
#[derive(Clone)]
pub struct TaskGroup {
    running: Arc<watch::Sender<usize>>,
    handles: Arc<Mutex<Vec<AbortHandle>>>,
    /// Tasks are also started by callers outside of the runtime, such as a synchronous call from JavaScript.
    runtime: Handle,
    logger: Logger,
}

impl TaskGroup {
    /// An empty group on the runtime of the caller. Panics of its tasks go to `logger`.
    pub fn new(logger: Logger) -> Self {
        let running = Arc::new(watch::Sender::new(0));
        Self { running, handles: Arc::default(), runtime: Handle::current(), logger }
    }

    /// Starts a task. `name` says what it does, for the report of a panic.
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.running.send_modify(|count| *count += 1);
        let ended = EndOfTask(Arc::clone(&self.running));
        let logger = self.logger.clone();
        let task = async move {
            let _ended = ended;
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                logger.error(|| format!("task `{name}` panicked; this is a defect, please report it"));
            }
        };
        let handle = match simulation::current() {
            Some(simulation) => self.runtime.spawn(simulation.schedule(name, task.boxed())),
            None => self.runtime.spawn(task),
        };
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        handles.retain(|handle| !handle.is_finished());
        handles.push(handle.abort_handle());
    }

    /// Waits until every task has ended. `false` if `limit` passed first.
    pub async fn wait_until_idle(&self, limit: Duration) -> bool {
        clock::timeout(limit, self.idle()).await.is_some()
    }

    /// Whether every task has ended.
    pub fn is_idle(&self) -> bool {
        *self.running.borrow() == 0
    }

    /// Waits until every task has ended.
    pub async fn idle(&self) {
        let mut running = self.running.subscribe();
        // The sender is here.
        let _ = running.wait_for(|count| *count == 0).await;
    }

    /// Ends every task at its next wait.
    pub fn abort_all(&self) {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(AbortHandle::abort);
    }
}

/// Goes on with a call of the driver, whether somebody polls it or not; whoever has the handle hears how it ends.
pub(crate) fn go_on<F>(call: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    tokio::spawn(call)
}

/// Counts a task as ended when it is dropped: finished, panicked or aborted.
struct EndOfTask(Arc<watch::Sender<usize>>);

impl Drop for EndOfTask {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
