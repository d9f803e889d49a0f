//! What the engine says about itself.

pub mod log;
