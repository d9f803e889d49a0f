//! A task that runs only when it is its turn.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;

use super::scheduler::{ProcessId, Scheduler, TaskId, Turn};

/// Wraps a task for the scheduler.
pub(super) struct ScheduledTask {
    scheduler: Arc<Scheduler>,
    id: TaskId,
    process: ProcessId,
    /// `None` when it has ended.
    task: Option<BoxFuture<'static, ()>>,
}

impl ScheduledTask {
    pub(super) fn new(
        scheduler: Arc<Scheduler>,
        id: TaskId,
        process: ProcessId,
        task: BoxFuture<'static, ()>,
    ) -> Self {
        Self { scheduler, id, process, task: Some(task) }
    }

    /// Drops the task as part of its process: what its destructors start, it starts.
    fn end(&mut self) {
        let before = self.scheduler.enter(self.process);
        self.task = None;
        self.scheduler.enter(before);
        self.scheduler.forget(self.id);
    }
}

impl Future for ScheduledTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        match this.scheduler.ask_turn(this.id, cx) {
            Turn::Later => return Poll::Pending,
            Turn::Never => {
                this.end();
                return Poll::Ready(());
            }
            Turn::Now => {}
        }
        let before = this.scheduler.enter(this.process);
        let polled = this.task.as_mut().map_or(Poll::Ready(()), |task| task.as_mut().poll(cx));
        this.scheduler.enter(before);
        if polled.is_ready() {
            this.end();
        } else {
            this.scheduler.end_turn(this.id);
        }
        polled
    }
}

impl Drop for ScheduledTask {
    fn drop(&mut self) {
        if self.task.is_some() {
            self.end();
        }
    }
}
