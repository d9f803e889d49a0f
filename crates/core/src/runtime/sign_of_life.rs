//! When something last showed that it works. Shared between who works and who watches.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::clock::{self, Instant};

/// The last sign of life. Cheap to clone; the clones are one.
#[derive(Clone)]
pub struct SignOfLife(Arc<Mutex<Instant>>);

impl SignOfLife {
    /// Alive now.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(clock::now())))
    }

    /// Alive now.
    pub fn give(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = clock::now();
    }

    /// Time since the last sign.
    pub fn silence(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

impl Default for SignOfLife {
    fn default() -> Self {
        Self::new()
    }
}
