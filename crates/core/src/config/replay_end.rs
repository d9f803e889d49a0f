//! Where a consumer stops: a replay need not go on for ever. Pure.

use bson::Bson;

use super::given_place::GivenPlace;
use crate::feed::stream_token::{ClusterTime, StreamToken};

pub(super) const DEMAND: &str = "give a Date, or the offset of a record, or leave it out";

/// What is not read any more: what was stored at this time or later, or what comes behind this record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayEnd(GivenPlace);

impl ReplayEnd {
    pub(super) fn read(given: &Bson) -> Option<Self> {
        GivenPlace::read(given).map(Self)
    }

    /// Whether the event at this place is not read any more.
    pub(crate) fn excludes_event(&self, token: &StreamToken) -> bool {
        match &self.0 {
            GivenPlace::Time(seconds) => token.cluster_time().seconds >= *seconds,
            GivenPlace::Offset(last) => token > last,
        }
    }

    /// The same of a message that is stored, by its server timestamp: nothing else is known of when it came.
    pub(crate) fn excludes_stamp(&self, stamp: ClusterTime) -> bool {
        match &self.0 {
            GivenPlace::Time(seconds) => stamp.seconds >= *seconds,
            GivenPlace::Offset(last) => stamp > last.cluster_time(),
        }
    }

    /// The same of a message of 1.4.2, by the second in which its id was made.
    pub(crate) fn excludes_second(&self, second: u32) -> bool {
        match &self.0 {
            GivenPlace::Time(seconds) => second >= *seconds,
            GivenPlace::Offset(last) => second > last.cluster_time().seconds,
        }
    }

    /// Whether everything behind this frontier is excluded.
    pub(crate) fn is_reached_at(&self, frontier: &StreamToken) -> bool {
        match &self.0 {
            GivenPlace::Time(seconds) => frontier.cluster_time().seconds >= *seconds,
            GivenPlace::Offset(last) => frontier >= last,
        }
    }
}

#[cfg(test)]
mod tests {
    use bson::{DateTime, doc};

    use super::*;

    fn at(seconds: u32, increment: u32) -> ClusterTime {
        ClusterTime { seconds, increment }
    }

    #[test]
    fn a_time_excludes_its_second_and_all_later_ones() {
        let end = ReplayEnd::read(&DateTime::from_millis(100_999).into()).expect("a Date");
        for (seconds, excluded) in [(99, false), (100, true), (101, true)] {
            let token = StreamToken::after(at(seconds, 1));
            assert_eq!(end.excludes_event(&token), excluded);
            assert_eq!(end.excludes_stamp(at(seconds, 1)), excluded);
            assert_eq!(end.excludes_second(seconds), excluded);
            assert_eq!(end.is_reached_at(&token), excluded);
        }
    }

    #[test]
    fn an_offset_includes_its_record() {
        let last = StreamToken::after(at(100, 5));
        let end = ReplayEnd::read(&doc! { "_data": last.as_str() }.into()).expect("an offset");
        assert!(!end.excludes_event(&last) && end.excludes_event(&StreamToken::after(at(100, 6))));
        assert!(!end.excludes_stamp(at(100, 5)) && end.excludes_stamp(at(100, 6)));
        assert!(!end.excludes_second(100) && end.excludes_second(101));
        assert!(end.is_reached_at(&last) && !end.is_reached_at(&StreamToken::after(at(100, 4))));
    }
}
