//! Asking for letters to be delivered again. Pure.

use bson::Document;

use super::letter_filter::{LetterFilter, LetterScope};
use crate::config::config_fields::ConfigFields;
use crate::error::Result;

/// Letters per second that may be asked for.
const RATES: std::ops::RangeInclusive<f64> = 0.001..=10_000.0;

/// Which letters to deliver again, and how fast.
#[derive(Debug, Clone, PartialEq)]
pub struct RedriveRequest {
    /// Which letters. Those with a pending redrive keep it.
    pub filter: LetterFilter,
    /// At most so many letters per second, 0.001 to 10000; `None`: as fast as the group handles them.
    pub rate_per_second: Option<f64>,
}

/// How the letters of one request are marked.
#[derive(Debug, Clone, PartialEq)]
pub struct RedrivePlan {
    /// Names the request.
    pub id: String,
    /// At most so many letters per second.
    pub rate_per_second: Option<f64>,
}

impl RedriveRequest {
    /// Checks and reads what `redrive` was given.
    pub fn from_document(document: &Document, scope: &LetterScope) -> Result<Self> {
        let mut fields = ConfigFields::new(document);
        let request = Self {
            filter: LetterFilter::read(&mut fields, scope, &["ratePerSecond"]),
            rate_per_second: fields.optional_number("ratePerSecond", RATES),
        };
        fields.finish("The redrive of dead letters", request)
    }
}

impl RedrivePlan {
    /// Milliseconds after the request at which it is the turn of the letter with this index.
    pub fn turn_after_ms(&self, index: u64) -> i64 {
        let Some(rate) = self.rate_per_second else { return 0 };
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "exact up to 2^53, and saturating"
        )]
        let milliseconds = (index as f64 * 1000.0 / rate) as i64;
        milliseconds
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    #[test]
    fn reads_a_filter_and_a_rate() {
        let scope = LetterScope { group_id: "g".into(), topic: None };
        let read = |document: Document| RedriveRequest::from_document(&document, &scope);
        let all = RedriveRequest { filter: scope.everything(), rate_per_second: None };
        assert_eq!(read(doc! {}).unwrap(), all);
        let some = read(doc! { "partition": 1, "ratePerSecond": 0.5 }).unwrap();
        assert_eq!((some.filter.partition, some.rate_per_second), (Some(1), Some(0.5)));
        for rate in [0.0, 10_001.0, f64::NAN] {
            let error = read(doc! { "ratePerSecond": rate }).unwrap_err();
            assert!(error.message().ends_with("give a number from 0.001 to 10000"), "{error}");
        }
        assert!(read(doc! { "rate": 5 }).unwrap_err().message().contains("rate is unknown"));
    }

    #[test]
    fn turns_are_spaced_by_the_rate() {
        let turns = |rate| {
            let plan = RedrivePlan { id: "r".into(), rate_per_second: rate };
            [0, 1, 2, 10].map(|index| plan.turn_after_ms(index))
        };
        assert_eq!(turns(None), [0; 4]);
        assert_eq!(turns(Some(5.0)), [0, 200, 400, 2000]);
        assert_eq!(turns(Some(3.0)), [0, 333, 666, 3333]);
        assert_eq!(turns(Some(0.5)), [0, 2000, 4000, 20_000]);
    }
}
