//! The states of a dead letter.

use bson::{DateTime, rawdoc};

use crate::dead_letter::{
    DeadLetter, LetterFilter, LetterOrder, LetterQuery, LetterScope, RedriveFailure, RedrivePlan,
    StoredLetter,
};
use crate::reference::enum_docs::{EnumDocs, module_docs};
use crate::reference::state_machine::{Event, Exploration, StateMachine};
use crate::store::contract::{Claim, CommitOutcome, OffsetKey};
use crate::store::memory::dead_letter_table::DeadLetterTable;

const SOURCE: &str = include_str!("../../../dead_letter/stored_letter.rs");
const STATES: [(&str, &str); 4] = [
    (
        "Buried",
        "Stored; no redrive is pending. It expires if the group keeps its letters for a limited time.",
    ),
    ("Marked", "A redrive is asked for and waits for its turn. It does not expire."),
    ("Taken", "An owner of its partition has taken it to deliver it. It does not expire."),
    ("Gone", "Handled after all, purged or expired."),
];
const RETENTION_MS: u64 = 1000;
const BURIED: DateTime = DateTime::from_millis(0);
const EXPIRED: DateTime = DateTime::from_millis(1001);

type LetterEvent = Event<DeadLetterTable>;

fn claim(owner: &str, epoch: i64) -> Claim {
    let key = OffsetKey { group_id: "g".into(), topic: "t".into(), partition: 0 };
    Claim { key, owner: owner.to_owned(), epoch, revision: 1 }
}

fn owner() -> Claim {
    claim("owner", 1)
}

fn every_letter() -> LetterFilter {
    LetterScope { group_id: "g".into(), topic: None }.everything()
}

fn bring_into(state: &str) -> DeadLetterTable {
    let mut table = DeadLetterTable::default();
    table.bury(DeadLetter {
        key: owner().key,
        message: rawdoc! { "_id": 1 },
        token: None,
        attempts: Vec::new(),
        forgotten: 1,
        at: BURIED,
        retention_ms: Some(RETENTION_MS),
    });
    match state {
        "Buried" => {}
        "Marked" => drop(mark(&mut table)),
        "Taken" => {
            mark(&mut table);
            take(&mut table, &owner());
        }
        "Gone" => drop(table.purge(&every_letter())),
        other => panic!("no way into {other}"),
    }
    table
}

fn stored(table: &DeadLetterTable) -> Option<StoredLetter> {
    let query = LetterQuery { filter: every_letter(), order: LetterOrder::Newest, limit: 1, after: None };
    table.list(&query).letters.pop()
}

fn state_of(table: &DeadLetterTable) -> String {
    let state = match stored(table) {
        None => "Gone",
        Some(StoredLetter { redrive: None, .. }) => "Buried",
        Some(StoredLetter { redrive: Some(mark), .. }) if mark.holder.is_none() => "Marked",
        Some(_) => "Taken",
    };
    state.to_owned()
}

fn mark(table: &mut DeadLetterTable) -> String {
    let plan = RedrivePlan { id: "r".into(), rate_per_second: None };
    format!("counts {}", table.request_redrive(&every_letter(), &plan, BURIED))
}

fn take(table: &mut DeadLetterTable, claim: &Claim) -> String {
    let pending = table.next_redrive(&claim.key, BURIED);
    let Some(taken) = pending.and_then(|pending| table.take_redrive(claim, &pending)) else {
        return "nothing to take".to_owned();
    };
    let interruptions = taken.redrive.map_or(0, |mark| mark.interruptions);
    if interruptions == 0 { String::new() } else { "an interruption is counted".to_owned() }
}

/// What the owner that has taken the letter, or thinks so, does to it.
fn settle(
    table: &mut DeadLetterTable,
    write: impl Fn(&mut DeadLetterTable, &Claim, &StoredLetter) -> CommitOutcome,
) -> String {
    let known = stored(&bring_into("Taken")).expect("there is a letter");
    match write(table, &owner(), &known) {
        CommitOutcome::Committed => "stored".to_owned(),
        CommitOutcome::Fenced => "refused".to_owned(),
    }
}

pub(crate) fn machine() -> StateMachine {
    Exploration {
        title: "Dead letter",
        file: "dead_letter/stored_letter.rs",
        introduction: module_docs(SOURCE).split(" Pure:").next().unwrap_or_default().to_owned()
            + "\n\nA letter whose redrive was interrupted three times is not delivered again: its redrive has failed.",
        states: EnumDocs::of("How a letter stands", &STATES),
        bring_into,
        state_of,
        events: vec![
            LetterEvent::new("`redrive()`", mark),
            LetterEvent::new("`cancelRedrive()`", |table| format!("counts {}", table.cancel_redrive(&every_letter()))),
            LetterEvent::new("`purge()`", |table| format!("counts {}", table.purge(&every_letter()))),
            LetterEvent::new("the owner takes it, its turn having come", |table| take(table, &owner())),
            LetterEvent::new("the next owner takes it", |table| take(table, &claim("next owner", 2))),
            LetterEvent::new("the owner's handler has succeeded", |table| {
                settle(table, DeadLetterTable::finish_redrive)
            }),
            LetterEvent::new("the owner's handler has failed, attempts used up", |table| {
                let failure =
                    RedriveFailure { attempts: Vec::new(), at: BURIED, retention_ms: Some(RETENTION_MS) };
                settle(table, |table, claim, letter| table.fail_redrive(claim, letter, &failure))
            }),
            LetterEvent::new("the owner gives it back, undelivered", |table| {
                settle(table, DeadLetterTable::return_redrive)
            }),
            LetterEvent::new("its retention is over", |table| {
                table.expire(EXPIRED);
                String::new()
            }),
        ],
    }
    .run()
}
