//! Handlers whose transaction the server has ended: they are called again soon, without an attempt being counted.

use std::time::Duration;

use super::PartitionWorker;
use crate::consumer::record_handler::DeliveryId;
use crate::runtime::{clock, random};

/// So often in a row for one message. Then something is wrong that trying again does not mend, such as a handler that
/// waits for its own transaction.
const MOST_IN_A_ROW: u32 = 20;
const FIRST_WAIT: Duration = Duration::from_millis(5);
const MOST_DOUBLINGS: u32 = 8;

/// Whether so many interruptions are still no failure.
pub(super) fn is_bearable(interruptions: u32) -> bool {
    interruptions < MOST_IN_A_ROW
}

/// Doubled each time, spread between half and the whole: those that were in each other's way must not meet again.
fn wait(interruptions: u32, random: u32) -> Duration {
    let whole = FIRST_WAIT * (1 << interruptions.min(MOST_DOUBLINGS));
    whole / 2 + (whole / 2).mul_f64(f64::from(random) / f64::from(u32::MAX))
}

impl PartitionWorker {
    /// The messages of the delivery that are not handled are delivered again; nobody is told.
    pub(super) fn interrupted(&mut self, id: DeliveryId) {
        let Some(delivery) = self.running.remove(&id) else { return };
        let (now, random) = (clock::now(), random::next_u32());
        for number in &delivery.messages[delivery.handled..] {
            let Some(message) = self.in_flight.get_mut(*number) else { continue };
            message.is_marked = false;
            let delay = wait(message.interrupted, random);
            message.interrupted += 1;
            self.lanes.rest(&message.lane, now + delay);
        }
        self.parts.handler.forgotten(id);
        self.release_lanes(&delivery.lanes);
        self.give_turn_back(delivery.turn);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_second() {
        let (shortest, longest) = (wait(0, 0), wait(0, u32::MAX));
        assert_eq!((shortest, longest), (FIRST_WAIT / 2, FIRST_WAIT));
        assert_eq!(wait(3, u32::MAX), FIRST_WAIT * 8);
        assert_eq!(wait(MOST_IN_A_ROW, u32::MAX), Duration::from_millis(1280));
    }

    #[test]
    fn ends_at_last() {
        assert!(is_bearable(0) && is_bearable(MOST_IN_A_ROW - 1) && !is_bearable(MOST_IN_A_ROW));
    }
}
