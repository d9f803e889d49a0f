//! A place in the change stream: the `_data` of a resume token.
//!
//! The server builds a token as a sortable key whose first part is the cluster time, and prints it in hexadecimal.
//! Text order is therefore stream order, also inside a transaction, and the same event has the same token in a
//! stream over the database and in one over its collection. Everything that decides "before or after" in this
//! crate compares tokens and never asks the server to find one: streams are opened by cluster time.

use std::fmt;
use std::sync::Arc;

use bson::Timestamp;

/// First byte of a token: the key-string type of a timestamp.
const TIMESTAMP_TYPE: &str = "82";
/// Type byte plus a 64-bit timestamp, in hexadecimal digits.
const CLUSTER_TIME_DIGITS: usize = 18;
/// Sorts after everything that the server can write behind a cluster time.
const AFTER_ALL_EVENTS: &str = "FF";
/// A token without an event has no room for a collection's UUID (16 bytes) behind its cluster time.
const LONGEST_HIGH_WATER_MARK: usize = CLUSTER_TIME_DIGITS + 30;

/// Cluster time of the deployment: seconds and an ordinal within the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ClusterTime {
    /// Seconds since 1970.
    pub seconds: u32,
    /// Ordinal within the second, from 1.
    pub increment: u32,
}

impl ClusterTime {
    /// This time, earlier by whole seconds.
    #[must_use]
    pub fn minus_seconds(self, seconds: u32) -> Self {
        Self { seconds: self.seconds.saturating_sub(seconds), increment: self.increment }
    }

    /// The next time that any event can have.
    #[must_use]
    pub fn next(self) -> Self {
        match self.increment.checked_add(1) {
            Some(increment) => Self { seconds: self.seconds, increment },
            None => Self { seconds: self.seconds.saturating_add(1), increment: 0 },
        }
    }
}

impl From<Timestamp> for ClusterTime {
    fn from(timestamp: Timestamp) -> Self {
        Self { seconds: timestamp.time, increment: timestamp.increment }
    }
}

impl From<ClusterTime> for Timestamp {
    fn from(time: ClusterTime) -> Self {
        Self { time: time.seconds, increment: time.increment }
    }
}

/// A place in the change stream, ordered as the stream is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamToken(Arc<str>);

impl StreamToken {
    /// Reads the `_data` of a resume token. `None` if it is not one (1.4.2 stored texts of its own, too).
    pub fn parse(data: &str) -> Option<Self> {
        let well_formed = data.len() >= CLUSTER_TIME_DIGITS
            && data.starts_with(TIMESTAMP_TYPE)
            && data.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_lowercase());
        well_formed.then(|| Self(data.into()))
    }

    /// The place behind every event of this cluster time.
    pub fn after(time: ClusterTime) -> Self {
        Self(format!("{TIMESTAMP_TYPE}{:08X}{:08X}{AFTER_ALL_EVENTS}", time.seconds, time.increment).into())
    }

    /// The cluster time that the token begins with.
    pub fn cluster_time(&self) -> ClusterTime {
        let digits = |range| u32::from_str_radix(&self.0[range], 16).unwrap_or_default();
        ClusterTime { seconds: digits(2..10), increment: digits(10..18) }
    }

    /// Whether the server would resume a stream over *any* collection from it: a real token (not one of
    /// [`StreamToken::after`]) that names no event, so that no event has to be found.
    pub fn is_high_water_mark(&self) -> bool {
        self.0.len() <= LONGEST_HIGH_WATER_MARK && !self.is_synthetic()
    }

    /// Whether it was made by [`StreamToken::after`], so that the server does not know it.
    pub fn is_synthetic(&self) -> bool {
        self.0.len() == CLUSTER_TIME_DIGITS + AFTER_ALL_EVENTS.len()
    }

    /// The hexadecimal text, the `_data` of a resume token.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StreamToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Read from a server 6.0.5: an insert, then two inserts of one transaction, and a high-water mark.
    const INSERT: &str = "826B04662D000000092B022C0100296E5A10049AE1AFE2C49B4CE8AB8F28C84301D9C646645F696400646B04662D41F356D8A9E44FFB0004";
    const IN_TRANSACTION_0: &str = "826B04662D0000000B2B022C0100296E5A10049AE1AFE2C49B4CE8AB8F28C84301D9C646645F696400646B04662D41F356D8A9E44FFC0004";
    const IN_TRANSACTION_1: &str = "826B04662D0000000B2B022C01002B026E5A1004420B0E9D5D274B0AAB50142FAD6815D846645F696400646B04662D41F356D8A9E44FFD0004";
    const HIGH_WATER_MARK: &str = "826B04662D000000062B0229296E04";

    fn token(data: &str) -> StreamToken {
        StreamToken::parse(data).expect("a token")
    }

    #[test]
    fn orders_as_the_stream_does() {
        let order = [HIGH_WATER_MARK, INSERT, IN_TRANSACTION_0, IN_TRANSACTION_1].map(token);
        assert!(order.is_sorted());
        let time = order[3].cluster_time();
        assert!(StreamToken::after(time) > order[3]);
        assert!(StreamToken::after(time) < StreamToken::after(time.next()));
        assert!(StreamToken::after(order[1].cluster_time()) < order[2]);
    }

    #[test]
    fn tells_what_kind_it_is() {
        assert!(token(HIGH_WATER_MARK).is_high_water_mark());
        assert!(!token(INSERT).is_high_water_mark());
        assert!(!StreamToken::after(ClusterTime { seconds: 1, increment: 1 }).is_high_water_mark());
        assert!(StreamToken::after(ClusterTime { seconds: 1, increment: 1 }).is_synthetic());
        assert_eq!(token(HIGH_WATER_MARK).cluster_time(), ClusterTime { seconds: 0x6B04_662D, increment: 6 });
    }

    #[test]
    fn refuses_what_is_no_token() {
        assert_eq!(StreamToken::parse("historical_665f1f77bcf86cd799439011"), None);
        assert_eq!(StreamToken::parse("82"), None);
        assert_eq!(StreamToken::parse("82é6B04662D00000006"), None);
    }
}
