//! Writes down what takes effect in the store, when it does.

use bson::RawDocument;
use csb_core::consumer::checkpoint::MessageAttempts;
use csb_core::error::Result;
use csb_core::record::record_layout;
use csb_core::store::contract::{Claim, CommitOutcome, StoredOffset};

use super::event::{ClaimName, ClaimedPartition, Event, EventLog};
use super::plan::group_index;
use crate::watched_store::{StoreEffect, StoreWatcher};

/// Stands right before the real store, behind all faults.
pub(super) struct EffectRecorder(pub(super) EventLog);

impl StoreWatcher for EffectRecorder {
    fn after(&self, effect: StoreEffect<'_>) -> Result<()> {
        if let Some(event) = event_of(&effect) {
            self.0.record(event);
        }
        Ok(())
    }
}

fn event_of(effect: &StoreEffect<'_>) -> Option<Event> {
    Some(match effect {
        StoreEffect::Appended { collection, messages, failures } => {
            let is_stored = |index: &usize| failures.iter().all(|failure| failure.index != *index);
            let stored = (0..messages.len()).filter(is_stored);
            let numbers = stored.filter_map(|index| number_of(&messages[index])).collect();
            Event::Appended { collection: (*collection).to_owned(), numbers }
        }
        StoreEffect::Claimed { offset } => Event::Claimed(claimed(offset)?),
        StoreEffect::Committed { claim, checkpoint, outcome } => Event::Committed {
            claim: name_of(claim),
            checkpoint: (*checkpoint).clone(),
            is_accepted: is_accepted(*outcome),
        },
        StoreEffect::Restored { claim, checkpoint, outcome } => {
            // The refusal before it was recorded.
            is_accepted(*outcome).then(|| Event::Committed {
                claim: name_of(claim),
                checkpoint: (*checkpoint).clone(),
                is_accepted: true,
            })?
        }
        StoreEffect::AttemptsStored { claim, attempts, outcome } => Event::AttemptsStored {
            claim: name_of(claim),
            attempts: short(attempts),
            is_accepted: is_accepted(*outcome),
        },
        StoreEffect::Released { claim, outcome } => {
            Event::Released { claim: name_of(claim), is_accepted: is_accepted(*outcome) }
        }
        StoreEffect::Buried { claim, checkpoint, dead_letter, outcome } => Event::Buried {
            claim: name_of(claim),
            number: number_of(&dead_letter.message).expect("a message of this run"),
            attempts: dead_letter.attempts.len(),
            checkpoint: (*checkpoint).clone(),
            is_accepted: is_accepted(*outcome),
        },
        StoreEffect::Joined { member } => Event::MemberJoined {
            group: group_index(&member.group_id),
            member: member.id.clone(),
            instance: member.instance_id.clone(),
        },
        StoreEffect::Beat { members, gone } => {
            let members = members.iter().filter(|member| !gone.contains(member)).cloned().collect();
            Event::Beat { members }
        }
        StoreEffect::Left { member } => Event::MemberLeft { member: (*member).to_owned() },
        StoreEffect::Fenced { member, replaced_by } => {
            Event::MemberFenced { member: (*member).to_owned(), replaced_by: replaced_by.map(str::to_owned) }
        }
        StoreEffect::Led { group_id, member } => {
            Event::Led { group: group_index(group_id), member: (*member).to_owned() }
        }
        StoreEffect::Assigned { group_id, generation, assignment } => Event::Assigned {
            group: group_index(group_id),
            generation: *generation,
            assignment: assignment.to_vec(),
        },
    })
}

/// The number that a simulated message carries.
pub(super) fn number_of(document: &RawDocument) -> Option<i64> {
    let value = record_layout::decode(document).ok()?.value().ok()?;
    value.as_document()?.get_i64("n").ok()
}

fn claimed(offset: &StoredOffset) -> Option<ClaimedPartition> {
    Some(ClaimedPartition {
        claim: name_of(&Claim::of(offset)?),
        position: offset.position.clone(),
        finished_ahead: offset.finished_ahead.clone(),
        attempts: short(&offset.attempts),
    })
}

fn name_of(claim: &Claim) -> ClaimName {
    let at = (group_index(&claim.key.group_id), claim.key.partition);
    ClaimName { at, owner: claim.owner.clone(), epoch: claim.epoch }
}

fn short(attempts: &[MessageAttempts]) -> Vec<(bson::Bson, u32, bool)> {
    attempts.iter().map(|one| (one.message_id.clone(), one.count(), one.in_flight)).collect()
}

fn is_accepted(outcome: CommitOutcome) -> bool {
    outcome == CommitOutcome::Committed
}
