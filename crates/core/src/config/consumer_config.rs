//! What a consumer reads, and how.

use std::time::Duration;

use bson::Document;

use super::config_fields::{ConfigCheck, ConfigFields, TextRule};
use super::replay_end::{self, ReplayEnd};
use super::topic_config::{RETENTION_MS, TOPIC_NAME};
use super::watch_options::ChangeStreamWatchOptions;
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;

const KIB: u64 = 1024;

pub(crate) const GROUP_ID: TextRule = TextRule {
    demand: "give 1 to 200 bytes without control characters",
    accepts: |id| (1..=200).contains(&id.len()) && !id.contains(char::is_control),
};

const INSTANCE_ID: TextRule = TextRule {
    demand: "give 1 to 200 bytes without control characters, or leave it out",
    accepts: |id| (1..=200).contains(&id.len()) && !id.contains(char::is_control),
};

/// What to do when messages may have been deleted before they were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "config.d.ts", rename_all = "lowercase"))]
pub enum OnExpired {
    /// End the partition, with an error that names the range of time.
    Fail,
    /// Go on with what is there, and say so.
    Skip,
}

const ON_EXPIRED: [(&str, OnExpired); 2] = [("fail", OnExpired::Fail), ("skip", OnExpired::Skip)];

/// How a consumer comes to its partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "config.d.ts", rename_all = "lowercase"))]
pub enum PartitionAssignment {
    /// The group shares them out among its members.
    Auto,
    /// It reads those that it names, and no others.
    Manual,
}

const ASSIGNMENTS: [(&str, PartitionAssignment); 2] =
    [("auto", PartitionAssignment::Auto), ("manual", PartitionAssignment::Manual)];

/// Who gets a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "config.d.ts", rename_all = "lowercase"))]
pub enum GroupMode {
    /// One member of the group.
    Shared,
    /// Every instance: each has offsets of its own.
    Broadcast,
}

const GROUP_MODES: [(&str, GroupMode); 2] =
    [("shared", GroupMode::Shared), ("broadcast", GroupMode::Broadcast)];

/// A member of a consumer group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(ts_rs::TS), ts(export, export_to = "config.d.ts", rename_all = "camelCase"))]
pub struct ConsumerConfig {
    /// Group whose members share the partitions and the offsets: 1 to 200 bytes without control characters.
    pub group_id: String,
    /// Topic to read, with the limits of a topic's name.
    pub topic: String,
    /// Partitions that the group reads, shared out among the members that name them: different integers from 0 to 1023,
    /// at least one. With `assignment: 'manual'` those that this consumer reads.
    ///
    /// @default every partition of the topic, also those that it gets later
    #[cfg_attr(test, ts(optional = nullable, type = "Array<number> | undefined"))]
    pub partitions: Option<Vec<u32>>,
    /// How the consumer comes to its partitions. `manual` is what 1.4.2 did, with one difference: while another member has
    /// a partition, this one waits for it. It goes before members with `auto`, and needs `partitions`.
    ///
    /// @default 'auto'
    #[cfg_attr(test, ts(optional = nullable, type = "PartitionAssignment | undefined"))]
    pub assignment: PartitionAssignment,
    /// Who gets a message: one member of the group (`shared`), or every instance (`broadcast`), which needs an instance id.
    /// An instance is a group of its own, called `<groupId>@<instanceId>`.
    ///
    /// @default 'shared'
    #[cfg_attr(test, ts(optional = nullable, type = "GroupMode | undefined"))]
    pub group_mode: GroupMode,
    /// Name that the member has after a restart, too, 1 to 200 bytes without control characters. It gets the partitions of
    /// the member that had the name before, at once. Of two that run with the same name the older one ends with
    /// `ERR_CSB_INSTANCE_REPLACED`.
    ///
    /// @default the environment variable `POD_NAME`, else `HOSTNAME`, else none; with such a name the older one goes on
    #[cfg_attr(test, ts(optional = nullable, type = "string | undefined"))]
    pub instance_id: Option<String>,
    /// A member that is not heard of for this long has lost its partitions to the others, in milliseconds, 6000 to 300000,
    /// and at least three times `heartbeatIntervalMs`.
    ///
    /// @default 15000
    #[cfg_attr(test, ts(optional = nullable, type = "number | undefined"))]
    pub session_timeout_ms: u64,
    /// How long the leader of a group waits at most for more members to come before it shares partitions out anew, in
    /// milliseconds, 0 to 60000; a quarter of it after the last one. Partitions that nobody has do not wait.
    ///
    /// @default 3000
    #[cfg_attr(test, ts(optional = nullable, type = "number | undefined"))]
    pub rebalance_delay_ms: u64,
    /// How long a partition that goes to another member waits for the message in its handler, in milliseconds, 100 to
    /// 600000. Then it goes all the same, and that message is delivered again. Also the limit of `onAssigned` and
    /// `onRevoked`.
    ///
    /// @default 30000
    #[cfg_attr(test, ts(optional = nullable, type = "number | undefined"))]
    pub handover_timeout_ms: u64,
    /// Whether offsets are committed without being asked for. What `subscribe` is given goes before it.
    ///
    /// @default true
    #[cfg_attr(test, ts(optional = nullable, type = "boolean | undefined"))]
    pub auto_commit: bool,
    /// Commits once per interval instead of as soon as possible, in milliseconds, 10 to 3600000.
    ///
    /// As soon as possible: at once, or together with the process's other partitions, which make about 200 commits per
    /// second; no partition waits longer than a second.
    ///
    /// @default as soon as possible after each message
    #[cfg_attr(test, ts(optional = nullable, type = "number | undefined"))]
    pub auto_commit_interval_ms: Option<u64>,
    /// Whether a group that has no offset yet begins with the oldest stored message instead of the next new one.
    ///
    /// @default false
    #[cfg_attr(test, ts(optional = nullable, type = "boolean | undefined"))]
    pub from_beginning: bool,
    /// Where the consumer stops, for a replay: it handles what was stored before this Date (before its second begins), or
    /// up to this offset of a record, and then gets nothing more. Each partition says so with the event `completed`. Its
    /// offset stays there: the rest is delivered to the group by a consumer without `until`.
    ///
    /// Of messages that are read from the collection, as with `fromBeginning`, the server's time of insert decides. Messages
    /// of 1.4.2 stand there before all others: those sent later are passed over for good.
    ///
    /// @default never
    #[cfg_attr(test, ts(optional = nullable, type = "Date | unknown | undefined"))]
    pub until: Option<ReplayEnd>,
    /// What to do when messages may have been deleted by the topic's retention before the group read them, which shows
    /// when its position is lost: `fail` ends the partition with `ERR_CSB_MESSAGES_EXPIRED`, and nothing is passed over
    /// unless somebody says so; `skip` goes on with what is there, after the event `expired` and a line in the log.
    ///
    /// @default 'fail'
    #[cfg_attr(test, ts(optional = nullable, type = "OnExpired | undefined"))]
    pub on_expired: OnExpired,
    /// How often a failed message is tried again before it becomes a dead letter, 0 to 1000. What `subscribe` is given
    /// goes before it.
    ///
    /// @default 3
    #[cfg_attr(test, ts(optional = nullable, type = "number | undefined"))]
    pub max_retries: u32,
    /// Pause before a failed message is tried again, in milliseconds, 0 to 3600000. What `subscribe` is given goes
    /// before it.
    ///
    /// @default 1000
    #[cfg_attr(test, ts(optional = nullable, type = "number | undefined"))]
    pub retry_delay_ms: u64,
    /// Whether the state of the offsets is logged once a minute.
    ///
    /// @default false
    #[cfg_attr(test, ts(optional = nullable, type = "boolean | undefined"))]
    pub enable_offset_monitoring: bool,
    /// How events are fetched.
    #[cfg_attr(test, ts(optional = nullable, type = "ChangeStreamWatchOptions | undefined"))]
    pub options: ChangeStreamWatchOptions,
    /// Bytes of messages that each partition may hold ready for its handler, 65536 (64 KiB) to 67108864 (64 MiB).
    ///
    /// @default 1048576
    #[cfg_attr(test, ts(optional = nullable, type = "number | undefined"))]
    pub max_buffered_bytes: u64,
    /// How long the group keeps a dead letter, in milliseconds, 1000 (a second) to 2147483641000 (68 years). It counts
    /// from when the message was given up, or from when its last redrive failed.
    ///
    /// @default for ever: a dead letter stays until it is redriven with success or purged
    #[cfg_attr(test, ts(optional = nullable, type = "number | undefined"))]
    pub dead_letter_retention_ms: Option<u64>,
}

impl ConsumerConfig {
    /// Checks and reads what `createConsumer` was given.
    pub fn from_document(document: &Document) -> Result<Self> {
        let mut fields = ConfigFields::new(document);
        let config = Self::read(&mut fields);
        fields.finish("The consumer configuration", config)
    }

    /// Only checks it.
    pub fn check(document: &Document) -> ConfigCheck {
        let mut fields = ConfigFields::new(document);
        Self::read(&mut fields);
        fields.into_check()
    }

    fn read(fields: &mut ConfigFields<'_>) -> Self {
        Self {
            group_id: fields.required_text("groupId", &GROUP_ID),
            topic: fields.required_text("topic", &TOPIC_NAME),
            partitions: fields.integer_list("partitions", 0..=1023),
            assignment: assignment(fields),
            group_mode: fields.one_of("groupMode", &GROUP_MODES, str::eq).unwrap_or(GroupMode::Shared),
            instance_id: fields.optional_text("instanceId", &INSTANCE_ID),
            session_timeout_ms: fields.integer("sessionTimeoutMs", 6_000..=300_000, 15_000),
            rebalance_delay_ms: fields.integer("rebalanceDelayMs", 0..=60_000, 3_000),
            handover_timeout_ms: fields.integer("handoverTimeoutMs", 100..=600_000, 30_000),
            auto_commit: fields.boolean("autoCommit", true),
            auto_commit_interval_ms: fields.optional_integer("autoCommitIntervalMs", 10..=3_600_000),
            from_beginning: fields.boolean("fromBeginning", false),
            until: fields.optional("until", replay_end::DEMAND, ReplayEnd::read),
            on_expired: fields.one_of("onExpired", &ON_EXPIRED, str::eq).unwrap_or(OnExpired::Fail),
            max_retries: fields.integer("maxRetries", 0..=1000, 3),
            retry_delay_ms: fields.integer("retryDelayMs", 0..=3_600_000, 1_000),
            enable_offset_monitoring: fields.boolean("enableOffsetMonitoring", false),
            options: fields.section("options", ChangeStreamWatchOptions::read),
            max_buffered_bytes: fields.integer("maxBufferedBytes", 64 * KIB..=64 * KIB * KIB, KIB * KIB),
            dead_letter_retention_ms: fields.optional_integer("deadLetterRetentionMs", RETENTION_MS),
        }
    }

    /// Whether it reads exactly what it names.
    pub fn is_manual(&self) -> bool {
        self.assignment == PartitionAssignment::Manual
    }

    /// Refuses a session that a few late heartbeats would end.
    pub(crate) fn check_heartbeat(&self, interval: Duration) -> Result<()> {
        if interval * 3 <= Duration::from_millis(self.session_timeout_ms) {
            return Ok(());
        }
        Err(invalid(&format!(
            "sessionTimeoutMs is {}, less than three times the broker's heartbeatIntervalMs of {}: give at least {}, or \
             a shorter interval",
            self.session_timeout_ms,
            interval.as_millis(),
            interval.as_millis() * 3
        )))
    }

    /// With `broadcast` each instance is a group of its own.
    pub(crate) fn enter_group_of(&mut self, instance: Option<&str>) -> Result<()> {
        if self.group_mode == GroupMode::Shared {
            return Ok(());
        }
        let Some(instance) = instance else {
            return Err(invalid(
                "instanceId is missing, and neither POD_NAME nor HOSTNAME is set: groupMode 'broadcast' keeps offsets for \
                 each instance; give one that this process has after a restart, too",
            ));
        };
        let group_id = format!("{}@{instance}", self.group_id);
        if !(GROUP_ID.accepts)(&group_id) {
            return Err(invalid(&format!(
                "groupId and instanceId have {} bytes together: groupMode 'broadcast' needs at most 199",
                group_id.len() - 1
            )));
        }
        self.group_id = group_id;
        Ok(())
    }
}

fn assignment(fields: &mut ConfigFields<'_>) -> PartitionAssignment {
    let assignment = fields.one_of("assignment", &ASSIGNMENTS, str::eq).unwrap_or(PartitionAssignment::Auto);
    if assignment == PartitionAssignment::Manual && fields.given("partitions").is_none() {
        fields.reject(
            "partitions",
            "is missing: with assignment 'manual' give the partitions that the consumer reads",
        );
    }
    assignment
}

fn invalid(problem: &str) -> Error {
    Error::new(ErrorCode::InvalidConfig, format!("The consumer configuration is invalid: {problem}"))
}

#[cfg(test)]
mod tests {
    use bson::{Bson, doc};

    use super::*;

    #[test]
    fn fills_in_the_documented_defaults() {
        let config = ConsumerConfig::from_document(&doc! { "groupId": "g", "topic": "t" }).unwrap();
        assert_eq!((config.group_id.as_str(), config.topic.as_str(), config.partitions), ("g", "t", None));
        assert_eq!(
            (config.auto_commit, config.auto_commit_interval_ms, config.from_beginning),
            (true, None, false)
        );
        assert_eq!(
            (config.max_retries, config.retry_delay_ms, config.enable_offset_monitoring),
            (3, 1_000, false)
        );
        assert_eq!((config.options.batch_size, config.options.max_await_time_ms), (1_000, 1_000));
        assert_eq!((config.max_buffered_bytes, config.on_expired), (1_048_576, OnExpired::Fail));
        assert_eq!((config.max_buffered_bytes, config.dead_letter_retention_ms), (1_048_576, None));
    }

    #[test]
    fn dead_letters_are_kept_as_long_as_asked() {
        let document = doc! { "groupId": "g", "topic": "t", "deadLetterRetentionMs": 86_400_000.0 };
        let config = ConsumerConfig::from_document(&document).unwrap();
        assert_eq!(config.dead_letter_retention_ms, Some(86_400_000));
    }

    #[test]
    fn reads_what_1_4_2_was_configured_with() {
        let document = doc! {
            "groupId": "classroom-service", "topic": "purchases.new-purchase", "partitions": [0.0, 2],
            "autoCommit": true, "autoCommitIntervalMs": 15_000, "fromBeginning": true, "maxRetries": 5,
            "retryDelayMs": 0, "enableOffsetMonitoring": true, "onExpired": "skip",
            "options": { "batchSize": 100, "maxAwaitTimeMS": 500, "fullDocument": "updateLookup", "resumeAfter": null },
        };
        let config = ConsumerConfig::from_document(&document).unwrap();
        assert_eq!(config.partitions, Some(vec![0, 2]));
        assert_eq!((config.auto_commit, config.auto_commit_interval_ms), (true, Some(15_000)));
        assert!(config.from_beginning && config.enable_offset_monitoring);
        assert_eq!((config.max_retries, config.retry_delay_ms), (5, 0));
        assert_eq!(config.on_expired, OnExpired::Skip);
        assert_eq!((config.options.batch_size, config.options.max_await_time_ms), (100, 500));
    }

    #[test]
    fn refuses_what_is_out_of_limits() {
        let bad: [(&str, Bson); 20] = [
            ("groupId", "".into()),
            ("groupId", "a\nb".into()),
            ("groupId", "x".repeat(201).into()),
            ("topic", "$t".into()),
            ("partitions", Bson::Array(vec![])),
            ("partitions", vec![1024].into()),
            ("partitions", vec![1, 1].into()),
            ("partitions", 1.into()),
            ("autoCommit", 1.into()),
            ("autoCommitIntervalMs", 9.into()),
            ("until", "tomorrow".into()),
            ("until", doc! { "_data": "82" }.into()),
            ("maxRetries", 1001.into()),
            ("retryDelayMs", 3_600_001.into()),
            ("maxBufferedBytes", 65_535.into()),
            ("maxBufferedBytes", 67_108_865.into()),
            ("onExpired", "ignore".into()),
            ("deadLetterRetentionMs", 999.into()),
            ("options", doc! { "batchSize": 0 }.into()),
            ("options", doc! { "maxAwaitTimeMS": 60_001 }.into()),
        ];
        for (field, bad) in bad {
            let mut document = doc! { "groupId": "g", "topic": "t" };
            document.insert(field, bad);
            let error = ConsumerConfig::from_document(&document).unwrap_err();
            assert!(
                error.message().starts_with(&format!("The consumer configuration is invalid: {field}")),
                "{error}"
            );
        }
    }
}
