//! What is stored of a group's progress: it only grows, only the newest owner writes it, and it never covers what is
//! not finished.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use super::finding::Finding;
use super::messages::{MessageId, Messages};

pub(super) struct OffsetOrder {
    may_lose_positions: bool,
    partitions: HashMap<u32, Partition>,
}

#[derive(Default)]
struct Partition {
    /// Newest epoch and its owner.
    epoch: Option<(i64, String)>,
    committed: Option<Place>,
    /// Begun, not finished, by their place in the stream.
    unfinished: BTreeMap<Arc<str>, MessageId>,
}

/// Everything up to here is finished. The stored history comes before the stream.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    History(Option<(u32, u32)>),
    Stream(String),
}

impl OffsetOrder {
    pub(super) fn new(may_lose_positions: bool) -> Self {
        Self { may_lose_positions, partitions: HashMap::new() }
    }

    /// A member has claimed the partition under this epoch.
    pub(super) fn claimed(&mut self, partition: u32, epoch: i64, owner: &str) -> Option<Finding> {
        let known = &mut self.partitions.entry(partition).or_default().epoch;
        match known {
            Some((newest, newest_owner)) if epoch <= *newest && owner != newest_owner => {
                Some(Finding::EpochNotNew { partition, epoch, newest: *newest })
            }
            _ => {
                *known = Some((epoch, owner.to_owned()));
                None
            }
        }
    }

    pub(super) fn begun(&mut self, messages: &Messages, partition: u32, message: MessageId) {
        let known = messages.get(message);
        if let (Some(token), false) = (&known.token, known.is_finished()) {
            let unfinished = &mut self.partitions.entry(partition).or_default().unfinished;
            unfinished.insert(Arc::clone(token), message);
        }
    }

    pub(super) fn finished(&mut self, messages: &Messages, partition: u32, message: MessageId) {
        if let Some(token) = &messages.get(message).token {
            self.partitions.entry(partition).or_default().unfinished.remove(token);
        }
    }

    pub(super) fn committed(
        &mut self,
        messages: &mut Messages,
        partition: u32,
        epoch: Option<i64>,
        place: Place,
    ) -> Vec<Finding> {
        let known = self.partitions.entry(partition).or_default();
        let mut findings = Vec::new();
        if let (Some(epoch), Some((newest, _))) = (epoch, &known.epoch)
            && epoch < *newest
        {
            findings.push(Finding::StaleCommit { partition, epoch, newest: *newest });
        }
        if let Place::Stream(token) = &place {
            // Whoever told of the commit may tell of a dead letter later, so it is judged later.
            for message in known.unfinished.range(..=Arc::from(token.as_str())).map(|(_, message)| *message) {
                messages.get_mut(message).covered_unfinished = true;
            }
        }
        let is_lost = |before: &Place| {
            self.may_lose_positions && matches!((before, &place), (Place::Stream(_), Place::History(_)))
        };
        match &known.committed {
            Some(before) if place < *before && !is_lost(before) => findings.push(Finding::CommitWentBack {
                partition,
                from: before.to_string(),
                to: place.to_string(),
            }),
            _ => known.committed = Some(place),
        }
        findings
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::History(None) => f.write_str("the unstamped history"),
            Self::History(Some((seconds, ordinal))) => write!(f, "history {seconds}.{ordinal}"),
            Self::Stream(token) => f.write_str(token),
        }
    }
}
