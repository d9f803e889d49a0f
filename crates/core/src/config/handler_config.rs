//! What `subscribe` is given besides the functions.

use std::time::Duration;

use bson::{Binary, Bson, Document};

use super::config_fields::ConfigFields;
use super::consumer_config::ConsumerConfig;
use crate::error::Result;

/// How the wait before each next attempt grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "config.d.ts", rename_all = "lowercase"))]
pub enum RetryBackoff {
    /// Not at all.
    Fixed,
    /// It doubles up to `maxRetryDelay`, spread at random between half and the whole of each step.
    Exponential,
}

const BACKOFFS: [(&str, RetryBackoff); 2] =
    [("fixed", RetryBackoff::Fixed), ("exponential", RetryBackoff::Exponential)];

/// What `batchHandler` is given at a time. A batch is ready when it has `maxMessages` or `maxBytes`, or when its first
/// message has waited for `lingerMs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "config.d.ts", rename_all = "camelCase"))]
pub struct BatchConfig {
    /// Messages at most, 1 to 10000.
    ///
    /// @default 100
    #[cfg_attr(test, ts(optional = nullable, type = "number | undefined"))]
    pub max_messages: u32,
    /// Bytes of stored messages at most, 1024 (1 KiB) to 16777216 (16 MiB). A single message may be larger.
    ///
    /// @default 1048576
    #[cfg_attr(test, ts(optional = nullable, type = "number | undefined"))]
    pub max_bytes: u64,
    /// How long the first message waits for others, in milliseconds, 0 to 60000.
    ///
    /// @default 0
    #[cfg_attr(test, ts(optional = nullable, type = "number | undefined"))]
    pub linger_ms: u64,
}

/// The server ends a transaction after a minute; a handler that is asked to end has 5 seconds for it.
const LONGEST_TRANSACTION_MS: u64 = 50_000;

/// How a handler's messages are handed out, retried and committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandlerConfig {
    /// `maxRetries`: how often a failed message is tried again, 0 to 1000. Default: the consumer's.
    pub max_retries: u32,
    /// `retryDelay`: pause before a failed message is tried again, in milliseconds, 0 to 3600000. Default: the
    /// consumer's `retryDelayMs`.
    pub retry_delay_ms: u64,
    /// `autoCommit`: whether each message is committed as soon as possible. Default: as the consumer says.
    pub auto_commit: Option<bool>,
    /// `retryBackoff`: how the pause grows from attempt to attempt. Default: fixed.
    pub retry_backoff: RetryBackoff,
    /// `maxRetryDelay`: longest pause with the exponential backoff, in milliseconds, 0 to 3600000. Default: 300000.
    pub max_retry_delay_ms: u64,
    /// `handlerTimeoutMs`: how long one call of the handler may take, in milliseconds, 10 to 86400000 (a day).
    /// Default: 300000 (5 minutes).
    pub handler_timeout_ms: u64,
    /// `concurrency`: how many messages of a partition are handled at the same time, 1 to 1000. Messages with the same
    /// key, and those without, stay in order among themselves. Default: 1.
    pub concurrency: u32,
    /// `batch`: present if the handler takes batches.
    pub batch: Option<BatchConfig>,
    /// `transactional`: whether each call commits its effects and its offset in one transaction. Then `concurrency` has to
    /// be 1, and a call may take 10 to 50000 milliseconds (default 50000): the server ends transactions after a minute.
    pub transactional: bool,
    /// `sessions`: ids of the sessions of those transactions.
    pub sessions: Vec<Binary>,
    /// `awaitsAssigned`: whether there is an `onAssigned`.
    pub awaits_assigned: bool,
    /// `awaitsRevoked`: whether there is an `onRevoked`.
    pub awaits_revoked: bool,
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
        let transactional = fields.boolean("transactional", false);
        let (most_concurrency, longest_call) =
            if transactional { (1, LONGEST_TRANSACTION_MS) } else { (1000, 86_400_000) };
        let config = Self {
            max_retries: fields.integer("maxRetries", 0..=1000, consumer.max_retries),
            retry_delay_ms: fields.integer("retryDelay", 0..=3_600_000, consumer.retry_delay_ms),
            auto_commit: fields.optional_boolean("autoCommit"),
            retry_backoff: fields.one_of("retryBackoff", &BACKOFFS, str::eq).unwrap_or(RetryBackoff::Fixed),
            max_retry_delay_ms: fields.integer("maxRetryDelay", 0..=3_600_000, 300_000),
            handler_timeout_ms: fields.integer(
                "handlerTimeoutMs",
                10..=longest_call,
                longest_call.min(300_000),
            ),
            concurrency: fields.integer("concurrency", 1..=most_concurrency, 1),
            batch: fields.given("batch").is_some().then(|| fields.section("batch", BatchConfig::read)),
            transactional,
            sessions: session_ids(fields.given("sessions")),
            awaits_assigned: fields.boolean("awaitsAssigned", false),
            awaits_revoked: fields.boolean("awaitsRevoked", false),
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

/// They come from the facade; anything else is no id.
fn session_ids(given: Option<&Bson>) -> Vec<Binary> {
    let ids = given.and_then(Bson::as_array).map(Vec::as_slice).unwrap_or_default();
    let binary = |id: &Bson| match id {
        Bson::Binary(id) => Some(id.clone()),
        _ => None,
    };
    ids.iter().filter_map(binary).collect()
}

impl BatchConfig {
    fn read(fields: &mut ConfigFields<'_>) -> Self {
        Self {
            max_messages: fields.integer("maxMessages", 1..=10_000, 100),
            max_bytes: fields.integer("maxBytes", 1024..=16_777_216, 1_048_576),
            linger_ms: fields.integer("lingerMs", 0..=60_000, 0),
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
        let defaults = HandlerConfig {
            max_retries: 7,
            retry_delay_ms: 70,
            auto_commit: None,
            retry_backoff: RetryBackoff::Fixed,
            max_retry_delay_ms: 300_000,
            handler_timeout_ms: 300_000,
            concurrency: 1,
            batch: None,
            transactional: false,
            sessions: Vec::new(),
            awaits_assigned: false,
            awaits_revoked: false,
        };
        assert_eq!(handler, defaults);
        let given = doc! { "maxRetries": 0, "retryDelay": 0, "autoCommit": false };
        let handler = HandlerConfig::from_document(&given, &consumer).unwrap();
        let expected =
            HandlerConfig { max_retries: 0, retry_delay_ms: 0, auto_commit: Some(false), ..defaults };
        assert_eq!(handler, expected);
    }

    #[test]
    fn a_batch_has_limits_of_its_own() {
        let given = doc! { "batch": { "maxMessages": 7 }, "retryBackoff": "exponential", "concurrency": 4 };
        let handler = HandlerConfig::from_document(&given, &consumer(doc! {})).unwrap();
        assert_eq!(handler.batch, Some(BatchConfig { max_messages: 7, max_bytes: 1_048_576, linger_ms: 0 }));
        assert_eq!((handler.retry_backoff, handler.concurrency), (RetryBackoff::Exponential, 4));
        let bad = doc! { "batch": { "maxMessages": 0, "lingerMs": -1 }, "handlerTimeoutMs": 9 };
        let error = HandlerConfig::from_document(&bad, &consumer(doc! {})).unwrap_err();
        assert_eq!(
            error.message(),
            "The handler configuration is invalid:\n\
             - handlerTimeoutMs is 9: give an integer from 10 to 86400000\n\
             - batch.maxMessages is 0: give an integer from 1 to 10000\n\
             - batch.lingerMs is -1: give an integer from 0 to 60000"
        );
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
