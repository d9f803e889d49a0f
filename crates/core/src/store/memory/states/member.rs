//! The states of a member of a group.

use crate::group::group_record::{MemberRecord, MemberState, StoredMember};
use crate::group::{ClaimDecision, decide_claim};
use crate::reference::enum_docs::{EnumDocs, module_docs, variant_name};
use crate::reference::state_machine::{Event, Exploration, StateMachine};
use crate::store::memory::group_table::GroupTable;

const SOURCE: &str = include_str!("../../../group/group_record.rs");
const NOT_STORED: &str = "NotStored";
const SESSION_MS: i64 = 15_000;
const HANDOVER_MS: u64 = 30_000;

type MemberEvent = Event<GroupTable>;

fn member(state: MemberState) -> MemberRecord {
    MemberRecord {
        id: "m".into(),
        group_id: "g".into(),
        topic: "t".into(),
        instance_id: None,
        process: "p".into(),
        partitions: None,
        declined: vec![],
        is_manual: false,
        session_timeout_ms: SESSION_MS.unsigned_abs(),
        handover_timeout_ms: HANDOVER_MS,
        state,
        replaced_by: None,
        transaction_sessions: vec![],
    }
}

fn bring_into(state: &str) -> GroupTable {
    let mut table = GroupTable::default();
    if state != NOT_STORED {
        table.join(&member(MemberState::Active), 0);
    }
    match state {
        NOT_STORED | "Active" => {}
        "Leaving" => drop(table.change(&member(MemberState::Leaving))),
        "Fenced" => drop(table.fence("m", None)),
        other => panic!("no way into {other}"),
    }
    table
}

fn stored(table: &GroupTable) -> Option<StoredMember> {
    table.load_members("g", 0).pop()
}

fn state_of(table: &GroupTable) -> String {
    stored(table).map_or_else(|| NOT_STORED.to_owned(), |member| variant_name(&member.record.state))
}

fn done(is_done: bool) -> String {
    if is_done { "" } else { "refused" }.to_owned()
}

/// What another member decides that is assigned a partition which the offset document still says to be this one's.
fn claim(table: &GroupTable, assigned_ms_ago: u64) -> String {
    let members: Vec<_> = stored(table).into_iter().collect();
    match decide_claim(Some("m"), &members, assigned_ms_ago) {
        ClaimDecision::Claim => "claims",
        ClaimDecision::TakeOver { .. } => "takes over",
        ClaimDecision::Wait => "waits",
    }
    .to_owned()
}

pub(crate) fn machine() -> StateMachine {
    let mut states = EnumDocs::read(SOURCE, "MemberState");
    states
        .variants
        .insert(0, (NOT_STORED.to_owned(), "No document: it has not joined, or it has left.".to_owned()));
    Exploration {
        title: "Member of a group",
        file: "group/group_record.rs",
        introduction: module_docs(SOURCE) + " Here: `state` in `consumer_members`.",
        states,
        bring_into,
        state_of,
        events: vec![
            MemberEvent::new("it joins, or tries again because no answer came", |table| {
                done(table.join(&member(MemberState::Active), 0))
            })
            .only_in(&[NOT_STORED, "Active", "Fenced"]),
            MemberEvent::new("its heartbeat", |table| done(table.beat(&["m".to_owned()], 0).is_empty())),
            MemberEvent::new("it begins to leave", |table| done(table.change(&member(MemberState::Leaving)))),
            MemberEvent::new("it has left, or the leader clears it away", |table| {
                table.leave("m");
                String::new()
            }),
            MemberEvent::new("the leader finds it silent for `sessionTimeoutMs`", |table| {
                done(table.expire("m", SESSION_MS))
            }),
            MemberEvent::new("the leader finds it silent for longer", |table| {
                done(table.expire("m", SESSION_MS + 1))
            }),
            MemberEvent::new("its process is gone, or another has its `instanceId`", |table| {
                done(table.fence("m", Some("n")))
            }),
            MemberEvent::new("another member was just assigned a partition of it", |table| claim(table, 0)),
            MemberEvent::new("the same, longer ago than its `handoverTimeoutMs` and 10 seconds", |table| {
                claim(table, HANDOVER_MS + 10_001)
            }),
        ],
    }
    .run()
}
