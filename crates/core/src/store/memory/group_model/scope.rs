//! How much may happen in a search, and what is broken on purpose.

/// What is searched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    pub(super) name: &'static str,
    pub(super) members: usize,
    pub(super) partitions: u32,
    /// In each partition.
    pub(super) messages: u8,
    pub(super) start: Start,
    pub(super) harm: Harm,
    /// So often a member may be interrupted within a round by the round of another; `None`: always.
    pub(super) interruptions: Option<u8>,
    pub(super) flaw: Option<Flaw>,
}

/// Where a search begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// A group that has never been.
    Nothing,
    /// A group that nobody is in. Its offset documents are there.
    Offsets,
    /// Everybody has joined and reads.
    Settled,
}

/// What the environment may still do.
#[derive(Debug, Clone, Copy, Hash, Default)]
pub(super) struct Harm {
    /// Members that end without a word.
    pub(super) crashes: u8,
    /// Members that are not heard of for longer than their session, and go on afterwards.
    pub(super) pauses: u8,
    /// Subscriptions that are closed in good order.
    pub(super) closes: u8,
    /// Calls that are given up by their callers, and take effect at any later time, or never.
    pub(super) unanswered: u8,
    /// The time that a handover may take goes by.
    pub(super) handovers: u8,
}

/// Mistakes that the search has to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// A partition is claimed whoever has it.
    ClaimsFromTheLiving,
    /// A claim does not name the epoch that it has read.
    ClaimsUnderAnyEpoch,
    /// A commit does not name the epoch of its claim.
    CommitsUnderAnyEpoch,
    /// A living owner is passed over by an assignment that may be an old one by then.
    TrustsAnOldLook,
    /// The members are loaded before the offsets.
    LoadsMembersFirst,
    /// Messages are handed out though the lease has lapsed.
    DeliversWithoutLease,
    /// A partition is given back while its handler runs.
    ReleasesWhileHandling,
    /// A leader fences nobody.
    ExpiresNobody,
}
