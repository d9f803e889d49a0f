//! What users configure: plain data, checked as a whole before anything is used.
//!
//! Field names, defaults and limits stand at the fields; the TypeScript types of the package are generated from the
//! same structs. A document is read with `config_fields`, which collects every violation instead of the first.

mod broker_config;
pub(crate) mod config_fields;
pub(crate) mod consumer_config;
mod given_place;
mod handler_config;
mod log_level;
mod producer_config;
mod replay_end;
pub(crate) mod topic_config;
mod watch_options;

pub use broker_config::{BrokerConfig, MongoUri};
pub use config_fields::{ConfigCheck, Violation};
pub use consumer_config::{ConsumerConfig, GroupMode, OnExpired, PartitionAssignment};
pub use given_place::GivenPlace;
pub use handler_config::{BatchConfig, CommitSchedule, HandlerConfig, RetryBackoff};
pub use log_level::LogLevel;
pub use producer_config::{PartitionStrategy, ProducerConfig};
pub use replay_end::ReplayEnd;
pub use topic_config::TopicConfig;
pub use watch_options::{ChangeStreamWatchOptions, WithoutEffect};
