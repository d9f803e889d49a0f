//! What to set which offsets to. Pure.

use bson::{Bson, Document};

use crate::config::GivenPlace;
use crate::config::config_fields::ConfigFields;
use crate::config::consumer_config::GROUP_ID;
use crate::config::topic_config::{PARTITIONS, TOPIC_NAME};
use crate::consumer::position::Position;
use crate::error::Result;
use crate::feed::stream_token::{ClusterTime, StreamToken};

const FIELDS: [&str; 6] = ["groupId", "topic", "partitions", "to", "dryRun", "force"];
const TO: &str = "give 'earliest', 'latest', a Date, or the offset of a record";

/// Where a group is to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResetTarget {
    /// With the oldest message that is stored.
    Earliest,
    /// With what is sent from now on.
    Latest,
    /// With the first message that was stored at this time or later, or behind this record.
    At(GivenPlace),
}

/// A request to set offsets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetRequest {
    /// Consumer group.
    pub group_id: String,
    /// Topic.
    pub topic: String,
    /// Partitions; `None`: all of the topic.
    pub partitions: Option<Vec<u32>>,
    /// Where to.
    pub to: ResetTarget,
    /// Only tells what would change.
    pub dry_run: bool,
    /// Also while members of the group run: what they are handling is theirs no longer.
    pub force: bool,
}

impl ResetRequest {
    /// Checks and reads it.
    pub fn from_document(document: &Document) -> Result<Self> {
        let mut fields = ConfigFields::new(document);
        fields.refuse_others(&FIELDS);
        let to = fields.required("to", TO, target);
        let request = Self {
            group_id: fields.required_text("groupId", &GROUP_ID),
            topic: fields.required_text("topic", &TOPIC_NAME),
            partitions: fields.integer_list("partitions", 0..=*PARTITIONS.end() - 1),
            to: to.unwrap_or(ResetTarget::Latest),
            dry_run: fields.boolean("dryRun", false),
            force: fields.boolean("force", false),
        };
        fields.finish("The reset of offsets", request)
    }
}

fn target(given: &Bson) -> Option<ResetTarget> {
    match given {
        Bson::String(name) if name == "earliest" => Some(ResetTarget::Earliest),
        Bson::String(name) if name == "latest" => Some(ResetTarget::Latest),
        place => GivenPlace::read(place).map(ResetTarget::At),
    }
}

impl ResetTarget {
    /// The position from which a group goes on.
    pub(super) fn position(&self, now: ClusterTime) -> Position {
        match self {
            Self::Earliest => Position::beginning(now),
            Self::Latest => Position::behind(StreamToken::after(now)),
            // Where the oplog does not reach back so far, what is stored is read instead.
            Self::At(GivenPlace::Time(seconds)) => {
                let before = ClusterTime { seconds: seconds.saturating_sub(1), increment: u32::MAX };
                Position::behind(StreamToken::after(before.min(now)))
            }
            Self::At(GivenPlace::Offset(token)) => Position::behind(token.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use bson::{DateTime, doc};

    use super::*;

    fn read(more: Document) -> Result<ResetRequest> {
        let mut document = doc! { "groupId": "g", "topic": "t" };
        document.extend(more);
        ResetRequest::from_document(&document)
    }

    #[test]
    fn reads_every_target() {
        let token = StreamToken::after(ClusterTime { seconds: 7, increment: 1 });
        let cases = [
            (Bson::from("earliest"), ResetTarget::Earliest),
            ("latest".into(), ResetTarget::Latest),
            (DateTime::from_millis(5999).into(), ResetTarget::At(GivenPlace::Time(5))),
            (doc! { "_data": token.as_str() }.into(), ResetTarget::At(GivenPlace::Offset(token))),
        ];
        for (given, expected) in cases {
            let request = read(doc! { "to": given, "partitions": [1, 0] }).unwrap();
            assert_eq!((request.to, request.partitions), (expected, Some(vec![1, 0])));
            assert!(!request.dry_run && !request.force);
        }
    }

    #[test]
    fn refuses_what_is_no_target() {
        for bad in [doc! {}, doc! { "to": "yesterday" }, doc! { "to": 5 }, doc! { "to": { "_data": "x" } }] {
            let error = read(bad).unwrap_err();
            assert!(error.message().contains("to is "), "{error}");
        }
        assert!(
            read(doc! { "to": "latest", "dryrun": true })
                .unwrap_err()
                .message()
                .contains("dryrun is unknown")
        );
    }

    #[test]
    fn a_time_in_the_future_is_now() {
        let now = ClusterTime { seconds: 100, increment: 3 };
        let at = |seconds| ResetTarget::At(GivenPlace::Time(seconds)).position(now);
        assert_eq!(at(500), Position::behind(StreamToken::after(now)));
        let before = ClusterTime { seconds: 49, increment: u32::MAX };
        assert_eq!(at(50), Position::behind(StreamToken::after(before)));
    }
}
