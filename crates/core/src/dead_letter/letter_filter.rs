//! Which letters of a group are meant. Pure.

use bson::{DateTime, Document};

use super::stored_letter::StoredLetter;
use crate::config::config_fields::{ConfigFields, TextRule};
use crate::config::consumer_config::GROUP_ID;
use crate::config::topic_config::{PARTITIONS, TOPIC_NAME};
use crate::error::Result;

/// The fields of a filter.
const FIELDS: [&str; 8] =
    ["topic", "partition", "messageId", "key", "errorName", "since", "until", "redriving"];

const MESSAGE_ID: TextRule = TextRule {
    demand: "give the id of a message as its records show it, or a list of such ids",
    accepts: |id| !id.is_empty(),
};
const KEY: TextRule = TextRule { demand: "give the key of messages as a text", accepts: |_| true };
const ERROR_NAME: TextRule =
    TextRule { demand: "give the name of an error, such as \"TypeError\"", accepts: |name| !name.is_empty() };

/// What a handle reaches: the letters of a group, of all its topics or of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterScope {
    /// Consumer group.
    pub group_id: String,
    /// Topic, if the handle is that of a consumer.
    pub topic: Option<String>,
}

/// Letters of one group. Every condition that is given has to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterFilter {
    /// Consumer group.
    pub group_id: String,
    /// Topic of the message.
    pub topic: Option<String>,
    /// Partition of the message.
    pub partition: Option<u32>,
    /// Ids of messages as their records show them.
    pub message_ids: Option<Vec<String>>,
    /// Key of the message.
    pub key: Option<String>,
    /// Class of the newest error: the one for which the group gave up last.
    pub error_name: Option<String>,
    /// Given up at this moment or later.
    pub since: Option<DateTime>,
    /// Given up before this moment.
    pub until: Option<DateTime>,
    /// Whether a redrive of the letter is pending.
    pub redriving: Option<bool>,
}

/// Which letters to remove for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurgeRequest {
    /// Which letters.
    pub filter: LetterFilter,
}

impl LetterScope {
    /// Checks and reads `{ groupId }`: the letters of a group.
    pub fn from_document(document: &Document) -> Result<Self> {
        let mut fields = ConfigFields::new(document);
        let group_id = fields.required_text("groupId", &GROUP_ID);
        fields.finish("The group of dead letters", Self { group_id, topic: None })
    }

    /// Everything within reach.
    pub fn everything(&self) -> LetterFilter {
        LetterFilter {
            group_id: self.group_id.clone(),
            topic: self.topic.clone(),
            partition: None,
            message_ids: None,
            key: None,
            error_name: None,
            since: None,
            until: None,
            redriving: None,
        }
    }
}

impl LetterFilter {
    /// Checks and reads a filter.
    pub fn from_document(document: &Document, scope: &LetterScope) -> Result<Self> {
        let mut fields = ConfigFields::new(document);
        let filter = Self::read(&mut fields, scope, &[]);
        fields.finish("The filter of dead letters", filter)
    }

    /// Reads the fields of a filter, which may stand beside `others`. All other fields are refused, and so is a field
    /// without a value: a misspelt field, or one filled from nothing, would select every letter.
    pub(super) fn read(fields: &mut ConfigFields<'_>, scope: &LetterScope, others: &[&str]) -> Self {
        let known: Vec<_> = FIELDS.iter().chain(others).copied().collect();
        fields.refuse_others(&known);
        for name in FIELDS {
            fields.refuse_null(name);
        }
        let topic = fields.optional_text("topic", &TOPIC_NAME);
        if let (Some(own), Some(given)) = (&scope.topic, &topic)
            && own != given
        {
            fields.reject(
                "topic",
                format_args!("is {given:?}: leave it out, these are the letters of {own:?}"),
            );
        }
        Self {
            group_id: scope.group_id.clone(),
            topic: scope.topic.clone().or(topic),
            partition: fields.optional_integer("partition", 0..=PARTITIONS.end() - 1),
            message_ids: fields.texts("messageId", &MESSAGE_ID),
            key: fields.optional_text("key", &KEY),
            error_name: fields.optional_text("errorName", &ERROR_NAME),
            since: fields.optional_date("since"),
            until: fields.optional_date("until"),
            redriving: fields.optional_boolean("redriving"),
        }
    }

    /// Whether a letter is meant.
    pub fn matches(&self, letter: &StoredLetter) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        let key = || letter.message.as_ref().and_then(|message| message.get_str("_key").ok());
        let error_name = || letter.errors.last().map(|attempt| attempt.error.name.as_str());
        self.group_id == letter.id.key.group_id
            && is(&self.topic, Some(&letter.id.key.topic))
            && self.partition.is_none_or(|partition| partition == letter.id.key.partition)
            && self.message_ids.as_ref().is_none_or(|ids| ids.contains(&letter.id.message_id_text()))
            && (self.key.is_none() || is(&self.key, key()))
            && is(&self.error_name, error_name())
            && self.since.is_none_or(|since| letter.dead_at >= since)
            && self.until.is_none_or(|until| letter.dead_at < until)
            && self.redriving.is_none_or(|redriving| redriving == letter.redrive.is_some())
    }
}

impl PurgeRequest {
    /// Checks and reads what `purge` was given: a filter with at least one condition, or `all: true`.
    pub fn from_document(document: &Document, scope: &LetterScope) -> Result<Self> {
        let mut fields = ConfigFields::new(document);
        let filter = LetterFilter::read(&mut fields, scope, &["all"]);
        let all = fields.boolean("all", false);
        let has_condition = FIELDS.iter().any(|name| fields.given(name).is_some());
        if all && has_condition {
            fields.reject("all", "stands beside a condition: give one or the other");
        } else if !all && !has_condition {
            fields.reject("all", "is missing: give `all: true` to purge every letter, or a condition");
        }
        fields.finish("The purge of dead letters", Self { filter })
    }
}

#[cfg(test)]
mod tests {
    use bson::{Bson, doc, rawdoc};

    use super::*;
    use crate::dead_letter::{DeadLetter, FailedAttempt, HandlerError};
    use crate::store::contract::OffsetKey;

    const AT: DateTime = DateTime::from_millis(1000);

    fn scope(topic: Option<&str>) -> LetterScope {
        LetterScope { group_id: "g".into(), topic: topic.map(str::to_owned) }
    }

    fn problem<T: std::fmt::Debug>(read: Result<T>) -> String {
        read.unwrap_err().message().to_owned()
    }

    #[test]
    fn reads_every_condition() {
        let document = doc! {
            "topic": "t", "partition": 3, "messageId": ["a", "b"], "key": "", "errorName": "TypeError",
            "since": AT, "until": DateTime::from_millis(2000), "redriving": false,
        };
        let expected = LetterFilter {
            group_id: "g".into(),
            topic: Some("t".into()),
            partition: Some(3),
            message_ids: Some(vec!["a".into(), "b".into()]),
            key: Some(String::new()),
            error_name: Some("TypeError".into()),
            since: Some(AT),
            until: Some(DateTime::from_millis(2000)),
            redriving: Some(false),
        };
        assert_eq!(LetterFilter::from_document(&document, &scope(None)).unwrap(), expected);
        assert_eq!(LetterFilter::from_document(&document, &scope(Some("t"))).unwrap(), expected);
        for scope in [scope(None), scope(Some("t"))] {
            assert_eq!(LetterFilter::from_document(&doc! {}, &scope).unwrap(), scope.everything());
        }
    }

    #[test]
    fn names_what_is_wrong_with_a_filter() {
        let document = doc! {
            "topics": "t", "partition": 1024, "messageId": "", "key": 1, "errorName": "", "since": "today",
            "until": 5, "redriving": 1,
        };
        let problem = problem(LetterFilter::from_document(&document, &scope(None)));
        let lines: Vec<_> = problem.lines().collect();
        assert_eq!(lines[0], "The filter of dead letters is invalid:");
        assert!(lines[1].starts_with("- topics is unknown: give topic, partition, "), "{}", lines[1]);
        let named: Vec<_> =
            lines[2..].iter().filter_map(|line| line.strip_prefix("- ")?.split(' ').next()).collect();
        let expected = ["partition", "messageId", "key", "errorName", "since", "until", "redriving"];
        assert_eq!(named, expected);
    }

    #[test]
    fn a_consumers_letters_are_those_of_its_topic() {
        let problem = problem(LetterFilter::from_document(&doc! { "topic": "other" }, &scope(Some("t"))));
        assert!(
            problem.ends_with("topic is \"other\": leave it out, these are the letters of \"t\""),
            "{problem}"
        );
    }

    #[test]
    fn a_group_needs_a_name() {
        assert_eq!(LetterScope::from_document(&doc! { "groupId": "g" }).unwrap(), scope(None));
        let problem = problem(LetterScope::from_document(&doc! { "groupId": "" }));
        assert!(
            problem.starts_with("The group of dead letters is invalid: groupId is \"\": give "),
            "{problem}"
        );
    }

    #[test]
    fn a_purge_says_what_it_is_meant_for() {
        let read = |document: Document| PurgeRequest::from_document(&document, &scope(Some("t")));
        assert_eq!(read(doc! { "all": true }).unwrap().filter, scope(Some("t")).everything());
        assert_eq!(read(doc! { "partition": 2 }).unwrap().filter.partition, Some(2));
        for nothing in [doc! {}, doc! { "all": false }] {
            assert!(problem(read(nothing)).contains("all is missing: give `all: true`"));
        }
        let nothing = problem(read(doc! { "partition": 2, "key": null }));
        assert!(nothing.ends_with("invalid: key is null: give a value or leave it out"), "{nothing}");
        assert!(problem(read(doc! { "all": true, "key": "k" })).contains("all stands beside a condition"));
        assert!(problem(read(doc! { "keys": "k", "all": true })).contains("keys is unknown"));
    }

    fn letter() -> StoredLetter {
        let attempt = |name: &str| FailedAttempt {
            error: HandlerError { name: name.into(), message: String::new(), stack: None },
            at: AT,
        };
        StoredLetter::buried(DeadLetter {
            key: OffsetKey { group_id: "g".into(), topic: "t".into(), partition: 3 },
            message: rawdoc! { "_id": 42, "_key": "k" },
            token: None,
            attempts: vec![attempt("Error"), attempt("TypeError")],
            forgotten: 0,
            at: AT,
            retention_ms: None,
        })
    }

    #[test]
    fn every_condition_has_to_hold() {
        let letter = letter();
        let matches = |conditions: Document| {
            LetterFilter::from_document(&conditions, &scope(None)).expect("valid").matches(&letter)
        };
        let later = DateTime::from_millis(1001);
        let table: [(&str, Bson, Bson); 8] = [
            // condition, holds, does not hold
            ("topic", "t".into(), "u".into()),
            ("partition", 3.into(), 2.into()),
            ("messageId", vec!["1", "42"].into(), "4".into()),
            ("key", "k".into(), "".into()),
            ("errorName", "TypeError".into(), "Error".into()),
            ("since", AT.into(), later.into()),
            ("until", later.into(), AT.into()),
            ("redriving", false.into(), true.into()),
        ];
        let mut all = doc! {};
        for (name, holds, fails) in table {
            assert!(matches(doc! { name: holds.clone() }), "{name}: {holds}");
            assert!(!matches(doc! { name: fails.clone() }), "{name}: {fails}");
            all.insert(name, holds);
        }
        assert!(matches(all.clone()));
        all.insert("key", "other");
        assert!(!matches(all));
        assert!(!LetterScope { group_id: "h".into(), topic: None }.everything().matches(&letter));
    }
}
