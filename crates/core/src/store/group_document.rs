//! The documents of `consumer_members` and `consumer_groups`. Pure.

use bson::{Array, Binary, Bson, Document, doc};

use crate::error::{Error, Result};
use crate::group::assignment::MemberPartitions;
use crate::group::group_record::{GroupRecord, MemberRecord, MemberState, StoredMember};

const STATES: [(&str, MemberState); 3] =
    [("active", MemberState::Active), ("leaving", MemberState::Leaving), ("fenced", MemberState::Fenced)];

/// The word for a state.
pub fn state_word(state: MemberState) -> &'static str {
    STATES.iter().find(|(_, known)| *known == state).map_or("fenced", |(word, _)| *word)
}

/// The names of [`member_fields`].
pub const MEMBER_FIELDS: [&str; 12] = [
    "groupId",
    "topic",
    "instanceId",
    "process",
    "partitions",
    "declined",
    "assignment",
    "sessionTimeoutMs",
    "handoverTimeoutMs",
    "state",
    "replacedBy",
    "transactionSessions",
];

/// A member's fields besides `_id` and its dates.
pub fn member_fields(member: &MemberRecord) -> Document {
    let numbers =
        |numbers: &[u32]| -> Array { numbers.iter().map(|number| i64::from(*number).into()).collect() };
    doc! {
        "groupId": &member.group_id,
        "topic": &member.topic,
        "instanceId": member.instance_id.as_deref(),
        "process": &member.process,
        "partitions": member.partitions.as_deref().map(numbers),
        "declined": numbers(&member.declined),
        "assignment": if member.is_manual { "manual" } else { "auto" },
        "sessionTimeoutMs": milliseconds(member.session_timeout_ms),
        "handoverTimeoutMs": milliseconds(member.handover_timeout_ms),
        "state": state_word(member.state),
        "replacedBy": member.replaced_by.as_deref(),
        "transactionSessions":
            member.transaction_sessions.iter().map(|id| Bson::Binary(id.clone())).collect::<Array>(),
    }
}

/// Reads a member; `silentMs` is what the server has added.
pub fn decode_member(document: &Document) -> Result<StoredMember> {
    read_member(document).ok_or_else(|| damaged("consumer_members", document))
}

fn read_member(document: &Document) -> Option<StoredMember> {
    let text = |field| document.get_str(field).ok().map(str::to_owned);
    let state = document.get_str("state").ok()?;
    let record = MemberRecord {
        id: text("_id")?,
        group_id: text("groupId")?,
        topic: text("topic")?,
        instance_id: text("instanceId"),
        process: text("process")?,
        partitions: match document.get("partitions") {
            None | Some(Bson::Null) => None,
            Some(partitions) => Some(numbers(partitions)?),
        },
        declined: numbers(document.get("declined")?)?,
        is_manual: document.get_str("assignment").ok()? == "manual",
        session_timeout_ms: whole(document.get("sessionTimeoutMs")?)?,
        handover_timeout_ms: whole(document.get("handoverTimeoutMs")?)?,
        state: STATES.iter().find(|(word, _)| *word == state).map(|(_, state)| *state)?,
        replaced_by: text("replacedBy"),
        transaction_sessions: sessions(document),
    };
    Some(StoredMember { record, silent_ms: whole(document.get("silentMs")?)? })
}

/// What is not readable cannot be ended; the member is.
fn sessions(document: &Document) -> Vec<Binary> {
    let stored = document.get_array("transactionSessions").into_iter().flatten();
    let ids = stored.filter_map(|id| match id {
        Bson::Binary(id) => Some(id.clone()),
        _ => None,
    });
    ids.collect()
}

/// An assignment as it is stored. Members without partitions are in it: it says that they were thought of.
pub fn assignment_array(assignment: &[MemberPartitions]) -> Array {
    let entries = assignment.iter().map(|entry| {
        let partitions: Array = entry.partitions.iter().map(|number| i64::from(*number).into()).collect();
        Bson::Document(doc! {
            "member": &entry.member,
            "instanceId": entry.instance_id.as_deref(),
            "topic": &entry.topic,
            "partitions": partitions,
        })
    });
    entries.collect()
}

/// Reads a group; `assignedMsAgo` is what the server has added.
pub fn decode_group(document: &Document) -> Result<GroupRecord> {
    read_group(document).ok_or_else(|| damaged("consumer_groups", document))
}

fn read_group(document: &Document) -> Option<GroupRecord> {
    let assignment = match document.get("assignment") {
        None => Vec::new(),
        Some(assignment) => assignment.as_array()?.iter().map(read_entry).collect::<Option<_>>()?,
    };
    let number = |field| document.get(field).and_then(integer).unwrap_or_default();
    Some(GroupRecord {
        leader: document.get_str("leader").ok().map(str::to_owned),
        leader_epoch: number("leaderEpoch"),
        generation: number("generation"),
        assignment,
        assigned_ms_ago: document.get("assignedMsAgo").and_then(whole).unwrap_or_default(),
    })
}

fn read_entry(entry: &Bson) -> Option<MemberPartitions> {
    let entry = entry.as_document()?;
    Some(MemberPartitions {
        member: entry.get_str("member").ok()?.to_owned(),
        instance_id: entry.get_str("instanceId").ok().map(str::to_owned),
        topic: entry.get_str("topic").ok()?.to_owned(),
        partitions: numbers(entry.get("partitions")?)?,
    })
}

fn numbers(value: &Bson) -> Option<Vec<u32>> {
    value.as_array()?.iter().map(|number| u32::try_from(integer(number)?).ok()).collect()
}

/// A difference of the server's dates may be less than nothing after a failover.
fn whole(value: &Bson) -> Option<u64> {
    integer(value).map(|number| u64::try_from(number).unwrap_or_default())
}

fn integer(value: &Bson) -> Option<i64> {
    match value {
        Bson::Int32(number) => Some(i64::from(*number)),
        Bson::Int64(number) => Some(*number),
        _ => None,
    }
}

fn milliseconds(milliseconds: u64) -> i64 {
    i64::try_from(milliseconds).unwrap_or(i64::MAX)
}

fn damaged(collection: &str, document: &Document) -> Error {
    let id = document.get_str("_id").unwrap_or("unknown");
    Error::internal(format!(
        "the document {id} of `{collection}` cannot be read; delete it, members make it again"
    ))
}

#[cfg(test)]
mod tests {
    use bson::spec::BinarySubtype;

    use super::*;

    fn member() -> MemberRecord {
        MemberRecord {
            id: "m".into(),
            group_id: "g".into(),
            topic: "t".into(),
            instance_id: Some("pod-0".into()),
            process: "p".into(),
            partitions: Some(vec![0, 2]),
            declined: vec![2],
            is_manual: true,
            session_timeout_ms: 15_000,
            handover_timeout_ms: 30_000,
            state: MemberState::Leaving,
            replaced_by: Some("n".into()),
            transaction_sessions: vec![Binary { subtype: BinarySubtype::Uuid, bytes: vec![7; 16] }],
        }
    }

    #[test]
    fn members_come_back_as_they_were() {
        let plain = MemberRecord {
            instance_id: None,
            partitions: None,
            is_manual: false,
            state: MemberState::Active,
            replaced_by: None,
            transaction_sessions: Vec::new(),
            ..member()
        };
        for record in [member(), plain, MemberRecord { state: MemberState::Fenced, ..member() }] {
            let mut document = member_fields(&record);
            assert!(document.keys().eq(MEMBER_FIELDS));
            document.extend(doc! { "_id": &record.id, "silentMs": 5_i64 });
            assert_eq!(decode_member(&document).unwrap(), StoredMember { record, silent_ms: 5 });
        }
    }

    #[test]
    fn groups_come_back_as_they_were() {
        let entry = |member: &str, partitions: Vec<u32>| MemberPartitions {
            member: member.into(),
            instance_id: (member == "a").then(|| "pod-0".into()),
            topic: "t".into(),
            partitions,
        };
        let assignment = vec![entry("a", vec![0, 1023]), entry("b", vec![])];
        let document = doc! {
            "_id": "g", "leader": "a", "leaderEpoch": 3_i64, "generation": 9_i64,
            "assignment": assignment_array(&assignment), "assignedMsAgo": -4_i64,
        };
        let expected = GroupRecord {
            leader: Some("a".into()),
            leader_epoch: 3,
            generation: 9,
            assignment,
            assigned_ms_ago: 0,
        };
        assert_eq!(decode_group(&document).unwrap(), expected);
        assert_eq!(decode_group(&doc! { "_id": "g", "changes": 1_i64 }).unwrap(), GroupRecord::default());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = decode_member(&doc! { "_id": "m", "state": "asleep" }).unwrap_err();
        assert!(error.message().contains("document m of `consumer_members`"), "{error}");
        let error = decode_group(&doc! { "_id": "g", "assignment": [1] }).unwrap_err();
        assert!(error.message().contains("document g of `consumer_groups`"), "{error}");
    }
}
