//! A partition that a member reads: hand a message out, commit, give back.

use super::call::Call;
use super::scope::Flaw;
use crate::store::contract::{Claim, CommitOutcome};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Doing {
    Reading,
    /// It is another member's now.
    Draining,
    /// The member is out. What its handler has is finished.
    Lost,
    Ended,
}

#[derive(Debug, Clone, Hash)]
pub(super) struct HeldPartition {
    pub(super) claim: Claim,
    pub(super) handed_out: u8,
    pub(super) committed: u8,
    pub(super) doing: Doing,
}

impl HeldPartition {
    pub(super) fn new(claim: Claim, place: u8) -> Self {
        Self { claim, handed_out: place, committed: place, doing: Doing::Reading }
    }

    pub(super) fn is_handling(&self) -> bool {
        self.handed_out > self.committed
    }

    pub(super) fn may_hand_out(&self, messages: u8) -> bool {
        self.doing == Doing::Reading && !self.is_handling() && self.handed_out < messages
    }

    pub(super) fn drain(&mut self) {
        if self.doing == Doing::Reading {
            self.doing = Doing::Draining;
        }
    }

    pub(super) fn lose(&mut self) {
        if self.doing != Doing::Ended {
            self.doing = if self.is_handling() { Doing::Lost } else { Doing::Ended };
        }
    }

    /// What it writes next, if it has to.
    pub(super) fn next_write(&mut self, flaw: Option<Flaw>) -> Option<Call> {
        if self.doing == Doing::Ended {
            return None;
        }
        let releases_at_once = flaw == Some(Flaw::ReleasesWhileHandling) && self.doing == Doing::Draining;
        if self.is_handling() && !releases_at_once {
            self.claim.revision += 1;
            return Some(Call::Commit { claim: self.claim.clone(), place: self.handed_out });
        }
        (self.doing == Doing::Draining).then(|| Call::Release(self.claim.clone()))
    }

    pub(super) fn written(&mut self, call: &Call, outcome: CommitOutcome) {
        if matches!(call, Call::Commit { .. }) && outcome == CommitOutcome::Committed {
            self.committed = self.handed_out;
        }
        let is_last = matches!(call, Call::Release(_)) || self.doing == Doing::Lost;
        if is_last || outcome == CommitOutcome::Fenced {
            self.doing = Doing::Ended;
        }
    }
}
