//! The cluster time of the embedded store. Pure: the wall clock's seconds come from the caller.

use crate::feed::stream_token::ClusterTime;

/// Gives out times that only grow, whatever the wall clock does.
#[derive(Debug, Default)]
pub(super) struct ClusterClock {
    last: ClusterTime,
}

impl ClusterClock {
    /// A time later than every earlier one.
    pub(super) fn tick(&mut self, unix_millis: i64) -> ClusterTime {
        let seconds = u32::try_from(unix_millis / 1000).unwrap_or(if unix_millis < 0 { 0 } else { u32::MAX });
        self.last = if seconds > self.last.seconds {
            ClusterTime { seconds, increment: 1 }
        } else {
            self.last.next()
        };
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_when_the_wall_clock_stands_or_goes_back() {
        let mut clock = ClusterClock::default();
        let times = [5000, 5999, 3000, -1, 6000].map(|unix_millis| clock.tick(unix_millis));
        assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
        assert_eq!(times[0], ClusterTime { seconds: 5, increment: 1 });
        assert_eq!(times[3], ClusterTime { seconds: 5, increment: 4 });
        assert_eq!(times[4], ClusterTime { seconds: 6, increment: 1 });
    }
}
