//! The states of a member's lease.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::enum_docs::{EnumDocs, module_docs, variant_name};
use super::state_machine::{Event, Exploration, StateMachine};
use crate::group::{Lease, Pace};
use crate::runtime::clock;

const SOURCE: &str = include_str!("../group/lease.rs");
const PACE: Pace = Pace { interval: Duration::from_secs(3), session: Duration::from_secs(15) };

type LeaseEvent = Event<OnPausedClock>;

/// A lease on a clock that stands still.
struct OnPausedClock {
    runtime: Runtime,
    lease: Lease,
}

impl OnPausedClock {
    fn bring_into(state: &str) -> Self {
        let runtime =
            Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        let lease = runtime.block_on(async { Lease::begin(clock::now(), PACE) });
        let mut subject = Self { runtime, lease };
        match state {
            "Held" => {}
            "Lapsed" => subject.hear_nothing(),
            "Lost" => subject.lease.lose(),
            other => panic!("no way into {other}"),
        }
        subject
    }

    fn hear_nothing(&mut self) {
        self.runtime.block_on(clock::sleep(PACE.term()));
    }

    fn hear(&mut self) {
        let lease = &self.lease;
        self.runtime.block_on(async { lease.renew(clock::now(), PACE) });
    }
}

pub(super) fn machine() -> StateMachine {
    Exploration {
        title: "Lease of a member",
        file: "group/lease.rs",
        introduction: module_docs(SOURCE),
        states: EnumDocs::read(SOURCE, "LeaseStatus"),
        bring_into: OnPausedClock::bring_into,
        state_of: |subject| {
            let _context = subject.runtime.enter();
            variant_name(&subject.lease.status())
        },
        events: vec![
            LeaseEvent::new("a heartbeat is answered", |subject| {
                subject.hear();
                String::new()
            }),
            LeaseEvent::new("no answer for `sessionTimeoutMs` less `heartbeatIntervalMs`", |subject| {
                subject.hear_nothing();
                String::new()
            }),
            LeaseEvent::new("the member is found fenced", |subject| {
                subject.lease.lose();
                String::new()
            }),
        ],
    }
    .run()
}
