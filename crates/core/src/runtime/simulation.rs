//! What a simulation puts in the place of chance, of the wall clock and of the scheduler.
//!
//! It holds for one thread, and only a simulation that runs a whole deployment on that thread with paused time sets it
//! (`csb-test-support`). Everywhere else the other doors of this folder find nothing here and do what they always do.

use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::Arc;

use futures_util::future::BoxFuture;

/// The answers of a simulation, the same ones in the same order for the same seed.
pub trait Simulation: Send + Sync {
    /// In place of an unpredictable number.
    fn next_u32(&self) -> u32;

    /// In place of the wall clock: milliseconds since 1970.
    fn unix_millis(&self) -> i64;

    /// Takes a task that is about to be spawned, and returns what is spawned instead: the same task, which runs only
    /// when it is its turn.
    fn schedule(&self, name: &'static str, task: BoxFuture<'static, ()>) -> BoxFuture<'static, ()>;
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<dyn Simulation>>> = const { RefCell::new(None) };
}

/// Ends the simulation of its thread when it is dropped.
#[must_use]
#[derive(Debug)]
pub struct Simulated(PhantomData<*const ()>);

/// Simulates on this thread from now on, until what is returned is dropped.
pub fn enter(simulation: Arc<dyn Simulation>) -> Simulated {
    CURRENT.with(|current| current.replace(Some(simulation)));
    Simulated(PhantomData)
}

impl Drop for Simulated {
    fn drop(&mut self) {
        CURRENT.with(|current| current.replace(None));
    }
}

/// Whether this thread simulates.
pub(crate) fn is_entered() -> bool {
    current().is_some()
}

/// The simulation of this thread, if there is one.
pub(super) fn current() -> Option<Arc<dyn Simulation>> {
    // A thread that ends has none.
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}
