//! A place in a topic, as users give it. Pure.

use bson::Bson;

use crate::feed::stream_token::StreamToken;

/// Where in a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GivenPlace {
    /// A `Date`: at what was stored in this second. Seconds since 1970.
    Time(u32),
    /// The offset of a record.
    Offset(StreamToken),
}

impl GivenPlace {
    pub(crate) fn read(given: &Bson) -> Option<Self> {
        match given {
            Bson::DateTime(date) => {
                u32::try_from(date.timestamp_millis().div_euclid(1000)).ok().map(Self::Time)
            }
            Bson::Document(offset) => StreamToken::parse(offset.get_str("_data").ok()?).map(Self::Offset),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use bson::{DateTime, doc};

    use super::*;
    use crate::feed::stream_token::ClusterTime;

    #[test]
    fn reads_both_and_nothing_else() {
        let token = StreamToken::after(ClusterTime { seconds: 7, increment: 1 });
        let offset = doc! { "_data": token.as_str() };
        assert_eq!(GivenPlace::read(&offset.into()), Some(GivenPlace::Offset(token)));
        assert_eq!(GivenPlace::read(&DateTime::from_millis(5999).into()), Some(GivenPlace::Time(5)));
        for bad in
            [Bson::from("now"), 5.into(), doc! { "_data": "x" }.into(), DateTime::from_millis(-1).into()]
        {
            assert_eq!(GivenPlace::read(&bad), None, "{bad}");
        }
    }
}
