//! Who took part, and which of them crashed when.

use std::collections::HashMap;
use std::sync::Arc;

use super::finding::Finding;

/// A process, or an observer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct MemberId(usize);

/// A crash, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CrashId(usize);

/// A process was killed, or frozen: what it had handled and not committed may be handled again.
#[derive(Debug)]
pub(super) struct Crash {
    pub(super) member: MemberId,
    pub(super) at: u64,
    /// Until when what it handles may be handled again, because it cannot be stored.
    pub(super) until: u64,
    pub(super) duplicates: u64,
    /// Messages that its handlers were working on.
    pub(super) interrupted: u64,
}

#[derive(Default)]
pub(super) struct Members {
    ids: HashMap<Arc<str>, MemberId>,
    known: Vec<Member>,
    crashes: Vec<Crash>,
}

struct Member {
    name: Arc<str>,
    last_sequence: u64,
    /// Grows whenever it begins anew: what it is given then may lie before what it was given last.
    session: u64,
    frozen_in_session: Option<CrashId>,
    crashes: Vec<CrashId>,
}

impl Members {
    pub(super) fn id(&mut self, name: &str) -> MemberId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let (id, name) = (MemberId(self.known.len()), Arc::from(name));
        self.ids.insert(Arc::clone(&name), id);
        self.known.push(Member {
            name,
            last_sequence: 0,
            session: 0,
            frozen_in_session: None,
            crashes: Vec::new(),
        });
        id
    }

    pub(super) fn name(&self, id: MemberId) -> String {
        self.known[id.0].name.to_string()
    }

    pub(super) fn session(&self, id: MemberId) -> u64 {
        self.known[id.0].session
    }

    /// Lines of a process are numbered without gaps: a gap says that the history is not whole.
    pub(super) fn check_sequence(&mut self, id: MemberId, sequence: u64) -> Option<Finding> {
        let member = &mut self.known[id.0];
        let after = std::mem::replace(&mut member.last_sequence, sequence);
        (sequence != after + 1).then(|| Finding::LinesMissing {
            member: member.name.to_string(),
            after,
            next: sequence,
        })
    }

    /// A process of this name begins; one that was killed had the same name if it is used again.
    pub(super) fn started(&mut self, id: MemberId) {
        self.known[id.0].last_sequence = 0;
        self.begins_session(id);
    }

    pub(super) fn begins_session(&mut self, id: MemberId) {
        let member = &mut self.known[id.0];
        member.session += 1;
        member.frozen_in_session = None;
    }

    pub(super) fn crashed(&mut self, id: MemberId, at: u64, interrupted: u64, is_frozen: bool) {
        let crash = CrashId(self.crashes.len());
        self.crashes.push(Crash { member: id, at, until: at, duplicates: 0, interrupted });
        let member = &mut self.known[id.0];
        member.crashes.push(crash);
        if is_frozen {
            member.frozen_in_session = Some(crash);
        }
    }

    pub(super) fn cut_off(&mut self, id: MemberId, at: u64) {
        let crash = CrashId(self.crashes.len());
        self.crashes.push(Crash { member: id, at, until: u64::MAX, duplicates: 0, interrupted: 0 });
        self.known[id.0].crashes.push(crash);
    }

    pub(super) fn reached(&mut self, id: MemberId, at: u64) {
        if let Some(crash) = self.known[id.0].crashes.last() {
            self.crashes[crash.0].until = at;
        }
    }

    /// The first crash of this member between two moments, or during which the first of them was.
    pub(super) fn crash_between(&self, id: MemberId, after: u64, before: u64) -> Option<CrashId> {
        let crashes = &self.known[id.0].crashes;
        crashes.iter().copied().find(|crash| {
            let crash = &self.crashes[crash.0];
            (after..before).contains(&crash.at) || (crash.at..crash.until).contains(&after)
        })
    }

    /// When it was last frozen, if it has not begun anew since.
    pub(super) fn frozen(&self, id: MemberId) -> Option<(CrashId, u64)> {
        let crash = self.known[id.0].frozen_in_session?;
        Some((crash, self.crashes[crash.0].at))
    }

    pub(super) fn count_duplicate(&mut self, crash: CrashId) {
        self.crashes[crash.0].duplicates += 1;
    }

    pub(super) fn crashes(&self) -> &[Crash] {
        &self.crashes
    }
}
