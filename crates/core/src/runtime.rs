//! The doors to time and tasks. `clippy.toml` keeps every other module from going around them.

pub mod backoff;
pub mod clock;
pub mod random;
pub mod sign_of_life;
pub mod simulation;
pub mod task_group;
