//! Engine of Change Stream Broker.

pub mod broker;
pub mod config;
pub mod consumer;
pub mod dead_letter;
mod deployment;
pub mod error;
pub mod error_code;
pub mod feed;
pub mod group;
pub mod observe;
pub mod offset_reset;
pub mod offset_storage;
pub mod partition;
pub mod producer;
pub mod record;
#[cfg(test)]
mod reference;
pub mod runtime;
pub mod store;
pub mod topic;
