//! The log of inserts that feeds read: the embedded oplog. Pure.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use bson::RawDocumentBuf;

use super::event_token::{CollectionId, event_token};
use crate::feed::stream_token::ClusterTime;
use crate::store::contract::FeedEvent;

/// Bytes of events in one batch at most, unless a single event is larger.
const LARGEST_BATCH: usize = 16 * 1024 * 1024;

/// Inserts in the order of their cluster times.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    entries: VecDeque<LogEntry>,
    bytes: usize,
    /// Everything earlier has been dropped.
    begins: ClusterTime,
}

/// One insert.
#[derive(Debug)]
pub(super) struct LogEntry {
    pub(super) time: ClusterTime,
    pub(super) collection: Arc<str>,
    pub(super) collection_id: CollectionId,
    pub(super) document: Arc<RawDocumentBuf>,
}

/// What one look at the log found.
#[derive(Debug)]
pub(super) struct LogRead {
    /// Wanted events, in order.
    pub(super) events: Vec<FeedEvent>,
    /// Where the next look has to begin; `None` if the end of the log was reached.
    pub(super) next: Option<ClusterTime>,
}

/// The log no longer reaches back to the time asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HistoryLost;

impl EventLog {
    /// Adds an insert, later than every earlier one.
    pub(super) fn push(&mut self, entry: LogEntry) {
        debug_assert!(self.entries.back().is_none_or(|last| last.time < entry.time));
        self.bytes += entry.document.as_bytes().len();
        self.entries.push_back(entry);
    }

    /// Whether every event of this time and later is still here.
    pub(super) fn reaches_back_to(&self, time: ClusterTime) -> bool {
        time >= self.begins
    }

    /// Up to `limit` wanted events, from this time on.
    pub(super) fn read(
        &self,
        from: ClusterTime,
        wanted: &HashSet<Arc<str>>,
        limit: usize,
    ) -> Result<LogRead, HistoryLost> {
        if !self.reaches_back_to(from) {
            return Err(HistoryLost);
        }
        let (mut events, mut bytes) = (Vec::new(), 0);
        let start = self.entries.partition_point(|entry| entry.time < from);
        for entry in self.entries.range(start..).filter(|entry| wanted.contains(&entry.collection)) {
            bytes += entry.document.as_bytes().len();
            if !events.is_empty() && (events.len() >= limit || bytes > LARGEST_BATCH) {
                return Ok(LogRead { events, next: Some(entry.time) });
            }
            events.push(entry.event());
        }
        Ok(LogRead { events, next: None })
    }

    /// Drops every entry that is earlier than this.
    pub(super) fn forget_before(&mut self, time: ClusterTime) {
        while let Some(oldest) = self.entries.pop_front_if(|oldest| oldest.time < time) {
            self.bytes -= oldest.document.as_bytes().len();
        }
        self.begins = self.begins.max(time);
    }

    /// While the log is larger than `limit_bytes`: drops its oldest entries, as long as `may_drop` agrees.
    pub(super) fn trim(&mut self, limit_bytes: usize, mut may_drop: impl FnMut(&LogEntry) -> bool) {
        while self.bytes > limit_bytes {
            let Some(oldest) = self.entries.pop_front_if(|oldest| may_drop(oldest)) else { return };
            self.bytes -= oldest.document.as_bytes().len();
            self.begins = oldest.time.next();
        }
    }
}

impl LogEntry {
    fn event(&self) -> FeedEvent {
        FeedEvent {
            collection: Arc::clone(&self.collection),
            token: event_token(self.time, &self.collection_id),
            document: (*self.document).clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use bson::rawdoc;

    use super::*;

    fn at(increment: u32) -> ClusterTime {
        ClusterTime { seconds: 1, increment }
    }

    fn log(collections: &[&str]) -> EventLog {
        let mut log = EventLog::default();
        for (time, collection) in (1..).map(at).zip(collections) {
            let document = Arc::new(rawdoc! { "_id": i64::from(time.increment) });
            let collection_id = CollectionId::of(collection);
            log.push(LogEntry { time, collection: (*collection).into(), collection_id, document });
        }
        log
    }

    fn read(log: &EventLog, from: u32, wanted: &[&str], limit: usize) -> (Vec<u32>, Option<u32>) {
        let wanted = wanted.iter().copied().map(Arc::from).collect();
        let found = log.read(at(from), &wanted, limit).expect("in the log");
        let times = found.events.iter().map(|event| event.token.cluster_time().increment).collect();
        (times, found.next.map(|time| time.increment))
    }

    #[test]
    fn reads_wanted_collections_from_a_time_on() {
        let log = log(&["a", "b", "a", "c", "a"]);
        assert_eq!(read(&log, 0, &["a"], 9), (vec![1, 3, 5], None));
        assert_eq!(read(&log, 3, &["a", "b"], 9), (vec![3, 5], None));
        assert_eq!(read(&log, 4, &["b"], 9), (vec![], None));
        assert_eq!(read(&log, 9, &["a"], 9), (vec![], None));
    }

    #[test]
    fn a_full_batch_says_where_to_go_on() {
        let log = log(&["a", "b", "a", "c", "a"]);
        assert_eq!(read(&log, 0, &["a"], 2), (vec![1, 3], Some(5)));
        assert_eq!(read(&log, 5, &["a"], 2), (vec![5], None));
        assert_eq!(read(&log, 0, &["a"], 3), (vec![1, 3, 5], None));
    }

    #[test]
    fn a_batch_is_bounded_in_bytes() {
        let mut log = log(&[]);
        let document = Arc::new(rawdoc! { "text": "x".repeat(LARGEST_BATCH * 2 / 3) });
        for time in [at(1), at(2)] {
            let document = Arc::clone(&document);
            log.push(LogEntry {
                time,
                collection: "a".into(),
                collection_id: CollectionId::of("a"),
                document,
            });
        }
        assert_eq!(read(&log, 0, &["a"], 9), (vec![1], Some(2)));
    }

    #[test]
    fn keeps_what_may_not_be_dropped_and_knows_what_is_gone() {
        let mut log = log(&["a", "b", "a"]);
        let size = log.entries[0].document.as_bytes().len();
        log.trim(3 * size, |_| true);
        assert!(log.reaches_back_to(at(0)), "within the limit nothing is dropped");
        log.trim(0, |entry| &*entry.collection == "a");
        assert!(!log.reaches_back_to(at(1)) && log.reaches_back_to(at(2)));
        assert_eq!(log.read(at(1), &HashSet::new(), 9).expect_err("is lost"), HistoryLost);
        assert_eq!(read(&log, 2, &["a", "b"], 9), (vec![2, 3], None));
        assert_eq!(log.bytes, 2 * size);
        log.forget_before(at(3));
        assert!(!log.reaches_back_to(at(2)) && log.reaches_back_to(at(3)));
        assert_eq!((log.bytes, read(&log, 3, &["a"], 9)), (size, (vec![3], None)));
    }
}
