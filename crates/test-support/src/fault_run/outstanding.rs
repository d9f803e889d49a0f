//! What is acknowledged and not finished.

use std::collections::HashSet;

use crate::history::{Event, Happening};

/// Follows a history. Keeps the values of all finished messages, because their acknowledgement may be told later.
#[derive(Debug, Default)]
pub struct Outstanding {
    unfinished: HashSet<String>,
    finished: HashSet<String>,
}

impl Outstanding {
    /// Reads the next event.
    pub fn observe(&mut self, event: &Event) {
        match &event.happening {
            Happening::SendAcknowledged { value } if !self.finished.contains(value) => {
                self.unfinished.insert(value.clone());
            }
            Happening::DeliveryFinished { value, .. }
            | Happening::DeadLettered { value, .. }
            | Happening::Skipped { value, .. } => {
                self.unfinished.remove(value);
                self.finished.insert(value.clone());
            }
            _ => {}
        }
    }

    /// Whether everything acknowledged is finished.
    pub fn is_empty(&self) -> bool {
        self.unfinished.is_empty()
    }

    /// Different messages that are finished.
    pub fn finished(&self) -> usize {
        self.finished.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_in_either_order() {
        let mut outstanding = Outstanding::default();
        let mut tell = |happening| {
            outstanding.observe(&Event { member: "m".into(), sequence: None, happening });
            (outstanding.is_empty(), outstanding.finished())
        };
        let value = || "a".to_owned();
        assert_eq!(tell(Happening::SendAcknowledged { value: value() }), (false, 0));
        assert_eq!(tell(Happening::DeliveryFinished { partition: 0, value: value() }), (true, 1));
        assert_eq!(tell(Happening::DeliveryFinished { partition: 0, value: value() }), (true, 1));
        assert_eq!(tell(Happening::DeadLettered { partition: 0, value: "b".into() }), (true, 2));
        assert_eq!(tell(Happening::SendAcknowledged { value: "b".into() }), (true, 2));
    }
}
