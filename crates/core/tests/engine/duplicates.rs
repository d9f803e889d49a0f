//! What a group has handled, over several processes: nothing may be missing, and what came twice must have been marked.

use std::collections::{BTreeMap, BTreeSet};

use csb_test_support::recording_handler::{Received, Recorded, RecordingHandler};

/// Waits until a handler has handled all of these.
pub(crate) async fn wait_for_all(handler: &RecordingHandler, expected: std::ops::Range<i64>) -> Recorded {
    let wanted: BTreeSet<_> = expected.collect();
    let covers = |seen: &Recorded| {
        seen.handled.len() >= wanted.len() && {
            let numbers: BTreeSet<_> = seen.handled.iter().map(|message| message.n).collect();
            wanted.is_subset(&numbers)
        }
    };
    handler.wait_for("all numbers", covers).await
}

/// Everything that the processes of a group have handled, in the order of the processes.
pub(crate) struct Handled {
    by_number: BTreeMap<i64, Vec<Received>>,
}

impl Handled {
    pub(crate) fn by<'a>(processes: impl IntoIterator<Item = &'a Recorded>) -> Self {
        let mut by_number: BTreeMap<i64, Vec<Received>> = BTreeMap::new();
        for message in processes.into_iter().flat_map(|recorded| &recorded.handled) {
            by_number.entry(message.n).or_default().push(message.clone());
        }
        Self { by_number }
    }

    /// Every number of the range and no other was handled; whenever one came again it was marked.
    pub(crate) fn covers(&self, expected: std::ops::Range<i64>) -> &Self {
        let missing: Vec<_> =
            expected.clone().filter(|number| !self.by_number.contains_key(number)).collect();
        assert!(missing.is_empty(), "{} lost: {missing:?}", missing.len());
        let foreign: Vec<_> = self.by_number.keys().filter(|number| !expected.contains(number)).collect();
        assert!(foreign.is_empty(), "{foreign:?}");
        for times in self.by_number.values() {
            for again in &times[1..] {
                assert!(again.possible_duplicate, "not marked: {times:?}");
            }
        }
        self
    }

    /// These came once, and without a mark.
    pub(crate) fn has_once(&self, expected: std::ops::Range<i64>) -> &Self {
        for number in expected {
            let times = &self.by_number[&number];
            assert!(times.len() == 1 && !times[0].possible_duplicate, "{times:?}");
        }
        self
    }
}
