//! Engine of Change Stream Broker.

pub mod consumer;
pub mod dead_letter;
pub mod error;
pub mod error_code;
pub mod feed;
pub mod store;
pub mod observe;
pub mod runtime;
pub mod config;
pub mod partition;
pub mod record;
pub mod broker;
pub mod offset_storage;
pub mod producer;
pub mod topic;
