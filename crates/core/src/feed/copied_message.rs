//! Messages that were not sent where the stream shows them, but copied there: from a backup, or from another deployment.
//! They may have been handled where they were first. Pure.

use bson::RawDocument;

use super::stream_token::ClusterTime;
use crate::consumer::position::{LARGEST_CLOCK_ERROR_SECONDS, LONGEST_VISIBILITY_DELAY_SECONDS};

/// Whether a message that the stream shows at this time must be older.
pub fn is_copy(document: &RawDocument, event: ClusterTime) -> bool {
    let visible_since = event.minus_seconds(LONGEST_VISIBILITY_DELAY_SECONDS);
    if let Ok(stamp) = document.get_timestamp("_ts") {
        return ClusterTime::from(stamp) < visible_since;
    }
    let oldest = i64::from(visible_since.minus_seconds(LARGEST_CLOCK_ERROR_SECONDS).seconds);
    made_at(document).is_some_and(|made_at| made_at < oldest)
}

/// When a message of 1.4.2 was made at the earliest, by its producer's clock, in seconds since 1970. `None` if its id
/// does not tell. A payload may have brought an old id along, so its date counts too.
pub fn made_at(document: &RawDocument) -> Option<i64> {
    let id = document.get_object_id("_id").ok()?;
    let date = document.get_datetime("_timestamp").ok()?;
    Some(id.timestamp().timestamp_millis().max(date.timestamp_millis()) / 1000)
}

#[cfg(test)]
mod tests {
    use bson::oid::ObjectId;
    use bson::{DateTime, Timestamp, rawdoc};

    use super::*;

    const EVENT: ClusterTime = ClusterTime { seconds: 10_000, increment: 5 };

    #[test]
    fn a_stamp_is_not_older_than_a_transaction_may_be() {
        let stamped = |time: ClusterTime| rawdoc! { "_id": 1, "_ts": Timestamp::from(time) };
        assert!(!is_copy(&stamped(EVENT.minus_seconds(120)), EVENT));
        assert!(is_copy(&stamped(EVENT.minus_seconds(121)), EVENT));
    }

    #[test]
    fn without_a_stamp_the_later_of_id_and_date_counts() {
        let old = |seconds_ago: u32| EVENT.seconds - seconds_ago;
        let unstamped = |id: u32, date: u32| {
            let date = DateTime::from_millis(i64::from(old(date)) * 1000);
            rawdoc! { "_id": ObjectId::from_parts(old(id), [0; 5], [0; 3]), "_timestamp": date }
        };
        assert!(is_copy(&unstamped(721, 721), EVENT));
        assert!(!is_copy(&unstamped(720, 5000), EVENT));
        assert!(!is_copy(&unstamped(5000, 720), EVENT));
        assert!(!is_copy(&rawdoc! { "_id": "text" }, EVENT));
    }
}
