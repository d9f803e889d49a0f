//! The embedded store (`mongoUri: 'memory://name'`): everything in the memory of this process, with the semantics
//! of the product. For demos, users' tests and simulation.
//!
//! [`MemoryStore`] is a handle; the brokers of one process that name the same data share one `database`, which
//! ends with the last of them. Below it everything is pure and told the time.

mod bson_order;
mod cluster_clock;
mod database;
mod dead_letter_table;
mod event_log;
mod event_token;
#[cfg(test)]
mod group_model;
mod group_table;
mod memory_dead_letters;
mod memory_feed;
mod memory_groups;
mod memory_store;
mod memory_transactions;
mod message_collection;
mod offset_table;
mod registry;
mod server_insert;
#[cfg(test)]
pub(crate) mod states;
mod topic_table;

pub use memory_store::MemoryStore;
