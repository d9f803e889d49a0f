//! What a run may do, and what it has to.

use std::collections::BTreeSet;

use serde::Deserialize;

/// Among which messages order is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Order {
    /// Those of a partition, which are handled one at a time.
    #[default]
    Partition,
    /// Those of a partition with the same key, and those without: `concurrency` is more than 1.
    Key,
}

/// The bounds that a history is judged by.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Expectations {
    /// Among which messages order is promised.
    pub order: Order,
    /// Messages finished again because of one crash, at most; `None`: they are only counted.
    pub duplicates_per_crash: Option<u64>,
    /// Messages finished again without a crash whose records said that they may be, at most.
    pub marked_duplicates: u64,
    /// Whether the server may forget where the group was: then its offset goes back to the stored history.
    pub may_lose_positions: bool,
    /// Attempts of a message: `maxRetries` and one. `None`: they are not looked at.
    pub attempts: Option<u32>,
    /// Values that have to be dead letters in the end, all others must not. `None`: they are not looked at.
    pub dead_letters: Option<BTreeSet<String>>,
}

impl Default for Expectations {
    /// No marked duplicates, no lost positions, no dead letters; duplicates after a crash are counted, attempts are not looked at.
    fn default() -> Self {
        Self {
            order: Order::Partition,
            duplicates_per_crash: None,
            marked_duplicates: 0,
            may_lose_positions: false,
            attempts: None,
            dead_letters: Some(BTreeSet::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_given_has_its_default() {
        let given: Expectations = serde_json::from_str(r#"{ "order": "key", "attempts": 4 }"#).unwrap();
        assert_eq!(given, Expectations { order: Order::Key, attempts: Some(4), ..Expectations::default() });
        let given: Expectations = serde_json::from_str(r#"{ "deadLetters": null }"#).unwrap();
        assert_eq!(given.dead_letters, None);
        assert!(serde_json::from_str::<Expectations>(r#"{ "atempts": 4 }"#).is_err());
    }
}
