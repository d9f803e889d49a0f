//! The states of a lane, for the reference.

use std::time::Duration;

use super::{DeliveryLimit, KeyLanes, LaneKey};
use crate::reference::enum_docs::{EnumDocs, module_docs, variant_name};
use crate::reference::state_machine::{Event, Exploration, StateMachine};
use crate::runtime::clock;

const SOURCE: &str = include_str!("../key_lanes.rs");
const LANE: LaneKey = LaneKey::Partition;
const REST: Duration = Duration::from_secs(1);

type LaneEvent = Event<KeyLanes>;

fn take(lanes: &mut KeyLanes) {
    lanes.take(DeliveryLimit { messages: 1, bytes: 1, lanes: 1 }, |_| false);
}

fn rest(lanes: &mut KeyLanes) {
    lanes.rest(&LANE, clock::now() + REST);
}

fn bring_into(state: &str) -> KeyLanes {
    let mut lanes = KeyLanes::default();
    for message in 0..2 {
        lanes.push(&LANE, message, 1);
    }
    if state != "Ready" {
        take(&mut lanes);
    }
    match state {
        "Ready" | "Busy" => {}
        "Resting" => rest(&mut lanes),
        "Held" => {
            lanes.hold(&LANE);
            lanes.release(&LANE);
        }
        other => panic!("no way into {other}"),
    }
    lanes
}

fn silently(change: impl FnOnce()) -> String {
    change();
    String::new()
}

pub(crate) fn machine() -> StateMachine {
    Exploration {
        title: "Lane of a partition",
        file: "consumer/key_lanes.rs",
        introduction: module_docs(SOURCE) + "\n\nA lane without messages is forgotten.",
        states: EnumDocs::read(SOURCE, "LaneState"),
        bring_into,
        state_of: |lanes| variant_name(&lanes.lanes[&LANE].state),
        events: vec![
            LaneEvent::new("a delivery is made up (`take`)", |lanes| silently(|| take(lanes))),
            LaneEvent::new("an attempt failed and is to be repeated (`rest`)", |lanes| {
                silently(|| rest(lanes))
            })
            .only_in(&["Busy", "Resting"]),
            LaneEvent::new("its delivery has ended (`release`)", |lanes| silently(|| lanes.release(&LANE))),
            LaneEvent::new(
                "its delivery has ended while a dead letter is stored (`hold`, `release`)",
                |lanes| {
                    silently(|| {
                        lanes.hold(&LANE);
                        lanes.release(&LANE);
                    })
                },
            )
            .only_in(&["Busy", "Resting"]),
            LaneEvent::new("the dead letter is stored (`unhold`)", |lanes| silently(|| lanes.unhold(&LANE))),
            LaneEvent::new("the pause is over (`wake`)", |lanes| {
                silently(|| lanes.wake(clock::now() + REST))
            }),
        ],
    }
    .run()
}
