//! Passes the events of a consumer to whoever listens. Emitting costs nothing while nobody does.

use std::sync::{Arc, PoisonError, RwLock};

use crate::observe::consumer_event::ConsumerEvent;

/// Receives the events of one consumer. Called on the engine's tasks: it must not block.
pub type EventListener = Arc<dyn Fn(&ConsumerEvent) + Send + Sync>;

/// The events of one consumer. Cheap to clone; the clones have one listener.
#[derive(Clone, Default)]
pub(crate) struct ConsumerEvents(Arc<RwLock<Option<EventListener>>>);

impl ConsumerEvents {
    /// Sets or removes the listener.
    pub(crate) fn listen(&self, listener: Option<EventListener>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = listener;
    }

    /// Passes an event on, if somebody listens.
    pub(crate) fn emit(&self, event: impl FnOnce() -> ConsumerEvent) {
        let listener = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(listener) = listener {
            listener(&event());
        }
    }
}
