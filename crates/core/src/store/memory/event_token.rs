//! Resume tokens in the form that the server gives them. Pure.

use std::fmt::Write;
use std::sync::Arc;

use md5::{Digest, Md5};

use crate::feed::stream_token::{ClusterTime, StreamToken};

/// The id of a collection: the server's is random, this one follows from the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CollectionId(Arc<str>);

impl CollectionId {
    pub(super) fn of(collection: &str) -> Self {
        let digits = Md5::digest(collection).iter().fold(String::new(), |mut digits, byte| {
            _ = write!(digits, "{byte:02X}");
            digits
        });
        Self(digits.into())
    }
}

/// The place of an insert.
pub(super) fn event_token(time: ClusterTime, collection: &CollectionId) -> StreamToken {
    build(time, &format!("2B022C0100296E5A1004{}04", collection.0))
}

/// The place before every event of this time and after all earlier ones.
pub(super) fn high_water_mark(time: ClusterTime) -> StreamToken {
    build(time, "2B0229296E04")
}

#[expect(clippy::expect_used, reason = "the text is built here")]
fn build(time: ClusterTime, rest: &str) -> StreamToken {
    StreamToken::parse(&format!("82{:08X}{:08X}{rest}", time.seconds, time.increment))
        .expect("upper-case hexadecimal digits behind the type byte")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_look_and_sort_like_the_servers() {
        let time = ClusterTime { seconds: 0x6B04_662D, increment: 9 };
        let event = event_token(time, &CollectionId::of("orders_p0"));
        assert_eq!(event.cluster_time(), time);
        assert!(!event.is_high_water_mark() && !event.is_synthetic());

        let mark = high_water_mark(time);
        assert_eq!(mark.as_str(), "826B04662D000000092B0229296E04");
        assert!(mark.is_high_water_mark());
        assert!(mark < event && event < StreamToken::after(time) && event < high_water_mark(time.next()));
    }

    #[test]
    fn collections_have_ids_of_their_own() {
        assert_eq!(CollectionId::of("a").0.len(), 32);
        assert_eq!(CollectionId::of("a"), CollectionId::of("a"));
        assert_ne!(CollectionId::of("a"), CollectionId::of("b"));
    }
}
