//! Where a feed that nobody reads yet should begin, given the positions of those who want to join it. Pure.

use super::stream_token::StreamToken;

/// A partition that is further behind the newest than this reads on its own until it has caught up. Otherwise one
/// group's old backlog would delay everybody who is up to date.
const LONGEST_SHARED_REPLAY_SECONDS: u32 = 60;

/// The oldest position that is close to the newest. `None` without positions.
pub(super) fn choose_start<'a>(
    positions: impl Iterator<Item = &'a StreamToken> + Clone,
) -> Option<StreamToken> {
    let newest = positions.clone().max()?;
    let horizon = newest.cluster_time().minus_seconds(LONGEST_SHARED_REPLAY_SECONDS);
    positions.filter(|position| position.cluster_time() >= horizon).min().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::stream_token::ClusterTime;

    fn at(seconds: u32) -> StreamToken {
        StreamToken::after(ClusterTime { seconds, increment: 1 })
    }

    #[test]
    fn starts_at_the_oldest_that_is_near() {
        assert_eq!(choose_start([at(1000), at(970), at(990)].iter()), Some(at(970)));
    }

    #[test]
    fn leaves_stragglers_to_themselves() {
        assert_eq!(choose_start([at(1000), at(5)].iter()), Some(at(1000)));
    }

    #[test]
    fn nobody_wants_it() {
        assert_eq!(choose_start([].iter()), None);
    }
}
