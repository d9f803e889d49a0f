//! What took effect in a store.

use bson::RawDocumentBuf;
use csb_core::consumer::checkpoint::{Checkpoint, MessageAttempts};
use csb_core::dead_letter::DeadLetter;
use csb_core::group::assignment::MemberPartitions;
use csb_core::group::group_record::MemberRecord;
use csb_core::store::contract::{AppendFailure, Claim, CommitOutcome, StoredOffset};

/// What a call did, or was refused by the store's own rules. Calls that failed are not told.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are what the verbs take and give")]
pub enum StoreEffect<'a> {
    /// All but the failures are stored.
    Appended {
        collection: &'a str,
        messages: &'a [RawDocumentBuf],
        failures: &'a [AppendFailure],
    },
    /// The partition has a new owner.
    Claimed {
        offset: &'a StoredOffset,
    },
    Committed {
        claim: &'a Claim,
        checkpoint: &'a Checkpoint,
        outcome: CommitOutcome,
    },
    /// After somebody had deleted the document.
    Restored {
        claim: &'a Claim,
        checkpoint: &'a Checkpoint,
        outcome: CommitOutcome,
    },
    AttemptsStored {
        claim: &'a Claim,
        attempts: &'a [MessageAttempts],
        outcome: CommitOutcome,
    },
    Released {
        claim: &'a Claim,
        outcome: CommitOutcome,
    },
    Buried {
        claim: &'a Claim,
        checkpoint: &'a Checkpoint,
        dead_letter: &'a DeadLetter,
        outcome: CommitOutcome,
    },
    /// The member is alive.
    Joined {
        member: &'a MemberRecord,
    },
    /// All but those that are gone.
    Beat {
        members: &'a [String],
        gone: &'a [String],
    },
    Left {
        member: &'a str,
    },
    /// The member can do nothing any more.
    Fenced {
        member: &'a str,
        replaced_by: Option<&'a str>,
    },
    Led {
        group_id: &'a str,
        member: &'a str,
    },
    Assigned {
        group_id: &'a str,
        generation: i64,
        assignment: &'a [MemberPartitions],
    },
}
