use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::runtime::clock;

const WIDE: DeliveryLimit = DeliveryLimit { messages: 100, bytes: 1000, lanes: 100 };

fn key(name: &str) -> LaneKey {
    LaneKey::Key(name.into())
}

fn never(_: u64) -> bool {
    false
}

fn lanes(messages: &[(&LaneKey, u64)]) -> KeyLanes {
    let mut lanes = KeyLanes::default();
    for (key, message) in messages {
        lanes.push(key, *message, 2);
    }
    lanes
}

#[test]
fn a_lane_is_in_one_delivery_at_a_time() {
    let (a, b) = (key("a"), key("b"));
    let mut lanes = lanes(&[(&a, 1), (&b, 2), (&a, 3)]);
    let one = DeliveryLimit { messages: 1, ..WIDE };
    assert_eq!(lanes.take(one, never).messages, [1]);
    assert_eq!(lanes.take(WIDE, never).messages, [2]);
    assert!(lanes.take(WIDE, never).messages.is_empty());
    lanes.push(&a, 4, 2);
    lanes.finish(&a, 1);
    lanes.release(&a);
    assert_eq!(lanes.ready_messages(), 2);
    assert_eq!(lanes.take(WIDE, never).messages, [3, 4]);
}

#[test]
fn a_hot_key_does_not_starve_the_others() {
    let (hot, cold) = (key("hot"), key("cold"));
    let mut lanes = lanes(&[(&hot, 1), (&hot, 2), (&cold, 3)]);
    let one = DeliveryLimit { messages: 1, ..WIDE };
    assert_eq!(lanes.take(one, never).messages, [1]);
    lanes.finish(&hot, 1);
    lanes.release(&hot);
    assert_eq!(lanes.take(one, never).messages, [3]);
    assert_eq!(lanes.take(one, never).messages, [2]);
}

#[test]
fn a_delivery_is_bounded_and_never_empty() {
    let mut lanes = KeyLanes::default();
    for (message, bytes) in [(1, 50), (2, 2), (3, 2), (4, 2)] {
        lanes.push(&LaneKey::Partition, message, bytes);
    }
    let small = DeliveryLimit { messages: 10, bytes: 5, ..WIDE };
    assert_eq!((lanes.ready_messages(), lanes.ready_bytes()), (4, 56));
    assert_eq!(lanes.take(small, never).messages, [1]);
    assert_eq!((lanes.ready_messages(), lanes.ready_bytes()), (0, 0));
    lanes.finish(&LaneKey::Partition, 1);
    lanes.release(&LaneKey::Partition);
    assert_eq!((lanes.ready_messages(), lanes.ready_bytes()), (3, 6));
    assert_eq!(lanes.take(small, never).messages, [2, 3]);
}

#[test]
fn a_delivery_may_be_of_one_lane_only() {
    let (a, b) = (key("a"), key("b"));
    let mut lanes = lanes(&[(&a, 1), (&b, 2), (&a, 3)]);
    assert_eq!(lanes.ready_lanes(), 2);
    let one_lane = DeliveryLimit { lanes: 1, ..WIDE };
    assert_eq!(lanes.take(one_lane, never), Taken { messages: vec![1, 3], lanes: vec![a] });
    assert_eq!(lanes.ready_lanes(), 1);
    assert_eq!(lanes.take(one_lane, never), Taken { messages: vec![2], lanes: vec![b] });
    assert_eq!(lanes.ready_lanes(), 0);
}

#[test]
fn a_message_that_wants_to_be_alone_is() {
    let mut lanes = lanes(&[(&LaneKey::Partition, 1), (&LaneKey::Partition, 2), (&LaneKey::Partition, 3)]);
    let alone = |message: u64| message == 2;
    for expected in [1, 2, 3] {
        assert_eq!(lanes.take(WIDE, alone).messages, [expected]);
        lanes.finish(&LaneKey::Partition, expected);
        lanes.release(&LaneKey::Partition);
    }
}

#[test]
fn a_resting_lane_waits_alone() {
    let (a, b) = (key("a"), key("b"));
    let mut lanes = lanes(&[(&a, 1), (&b, 2)]);
    let now = clock::now();
    assert_eq!(lanes.take(WIDE, never).messages, [1, 2]);
    lanes.rest(&a, now + Duration::from_secs(1));
    lanes.finish(&b, 2);
    lanes.release(&b);
    lanes.push(&a, 3, 2);
    lanes.push(&b, 4, 2);
    assert_eq!(lanes.take(WIDE, never).messages, [4]);
    lanes.wake(now);
    assert!(lanes.take(WIDE, never).messages.is_empty());
    assert_eq!(lanes.next_wake(), Some(now + Duration::from_secs(1)));
    lanes.wake(now + Duration::from_secs(1));
    assert_eq!(lanes.take(WIDE, never).messages, [1, 3]);
    assert_eq!(lanes.next_wake(), None);
}

#[derive(Debug, Clone)]
enum Step {
    Push(u8),
    /// So many messages of so many lanes.
    Take(usize, usize),
    /// Finishes so many of the oldest delivery, then ends it.
    End(usize),
    Rest,
    Wake,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0_u8..4).prop_map(Step::Push),
        2 => (1_usize..5, 1_usize..4).prop_map(|(messages, lanes)| Step::Take(messages, lanes)),
        2 => (0_usize..5).prop_map(Step::End),
        1 => Just(Step::Rest),
        1 => Just(Step::Wake),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    /// Within a key the order of handling is the order of arrival, whatever happens in between, and nothing is
    /// forgotten or handled twice.
    #[test]
    fn every_key_stays_in_order(steps in steps()) {
        let mut lanes = KeyLanes::default();
        let mut key_of = Vec::new();
        let mut deliveries: VecDeque<Vec<u64>> = VecDeque::new();
        let mut handled: Vec<u64> = Vec::new();
        let now = clock::now();
        let mut end = |lanes: &mut KeyLanes, key_of: &[LaneKey], delivery: Vec<u64>, count: usize, rest: bool| {
            for message in delivery.iter().take(count) {
                handled.push(*message);
                lanes.finish(&key_of[usize::try_from(*message).unwrap()], *message);
            }
            for (at, message) in delivery.iter().enumerate() {
                let key = &key_of[usize::try_from(*message).unwrap()];
                if rest && at == count { lanes.rest(key, now) }
            }
            let held = if rest { delivery.get(count).map(|m| key_of[usize::try_from(*m).unwrap()].clone()) } else { None };
            for message in &delivery {
                let key = &key_of[usize::try_from(*message).unwrap()];
                if held.as_ref() != Some(key) { lanes.release(key); }
            }
        };
        for step in steps {
            match step {
                Step::Push(name) => {
                    let key = if name == 0 { LaneKey::Keyless } else { key(&name.to_string()) };
                    lanes.push(&key, key_of.len() as u64, 1);
                    key_of.push(key);
                }
                Step::Take(most, most_lanes) => {
                    let limit = DeliveryLimit { messages: most, lanes: most_lanes, ..WIDE };
                    let taken = lanes.take(limit, never).messages;
                    prop_assert!(taken.len() <= most);
                    if !taken.is_empty() { deliveries.push_back(taken); }
                }
                Step::End(count) => {
                    if let Some(delivery) = deliveries.pop_front() { end(&mut lanes, &key_of, delivery, count, false); }
                }
                Step::Rest => {
                    if let Some(delivery) = deliveries.pop_front() { end(&mut lanes, &key_of, delivery, 0, true); }
                }
                Step::Wake => lanes.wake(now),
            }
        }
        while let Some(delivery) = deliveries.pop_front() {
            let all = delivery.len();
            end(&mut lanes, &key_of, delivery, all, false);
        }
        loop {
            lanes.wake(now);
            let taken = lanes.take(WIDE, never).messages;
            if taken.is_empty() { break; }
            let all = taken.len();
            end(&mut lanes, &key_of, taken, all, false);
        }
        prop_assert_eq!(lanes.ready_messages(), 0);
        prop_assert!(lanes.lanes.is_empty());
        prop_assert_eq!(handled.len(), key_of.len());
        for wanted in &key_of {
            let of_key: Vec<_> = handled.iter().filter(|m| key_of[usize::try_from(**m).unwrap()] == *wanted).collect();
            prop_assert!(of_key.is_sorted());
        }
    }
}

#[test]
fn a_held_lane_waits_for_every_write_also_when_it_has_rested() {
    let a = key("a");
    let mut lanes = lanes(&[(&a, 1), (&a, 2), (&a, 3), (&a, 4)]);
    let now = clock::now();
    assert_eq!(lanes.take(WIDE, never).messages, [1, 2, 3, 4]);
    lanes.finish(&a, 1);
    lanes.finish(&a, 2);
    lanes.hold(&a);
    lanes.hold(&a);
    lanes.rest(&a, now);
    lanes.release(&a);
    lanes.unhold(&a);
    lanes.wake(now);
    assert_eq!(lanes.ready_messages(), 0, "one write is on its way");
    lanes.unhold(&a);
    assert_eq!(lanes.take(WIDE, never).messages, [3, 4]);
    lanes.unhold(&a);
    assert!(lanes.take(WIDE, never).messages.is_empty(), "it is in a delivery");
}
