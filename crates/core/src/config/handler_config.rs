//! What `subscribe` is given besides the functions.

use std::time::Duration;

use bson::Document;

use super::config_fields::ConfigFields;
use super::consumer_config::ConsumerConfig;
use crate::error::Result;

/// How a handler's messages are retried and committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandlerConfig {
    /// `maxRetries`: how often a failed message is tried again, 0 to 1000. Default: the consumer's.
    pub max_retries: u32,
    /// `retryDelay`: pause before a failed message is tried again, in milliseconds, 0 to 3600000. Default: the
    /// consumer's `retryDelayMs`.
    pub retry_delay_ms: u64,
    /// `autoCommit`: whether each message is committed as soon as possible. Default: as the consumer says.
    pub auto_commit: Option<bool>,
}

/// When offsets are committed without being asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitSchedule {
    /// Whenever the last commit is through and there is something new.
    AsSoonAsPossible,
    /// Once per interval.
    Interval(Duration),
    /// Only by `commitOffsets()`, and when the consumer ends.
    Manual,
}

impl HandlerConfig {
    /// Checks and reads what `subscribe` was given.
    pub fn from_document(document: &Document, consumer: &ConsumerConfig) -> Result<Self> {
        let mut fields = ConfigFields::new(document);
        let config = Self {
            max_retries: fields.integer("maxRetries", 0..=1000, consumer.max_retries),
            retry_delay_ms: fields.integer("retryDelay", 0..=3_600_000, consumer.retry_delay_ms),
            auto_commit: fields.optional_boolean("autoCommit"),
        };
        fields.finish("The handler configuration", config)
    }

    /// When to commit: the handler's word goes before the consumer's.
    pub fn commit_schedule(&self, consumer: &ConsumerConfig) -> CommitSchedule {
        let interval = consumer.auto_commit_interval_ms.map(Duration::from_millis);
        match (self.auto_commit, consumer.auto_commit, interval) {
            (Some(true), _, _) | (None, true, None) => CommitSchedule::AsSoonAsPossible,
            (Some(false) | None, true, Some(interval)) => CommitSchedule::Interval(interval),
            (Some(false), true, None) | (Some(false) | None, false, _) => CommitSchedule::Manual,
        }
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    fn consumer(document: Document) -> ConsumerConfig {
        let mut whole = doc! { "groupId": "g", "topic": "t", "maxRetries": 7, "retryDelayMs": 70 };
        whole.extend(document);
        ConsumerConfig::from_document(&whole).unwrap()
    }

    #[test]
    fn falls_back_to_the_consumer() {
        let consumer = consumer(doc! {});
        let handler = HandlerConfig::from_document(&doc! {}, &consumer).unwrap();
        assert_eq!(handler, HandlerConfig { max_retries: 7, retry_delay_ms: 70, auto_commit: None });
        let given = doc! { "maxRetries": 0, "retryDelay": 0, "autoCommit": false };
        let handler = HandlerConfig::from_document(&given, &consumer).unwrap();
        assert_eq!(handler, HandlerConfig { max_retries: 0, retry_delay_ms: 0, auto_commit: Some(false) });
    }

    #[test]
    fn names_every_bad_field() {
        let bad = doc! { "maxRetries": -1, "retryDelay": "1s", "autoCommit": 0 };
        let error = HandlerConfig::from_document(&bad, &consumer(doc! {})).unwrap_err();
        assert_eq!(
            error.message(),
            "The handler configuration is invalid:\n\
             - maxRetries is -1: give an integer from 0 to 1000\n\
             - retryDelay is \"1s\": give an integer from 0 to 3600000\n\
             - autoCommit is 0: give true or false"
        );
    }

    #[test]
    fn the_handlers_word_goes_before_the_consumers() {
        use CommitSchedule::{AsSoonAsPossible, Interval, Manual};
        let every = Interval(Duration::from_millis(50));
        let table = [
            // handler, consumer, interval, schedule
            (Some(true), true, None, AsSoonAsPossible),
            (Some(true), true, Some(50), AsSoonAsPossible),
            (Some(true), false, None, AsSoonAsPossible),
            (Some(true), false, Some(50), AsSoonAsPossible),
            (Some(false), true, None, Manual),
            (Some(false), true, Some(50), every),
            (Some(false), false, None, Manual),
            (Some(false), false, Some(50), Manual),
            (None, true, None, AsSoonAsPossible),
            (None, true, Some(50), every),
            (None, false, None, Manual),
            (None, false, Some(50), Manual),
        ];
        for (handler, auto_commit, interval, expected) in table {
            let consumer = consumer(doc! { "autoCommit": auto_commit, "autoCommitIntervalMs": interval });
            let handler = HandlerConfig::from_document(&doc! { "autoCommit": handler }, &consumer).unwrap();
            assert_eq!(
                handler.commit_schedule(&consumer),
                expected,
                "{handler:?} {auto_commit} {interval:?}"
            );
        }
    }
}
