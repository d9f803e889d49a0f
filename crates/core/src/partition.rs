//! Partitions of a topic: what they are called, and which one a message belongs to.

pub mod partition_id;
pub mod partitioner;
