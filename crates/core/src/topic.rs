//! Topics: which exist, with how many partitions, for how long their messages stay.

mod topic_catalog;

pub use topic_catalog::{TopicCatalog, TtlValidation};
