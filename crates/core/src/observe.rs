//! What the engine says about itself.

pub mod consumer_event;
pub mod log;
