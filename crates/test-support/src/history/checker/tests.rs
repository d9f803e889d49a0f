//! Every kind of finding: a history that has it, and the nearest one that does not.

mod delivery;
mod offsets;
mod order;
mod ownership;
mod story;
