//! Processes that can crash: nothing that runs in one is finished, committed or released when it does.

use std::future::Future;

use tokio::runtime::{Builder, Runtime};

/// A process. Dropping it is a crash.
pub(crate) struct Process(Option<Runtime>);

impl Process {
    pub(crate) fn start() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self(Some(runtime.expect("threads")))
    }

    /// Runs something in the process.
    pub(crate) async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let runtime = self.0.as_ref().expect("it lives");
        runtime.spawn(work).await.expect("it lives")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
