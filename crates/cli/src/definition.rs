//! The brokers, topics, producers and consumers that `config.ts` defines, and the payload types of their topics.

pub(crate) mod checks;
pub(crate) mod config_values;
pub(crate) mod exported_definitions;
mod payload_map;
pub(crate) mod payload_types;
pub(crate) mod topic_partitions;
