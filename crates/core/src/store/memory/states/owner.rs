//! The states of the ownership of a partition.

use bson::{DateTime, doc};

use crate::consumer::position::Position;
use crate::feed::stream_token::{ClusterTime, StreamToken};
use crate::reference::enum_docs::EnumDocs;
use crate::reference::state_machine::{Event, Exploration, StateMachine};
use crate::store::contract::{Claim, CommitOutcome, OffsetKey, OffsetRecord};
use crate::store::memory::offset_table::OffsetTable;

const INTRODUCTION: &str = "Who may store the offset of a group in a partition. The rule stands in the filter of every \
    write: it has to name the owner and the epoch that are stored, and a write later than the last one. See \
    [ADR 0005](adr/0005-the-offset-document-is-the-fence.md).\n\nThe states are those of a document of \
    `consumer_offsets` as a member A sees it that has claimed the partition once, with the claim that it got then. B is \
    another member of the group.";
const STATES: [(&str, &str); 4] = [
    ("NoDocument", "Nobody has begun, or somebody has deleted it."),
    ("Free", "Released in good order, or its offset was set from outside."),
    ("OwnedByA", "A's claim holds."),
    ("OwnedByB", "B has claimed the partition since, under a newer epoch."),
];
const BORN: ClusterTime = ClusterTime { seconds: 1, increment: 1 };

type OwnerEvent = Event<Partition>;

struct Partition {
    table: OffsetTable,
    a: Claim,
}

fn key() -> OffsetKey {
    OffsetKey { group_id: "g".into(), topic: "t".into(), partition: 0 }
}

fn now() -> DateTime {
    DateTime::from_millis(1)
}

fn position() -> Position {
    Position::behind(StreamToken::after(BORN))
}

fn epoch(table: &OffsetTable) -> Option<i64> {
    table.load(&key()).expect("readable").map(|offset| offset.epoch)
}

fn claim(table: &mut OffsetTable, owner: &str) -> Claim {
    let epoch = epoch(table);
    let claimed = table.claim_after(&key(), (owner, epoch), BORN, now()).expect("readable");
    claimed.as_ref().and_then(Claim::of).expect("nobody else claims")
}

fn bring_into(state: &str) -> Partition {
    let mut table = OffsetTable::default();
    let a = claim(&mut table, "A");
    match state {
        "NoDocument" => table.delete(&key()),
        "Free" => drop(answer(table.release(&a, 0))),
        "OwnedByA" => {}
        "OwnedByB" => drop(claim(&mut table, "B")),
        other => panic!("no way into {other}"),
    }
    Partition { table, a }
}

fn state_of(partition: &Partition) -> String {
    let stored = partition.table.load(&key()).expect("readable");
    let state =
        stored.map(|offset| offset.owner.map_or("Free".to_owned(), |owner| format!("OwnedBy{owner}")));
    state.unwrap_or_else(|| "NoDocument".to_owned())
}

fn answer(outcome: CommitOutcome) -> String {
    match outcome {
        CommitOutcome::Committed => "stored".to_owned(),
        CommitOutcome::Fenced => "refused".to_owned(),
    }
}

pub(crate) fn machine() -> StateMachine {
    Exploration {
        title: "Ownership of a partition",
        file: "store/offset_document.rs",
        introduction: INTRODUCTION.to_owned(),
        states: EnumDocs::of("Who owns the partition", &STATES),
        bring_into,
        state_of,
        events: vec![
            OwnerEvent::new("A commits", |partition| {
                answer(partition.table.commit(&partition.a, &position().into(), now()))
            }),
            OwnerEvent::new("A notes attempts", |partition| {
                answer(partition.table.record_attempts(&partition.a, &[]))
            }),
            OwnerEvent::new("A releases it", |partition| answer(partition.table.release(&partition.a, 0))),
            OwnerEvent::new("A makes the deleted document again", |partition| {
                answer(partition.table.restore(&partition.a, &position().into(), BORN, now()))
            }),
            OwnerEvent::new("B claims it", |partition| {
                claim(&mut partition.table, "B");
                String::new()
            }),
            OwnerEvent::new("B claims it after somebody else has since B looked", |partition| {
                let looked = Some(epoch(&partition.table).unwrap_or_default() - 1);
                let claimed = partition.table.claim_after(&key(), ("B", looked), BORN, now());
                if claimed.expect("readable").is_some() { "" } else { "refused" }.to_owned()
            }),
            OwnerEvent::new("`resetOffsets` sets it", |partition| {
                let epoch = epoch(&partition.table);
                partition
                    .table
                    .reset(&key(), epoch, &position(), (ClusterTime::default(), now()))
                    .expect("readable");
                String::new()
            }),
            OwnerEvent::new("`OffsetStorage.commitOffset` stores an offset, as 1.4.2 does", |partition| {
                let offset = doc! { "_data": StreamToken::after(BORN).as_str() }.into();
                partition.table.write_record(&OffsetRecord { key: key(), offset, timestamp: now() }, now());
                "stored".to_owned()
            }),
            OwnerEvent::new("the document is deleted", |partition| {
                partition.table.delete(&key());
                String::new()
            }),
        ],
    }
    .run()
}
