//! Sees every call and every message that is handed out, and says what must not be.

use std::collections::BTreeSet;

use super::call::{Call, Id, Reply};
use super::subscription::Subscription;
use super::tables::{Stored, Tables};
use crate::store::contract::{Claim, CommitOutcome};

/// What has happened, as far as it excuses anything.
#[derive(Debug, Clone, Hash)]
pub(super) struct Witness {
    fenced: BTreeSet<Id>,
    left: BTreeSet<Id>,
    handover_ran_out: bool,
    /// Who was given a message, by partition and message.
    handed_out: Vec<Vec<BTreeSet<Id>>>,
}

type Verdict = Result<(), String>;

impl Witness {
    pub(super) fn new(partitions: u32, messages: u8) -> Self {
        let handed_out = vec![vec![BTreeSet::new(); usize::from(messages)]; partitions as usize];
        Self { fenced: BTreeSet::new(), left: BTreeSet::new(), handover_ran_out: false, handed_out }
    }

    pub(super) fn handover_ran_out(&mut self) {
        self.handover_ran_out = true;
    }

    /// A call has taken effect.
    pub(super) fn saw(&mut self, call: &Call, reply: &Reply, before: &Tables, after: &Tables) -> Verdict {
        match (call, reply) {
            (Call::Expire(id), Reply::Is(true)) => drop(self.fenced.insert(Id::clone(id))),
            (Call::Leave(id), _) => drop(self.left.insert(Id::clone(id))),
            (Call::Claim { partition, owner, .. }, Reply::Claimed(Some(_))) => {
                self.was_claimed(before.offset(*partition), owner)?;
            }
            (Call::Commit { claim, .. }, Reply::Outcome(CommitOutcome::Committed)) => {
                let stored = before.offset(claim.key.partition);
                if !stored.is_some_and(|stored| stored.is_held_by(claim)) {
                    return Err(format!("a commit under an old claim was accepted: {claim:?}"));
                }
            }
            _ => {}
        }
        nothing_went_back(before, after)
    }

    /// Only from nobody, or from somebody who is out.
    fn was_claimed(&self, before: Option<&Stored>, by: &Id) -> Verdict {
        let Some(owner) = before.and_then(|before| before.owner.as_deref()) else { return Ok(()) };
        let is_out = self.fenced.contains(owner) || self.left.contains(owner);
        if is_out || owner == &**by || self.handover_ran_out {
            return Ok(());
        }
        Err(format!("{by} has claimed a partition from {owner}, which lives"))
    }

    /// A message is given to a handler.
    pub(super) fn saw_message(&mut self, message: u8, claim: &Claim, tables: &Tables) -> Verdict {
        let partition = claim.key.partition;
        let owner: Id = claim.owner.as_str().into();
        let before = &mut self.handed_out[partition as usize][usize::from(message)];
        let is_excused = |other: &Id| self.fenced.contains(other) && *other != owner;
        let doubled = before.iter().find(|other| !is_excused(other)).cloned();
        before.insert(Id::clone(&owner));
        if self.handover_ran_out {
            return Ok(());
        }
        if let Some(other) = doubled {
            return Err(format!(
                "message {message} of partition {partition}: {other} had it, and {owner} has it"
            ));
        }
        if !tables.offset(partition).is_some_and(|stored| stored.is_held_by(claim)) {
            return Err(format!(
                "{owner} hands out messages of partition {partition}, which it does not own"
            ));
        }
        Ok(())
    }
}

/// Nobody else believes that he holds a partition under its epoch.
pub(super) fn has_one_holder<'a>(
    tables: &Tables,
    subscriptions: impl Iterator<Item = &'a Subscription>,
) -> Verdict {
    let mut holders = BTreeSet::new();
    for subscription in subscriptions {
        for (partition, held) in &subscription.partitions {
            let stored = tables.offset(*partition);
            let is_current = stored.is_some_and(|stored| stored.epoch == held.claim.epoch);
            if is_current && !holders.insert(*partition) {
                return Err(format!("two hold partition {partition} under one epoch"));
            }
        }
    }
    Ok(())
}

fn nothing_went_back(before: &Tables, after: &Tables) -> Verdict {
    for (old, new) in before.offsets().iter().zip(after.offsets()) {
        let progress = |stored: &Stored| (stored.epoch, stored.revision, stored.place);
        let (old, new) = (old.as_ref().map(progress), new.as_ref().map(progress));
        let has_grown = match (old, new) {
            (Some(old), Some(new)) => old.0 <= new.0 && old.1 <= new.1 && old.2 <= new.2,
            (old, _) => old.is_none(),
        };
        if !has_grown {
            return Err(format!("a partition went back from {old:?} to {new:?}"));
        }
    }
    let (old, new) = (&before.group().group, &after.group().group);
    if old.leader_epoch > new.leader_epoch || old.generation > new.generation {
        return Err(format!("the group went back from {old:?} to {new:?}"));
    }
    let mut assigned = BTreeSet::new();
    let twice = new.assignment.iter().flat_map(|entry| &entry.partitions).find(|it| !assigned.insert(*it));
    twice.map_or(Ok(()), |twice| Err(format!("partition {twice} is assigned twice")))
}
