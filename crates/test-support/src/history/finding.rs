//! What is wrong with a history, with the messages and members involved.

use std::fmt;

use serde::Serialize;

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[expect(
    missing_docs,
    reason = "the fields are the messages, members and numbers of the sentence before them"
)]
pub enum Finding {
    /// Acknowledged, and neither handled nor dead-lettered nor skipped.
    Lost { value: String, partition: Option<u32>, key: Option<String> },
    /// Delivered although its send failed with nothing written.
    DeliveredNotWritten { value: String },
    /// Delivered although nobody sent it.
    NeverSent { value: String },
    /// Finished again, and whoever finished it before had not crashed since.
    Duplicate { value: String, first: String, second: String },
    /// One crash made more messages be finished again than allowed.
    TooManyDuplicates { member: String, duplicates: u64, allowed: u64 },
    /// More messages than allowed were finished again without a crash, marked as possible duplicates.
    TooManyMarkedDuplicates { duplicates: u64, allowed: u64 },
    /// `later` was begun while `earlier`, which came before it, was not finished.
    Overtaken { partition: u32, earlier: String, later: String },
    /// `later` was delivered for the first time after `earlier`, and stands before it in the stream.
    StreamOrder { partition: u32, earlier: String, later: String },
    /// A member was given an earlier message after a later one without having begun anew.
    WentBack { member: String, partition: u32, from: String, to: String },
    /// One message has two places in the stream: it is stored twice.
    TwoTokens { value: String, first: String, second: String },
    /// `earlier` was sent before `later` with the same key and handled after it.
    KeyOrder { key: String, earlier: String, later: String },
    /// A message of a partition was begun while another member was handling one.
    TwoOwners { partition: u32, member: String, value: String, other: String, other_value: String },
    /// A message was begun again while the same member was handling it.
    HandledTwiceAtOnce { member: String, value: String },
    /// Two members own a partition under the same epoch, or a later one under an earlier epoch.
    EpochNotNew { partition: u32, epoch: i64, newest: i64 },
    /// An offset was stored by a member that no longer owned the partition.
    StaleCommit { partition: u32, epoch: i64, newest: i64 },
    /// An offset was stored that lies before the one stored already.
    CommitWentBack { partition: u32, from: String, to: String },
    /// An offset was stored that lies behind a message that was not finished.
    CommitAhead { partition: u32, value: String },
    /// A message was tried more often than allowed.
    TooManyAttempts { value: String, attempts: u32, allowed: u32 },
    /// A message was given up before its attempts were used up.
    GivenUpEarly { value: String, attempts: u32, expected: u32 },
    /// A message should have become a dead letter.
    DeadLetterMissing { value: String },
    /// A message became a dead letter that should not have.
    DeadLetterUnexpected { value: String },
    /// A member ended by itself while its handler was working.
    HandlerCutOff { member: String, value: String },
    /// Two sends of the same value: the history cannot be judged.
    SentTwice { value: String },
    /// A delivery ended that had not begun: the history cannot be judged.
    EndWithoutBegin { member: String, value: String },
    /// Lines of a member are missing: the history cannot be judged.
    LinesMissing { member: String, after: u64, next: u64 },
}

impl Finding {
    /// What kind it is, for counting and headings.
    pub const fn title(&self) -> &'static str {
        match self {
            Self::Lost { .. } => "lost",
            Self::DeliveredNotWritten { .. } => "delivered although its send failed",
            Self::NeverSent { .. } => "delivered and never sent",
            Self::Duplicate { .. } => "finished twice without a crash",
            Self::TooManyDuplicates { .. } => "too many duplicates after a crash",
            Self::TooManyMarkedDuplicates { .. } => "too many marked duplicates",
            Self::Overtaken { .. } => "overtaken",
            Self::StreamOrder { .. } => "not in the order of the stream",
            Self::WentBack { .. } => "went back without beginning anew",
            Self::TwoTokens { .. } => "two places in the stream",
            Self::KeyOrder { .. } => "not in the order of its key",
            Self::TwoOwners { .. } => "two owners at the same time",
            Self::HandledTwiceAtOnce { .. } => "handled twice at the same time",
            Self::EpochNotNew { .. } => "owner under an epoch that is not new",
            Self::StaleCommit { .. } => "commit under an old epoch",
            Self::CommitWentBack { .. } => "commit went back",
            Self::CommitAhead { .. } => "commit ahead of what is finished",
            Self::TooManyAttempts { .. } => "too many attempts",
            Self::GivenUpEarly { .. } => "given up early",
            Self::DeadLetterMissing { .. } => "dead letter missing",
            Self::DeadLetterUnexpected { .. } => "dead letter not expected",
            Self::HandlerCutOff { .. } => "handler cut off",
            Self::SentTwice { .. } => "value is not unique",
            Self::EndWithoutBegin { .. } => "end without begin",
            Self::LinesMissing { .. } => "lines are missing",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { value, partition, key } => {
                let place =
                    partition.map_or_else(String::new, |partition| format!(", partition {partition}"));
                let key = key.as_ref().map_or_else(String::new, |key| format!(", key {key}"));
                write!(f, "{value}{place}{key}: acknowledged, never finished")
            }
            Self::DeliveredNotWritten { value } => write!(f, "{value}: its send wrote nothing"),
            Self::NeverSent { value } => write!(f, "{value}: nobody sent it"),
            Self::Duplicate { value, first, second } => {
                write!(f, "{value}: finished by {first}, which did not crash, then by {second}")
            }
            Self::TooManyDuplicates { member, duplicates, allowed } => {
                write!(f, "{member}: its crash caused {duplicates}, at most {allowed} are allowed")
            }
            Self::TooManyMarkedDuplicates { duplicates, allowed } => {
                write!(f, "{duplicates}, at most {allowed} are allowed")
            }
            Self::Overtaken { partition, earlier, later } => {
                write!(f, "partition {partition}: {later} was begun before {earlier} was finished")
            }
            Self::StreamOrder { partition, earlier, later } => {
                write!(f, "partition {partition}: {later} came after {earlier}, it stands before it")
            }
            Self::WentBack { member, partition, from, to } => {
                write!(f, "partition {partition}: {member} was given {to} after {from}, it comes before it")
            }
            Self::TwoTokens { value, first, second } => write!(f, "{value}: {first} and {second}"),
            Self::KeyOrder { key, earlier, later } => {
                write!(f, "key {key}: {earlier} was sent before {later} and handled after it")
            }
            Self::TwoOwners { partition, member, value, other, other_value } => write!(
                f,
                "partition {partition}: {member} began {value} while {other} was handling {other_value}"
            ),
            Self::HandledTwiceAtOnce { member, value } => write!(f, "{value}: by {member}"),
            Self::EpochNotNew { partition, epoch, newest }
            | Self::StaleCommit { partition, epoch, newest } => {
                write!(f, "partition {partition}: epoch {epoch}, the newest is {newest}")
            }
            Self::CommitWentBack { partition, from, to } => {
                write!(f, "partition {partition}: from {from} to {to}")
            }
            Self::CommitAhead { partition, value } => {
                write!(f, "partition {partition}: {value} was not finished")
            }
            Self::TooManyAttempts { value, attempts, allowed } => {
                write!(f, "{value}: attempt {attempts} of {allowed}")
            }
            Self::GivenUpEarly { value, attempts, expected } => {
                write!(f, "{value}: after {attempts} attempts of {expected}")
            }
            Self::DeadLetterMissing { value }
            | Self::DeadLetterUnexpected { value }
            | Self::SentTwice { value } => f.write_str(value),
            Self::HandlerCutOff { member, value } => write!(f, "{member} ended while handling {value}"),
            Self::EndWithoutBegin { member, value } => write!(f, "{member} ended {value}"),
            Self::LinesMissing { member, after, next } => {
                write!(f, "{member}: line {next} follows line {after}")
            }
        }
    }
}
