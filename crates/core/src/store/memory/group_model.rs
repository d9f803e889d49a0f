//! The group protocol, checked in every state that a few members can come to.
//!
//! The tables and what they refuse are those of the embedded store; the assignment and the decision to claim are the
//! product's. Modelled is only in which order the calls of several members reach the store: each coordinator, each
//! partition and the heartbeat is a machine whose steps are single calls, with what it has read before in its hands,
//! however old that is by now. Between any two steps others act, time goes by, members crash, are not heard of for longer
//! than their session and go on, leave, and calls are given up that take effect later or never.
//!
//! In every state: a partition has one holder under its epoch, only that one's commits are accepted, nothing goes back,
//! nobody claims from the living, and no message goes to two members of which the first was not fenced. And from every
//! state, left alone, the group comes to read everything, each partition by one member.
//!
//! Left out, on the safe side: the leader may always expire who is overdue, and never waits with an assignment. Offsets of
//! several partitions are loaded at one moment.

use crate::consumer::position::Position;
use crate::feed::stream_token::{ClusterTime, StreamToken};
use crate::store::contract::OffsetKey;

use recovery::Patience;
use scope::{Flaw, Harm, Scope, Start};
use search::explore;

mod call;
mod fingerprint;
mod held_partition;
mod recovery;
mod roll;
mod round;
mod scope;
mod search;
mod subscription;
mod tables;
mod witness;
mod world;

const GROUP: &str = "g";
const TOPIC: &str = "t";
/// Who has had so long to give a partition back is passed over.
const HANDOVER_RAN_OUT_MS: u64 = 40_001;
/// So many messages and interruptions more than a normal run has time for.
const MORE: &str = "CSB_GROUP_MODEL_MORE";

fn offset_key(partition: u32) -> OffsetKey {
    OffsetKey { group_id: GROUP.into(), topic: TOPIC.into(), partition }
}

/// Behind so many messages.
fn position(place: u8) -> Position {
    let time = ClusterTime { seconds: 1 + u32::from(place), increment: 1 };
    Position::behind(StreamToken::after(time))
}

fn place(position: &Position) -> u8 {
    let seconds = position.stream_token().unwrap().cluster_time().seconds;
    u8::try_from(seconds - 1).unwrap()
}

const SMALL: Scope = Scope {
    name: "two members of one partition",
    members: 2,
    partitions: 1,
    messages: 1,
    start: Start::Nothing,
    harm: CALM,
    interruptions: None,
    flaw: None,
};
const CALM: Harm = Harm { crashes: 0, pauses: 0, closes: 0, unanswered: 0, handovers: 0 };

fn holds(scope: Scope) -> Patience {
    let more: u8 = std::env::var(MORE).ok().and_then(|more| more.parse().ok()).unwrap_or_default();
    let messages = scope.messages + more;
    let interruptions = scope.interruptions.map(|few| few + more);
    let findings = explore(Scope { messages, interruptions, ..scope }).unwrap();
    #[expect(clippy::print_stdout, reason = "how much was searched")]
    {
        println!("{}: {findings}", scope.name);
    }
    findings.patience
}

#[test]
fn nothing_happens() {
    assert_eq!(holds(SMALL), Patience::Rounds);
}

#[test]
fn a_crash_and_a_pause() {
    let harm = Harm { crashes: 1, pauses: 1, ..CALM };
    let needed = holds(Scope { name: "a crash and a pause", harm, ..SMALL });
    assert_eq!(needed, Patience::Session);
}

#[test]
fn a_leave_and_a_call_without_answer() {
    let harm = Harm { closes: 1, unanswered: 1, ..CALM };
    let name = "a leave and a call without answer";
    let needed = holds(Scope { name, harm, ..SMALL });
    assert_eq!(needed, Patience::Session);
}

#[test]
fn a_pause_and_a_call_without_answer() {
    let harm = Harm { pauses: 1, unanswered: 1, ..CALM };
    let name = "a pause and a call without answer";
    let needed = holds(Scope { name, harm, start: Start::Settled, ..SMALL });
    assert_eq!(needed, Patience::Rounds);
}

#[test]
fn a_handover_that_takes_too_long() {
    let harm = Harm { handovers: 1, pauses: 1, ..CALM };
    let name = "a handover that takes too long and a pause";
    holds(Scope { name, harm, ..SMALL });
}

const TWO_PARTITIONS: Scope = Scope { partitions: 2, start: Start::Settled, interruptions: Some(1), ..SMALL };

#[test]
fn two_partitions_that_nobody_has_read() {
    let scope = Scope { name: "two partitions", start: Start::Nothing, ..TWO_PARTITIONS };
    assert_eq!(holds(scope), Patience::Rounds);
}

#[test]
fn two_partitions_a_crash_and_a_pause() {
    let harm = Harm { crashes: 1, pauses: 1, ..CALM };
    let name = "two partitions, a crash and a pause";
    let needed = holds(Scope { name, harm, interruptions: Some(0), ..TWO_PARTITIONS });
    assert_eq!(needed, Patience::Session);
}

/// The member may own what it does not know of, and is waited for as if it gave it back.
#[test]
fn two_partitions_and_a_call_without_answer() {
    let harm = Harm { unanswered: 1, ..CALM };
    let scope = Scope { name: "two partitions, a call without answer", harm, ..TWO_PARTITIONS };
    assert_eq!(holds(Scope { start: Start::Offsets, ..scope }), Patience::Handover);
}

#[test]
fn three_members_and_a_crash() {
    let harm = Harm { crashes: 1, ..CALM };
    let name = "three members of one partition, a crash";
    let scope = Scope { name, members: 3, start: Start::Offsets, harm, ..SMALL };
    assert_eq!(holds(Scope { interruptions: Some(1), ..scope }), Patience::Session);
}

#[test]
fn mistakes_are_found() {
    let (crash, pause) = (Harm { crashes: 1, ..CALM }, Harm { pauses: 1, ..CALM });
    let close = Harm { closes: 1, ..CALM };
    let late = Harm { handovers: 1, ..pause };
    let expected = [
        (Flaw::ClaimsFromTheLiving, pause, "which lives"),
        (Flaw::ClaimsUnderAnyEpoch, pause, "which lives"),
        (Flaw::CommitsUnderAnyEpoch, pause, "under an old claim"),
        (Flaw::LoadsMembersFirst, pause, "which lives"),
        (Flaw::DeliversWithoutLease, pause, "does not own"),
        (Flaw::ExpiresNobody, crash, "does not come to read everything"),
        (Flaw::ReleasesWhileHandling, close, "had it"),
        (Flaw::TrustsAnOldLook, late, "does not come to read everything"),
    ];
    for (flaw, harm, what) in expected {
        let found = explore(Scope { harm, flaw: Some(flaw), ..SMALL });
        let violation = found.err().unwrap_or_else(|| panic!("{flaw:?} was not found"));
        assert!(violation.what.contains(what), "{flaw:?}: {violation:?}");
    }
}
