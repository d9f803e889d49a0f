//! Whether messages may have been deleted by retention before the group read them.

use bson::DateTime;

use super::PartitionReader;
use crate::config::OnExpired;
use crate::consumer::position::Position;
use crate::error::{Error, Result};
use crate::error_code::ErrorCode;
use crate::feed::stream_token::ClusterTime;
use crate::observe::consumer_event::ConsumerEvent;
use crate::record::record_layout;
use crate::store::contract::HistoryRange;

const LATEST: ClusterTime = ClusterTime { seconds: u32::MAX, increment: u32::MAX };

impl PartitionReader {
    /// Fails with `ERR_CSB_MESSAGES_EXPIRED` if there may be a gap behind the position and the user wants to know.
    pub(super) async fn check_retention(&self) -> Result<()> {
        let Some(from) = unread_since(&self.position) else { return Ok(()) };
        let Some(index) = self.parts.store.retention_index(&self.parts.collection).await? else {
            return Ok(());
        };
        let now = self.parts.store.cluster_time().await?;
        let retention_seconds = u32::try_from(index.expire_after_seconds).unwrap_or(u32::MAX);
        if from >= now.minus_seconds(retention_seconds) {
            return Ok(());
        }
        let oldest = self.oldest_stored().await?;
        if oldest.is_some_and(|oldest| oldest <= seconds(from)) {
            return Ok(());
        }
        self.say_expired(seconds(from), oldest.unwrap_or(seconds(now)), retention_seconds)
    }

    /// When the oldest message was sent that is still there, in seconds since 1970.
    async fn oldest_stored(&self) -> Result<Option<i64>> {
        let ranges = [
            HistoryRange::Stamped { after: ClusterTime::default(), until: LATEST },
            HistoryRange::Unstamped { after: None, since: None },
        ];
        let mut oldest: Option<i64> = None;
        for range in ranges {
            let first = self.parts.store.read_history(&self.parts.collection, range, None, 1).await?;
            let Some(first) = first.first() else { continue };
            let message = record_layout::decode(first)?;
            let sent_at = message
                .ts
                .map_or_else(|| message.timestamp.timestamp_millis() / 1000, |stamp| i64::from(stamp.time));
            oldest = Some(oldest.map_or(sent_at, |oldest| oldest.min(sent_at)));
        }
        Ok(oldest)
    }

    fn say_expired(&self, from: i64, to: i64, retention_seconds: u32) -> Result<()> {
        let key = &self.parts.key;
        let (from, to) = (DateTime::from_millis(from * 1000), DateTime::from_millis(to * 1000));
        let skipped = self.parts.on_expired == OnExpired::Skip;
        let partition = key.partition;
        self.parts.events.emit(|| ConsumerEvent::Expired { partition, from, to, skipped });
        let what = format!(
            "{key}: messages sent between {} and {} may have been deleted by their retention of {retention_seconds} s \
             before the group read them",
            text(from),
            text(to)
        );
        if skipped {
            self.parts.logger.error(|| format!("{what}; going on with what is there (onExpired: 'skip')"));
            return Ok(());
        }
        Err(Error::new(
            ErrorCode::MessagesExpired,
            format!(
                "{what}. To go on with what is there, subscribe with onExpired: 'skip'; to have more time, raise \
                 retentionMs"
            ),
        ))
    }
}

/// Up to when everything has been read that the group was promised; `None` if it was promised nothing.
fn unread_since(position: &Position) -> Option<ClusterTime> {
    match position {
        Position::Stream(stream) => Some(stream.after.cluster_time()),
        Position::History(history) if history.is_beginning() => None,
        // What was there before the group began, it gets as long as it is there.
        Position::History(history) if history.behind == ClusterTime::default() => Some(history.until),
        Position::History(history) => Some(history.complete_until()),
    }
}

fn seconds(time: ClusterTime) -> i64 {
    i64::from(time.seconds)
}

fn text(date: DateTime) -> String {
    date.try_to_rfc3339_string().unwrap_or_else(|_| date.timestamp_millis().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::position::{HistoryPosition, HistoryProgress};
    use crate::feed::stream_token::StreamToken;

    fn at(seconds: u32) -> ClusterTime {
        ClusterTime { seconds, increment: 1 }
    }

    #[test]
    fn a_group_that_begins_is_promised_nothing_yet() {
        let beginning = HistoryPosition::beginning(at(1000));
        assert_eq!(unread_since(&Position::History(beginning.clone())), None);
        let begun = HistoryPosition {
            finished: HistoryProgress::Unstamped { after: Some(1.into()) },
            ..beginning.clone()
        };
        assert_eq!(unread_since(&Position::History(begun)), Some(at(880)));
        let stamped = HistoryPosition { finished: HistoryProgress::Stamped { after: at(70) }, ..beginning };
        assert_eq!(unread_since(&Position::History(stamped.clone())), Some(at(880)));
        let later_pass = HistoryPosition { behind: at(60), ..stamped };
        assert_eq!(unread_since(&Position::History(later_pass)), Some(at(70)));
        let stream = Position::behind(StreamToken::after(at(9)));
        assert_eq!(unread_since(&stream), Some(at(9)));
    }
}
