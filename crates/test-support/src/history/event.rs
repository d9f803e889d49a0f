//! One line of a history.

use serde::{Deserialize, Serialize};

/// Something that a process did or saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Who it is about: a process, or the observer of the database.
    pub member: String,
    /// Number of the line among those that its writer wrote, from 1 without gaps; absent if the writer does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// What happened.
    #[serde(flatten)]
    pub happening: Happening,
}

/// What can happen. A value names a message: no two messages of a history have the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Happening {
    /// The process is there.
    MemberStarted,
    /// It was killed; everything that it wrote stands before this.
    MemberKilled,
    /// It was stopped, with everything that runs in it.
    MemberFrozen,
    /// It runs again.
    MemberThawed,
    /// Nothing that it sends reaches the servers any more. It runs on, and has to notice by itself.
    MemberCutOff,
    /// It reaches the servers again.
    MemberReached,
    /// It has closed everything and ends by itself.
    MemberEnded,
    /// A message is about to be sent. Sends of one process that name the same key are queued in this order.
    SendBegun {
        /// The message.
        value: String,
        /// Its key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// Its partition, if the sender chose it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partition: Option<u32>,
    },
    /// The send succeeded.
    SendAcknowledged {
        /// The message.
        value: String,
    },
    /// The send failed and the message is certainly not stored.
    SendNotWritten {
        /// The message.
        value: String,
        /// Code of the error.
        code: String,
    },
    /// The send failed and the message may be stored.
    SendUnknown {
        /// The message.
        value: String,
        /// Code of the error.
        code: String,
    },
    /// A consumer listens: what is sent from now on reaches its group.
    Subscribed,
    /// It was told to pause and does.
    Paused,
    /// It was told to resume and is about to: what it handles after this is no longer handled while paused.
    Resumed,
    /// Somebody owns a partition now.
    AssignmentGained {
        /// Which.
        partition: u32,
        /// Under this epoch, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<i64>,
        /// As the offset document names it, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
    },
    /// And no longer.
    AssignmentLost {
        /// Which.
        partition: u32,
    },
    /// The handler begins to work.
    DeliveryBegun {
        /// Partition of the message.
        partition: u32,
        /// The message.
        value: String,
        /// Its key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// Attempt, from 1.
        attempt: u32,
        /// Its place in the stream; absent if it was read from the stored history.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
        /// The record says that it may have been handled before.
        #[serde(default)]
        possible_duplicate: bool,
    },
    /// The handler has succeeded.
    DeliveryFinished {
        /// Partition of the message.
        partition: u32,
        /// The message.
        value: String,
    },
    /// The handler has failed.
    DeliveryFailed {
        /// Partition of the message.
        partition: u32,
        /// The message.
        value: String,
    },
    /// The message was given up and stored in the dead letters. May be told by the member and by an observer.
    DeadLettered {
        /// Partition of the message.
        partition: u32,
        /// The message.
        value: String,
    },
    /// The group was told to pass over the message.
    Skipped {
        /// Partition of the message.
        partition: u32,
        /// The message.
        value: String,
    },
    /// An offset is stored.
    Committed {
        /// Partition.
        partition: u32,
        /// Epoch of the owner, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<i64>,
        /// Everything up to here is finished; absent while the stored history is being read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
        /// How far the stored history is read: seconds and ordinal of `_ts`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        history: Option<(u32, u32)>,
    },
    /// Anything else, for people.
    Noted {
        /// What.
        text: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_flat_and_short() {
        let begun = Event {
            member: "c1".into(),
            sequence: Some(7),
            happening: Happening::DeliveryBegun {
                partition: 2,
                value: "v".into(),
                key: None,
                attempt: 1,
                token: Some("82".into()),
                possible_duplicate: false,
            },
        };
        let line = serde_json::to_string(&begun).unwrap();
        assert_eq!(
            line,
            r#"{"member":"c1","sequence":7,"kind":"deliveryBegun","partition":2,"value":"v","attempt":1,"token":"82","possibleDuplicate":false}"#
        );
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), begun);
    }

    #[test]
    fn what_is_unknown_may_be_left_out() {
        let line = r#"{"member":"js","kind":"committed","partition":0}"#;
        let event: Event = serde_json::from_str(line).unwrap();
        let happening = Happening::Committed { partition: 0, epoch: None, token: None, history: None };
        assert_eq!(event, Event { member: "js".into(), sequence: None, happening });
        assert!(serde_json::from_str::<Event>(r#"{"member":"js","kind":"committedd"}"#).is_err());
    }
}
