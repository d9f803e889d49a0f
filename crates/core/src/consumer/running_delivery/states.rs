//! The states of a delivery, for the reference.

use std::time::Duration;

use super::{DeliveryReport, Failure, LaneKey, RunningDelivery, Taken};
use crate::reference::enum_docs::{EnumDocs, module_docs, variant_name};
use crate::reference::state_machine::{Event, Exploration, StateMachine};
use crate::runtime::clock;

const SOURCE: &str = include_str!("../running_delivery.rs");
const USER_CODE_RUNS: &[&str] = &["Handling", "TimedOut", "Abandoned"];

type DeliveryEvent = Event<RunningDelivery>;

fn fail(delivery: &mut RunningDelivery) {
    let failure = |index| Failure { index, number: 0, attempt: 1, retry_after: None };
    delivery.failed(vec![failure(0), failure(1)], clock::now());
}

/// What has to be done then, by the word of its doc comment.
fn let_time_run_out(delivery: &mut RunningDelivery) -> String {
    let overdue = delivery.deadline().and_then(|deadline| delivery.check_deadline(deadline));
    let Some(overdue) = overdue else { return String::new() };
    let docs = EnumDocs::read(SOURCE, "Overdue");
    docs.meaning(&overdue).trim_end_matches('.').replacen("The ", "the ", 1)
}

fn bring_into(state: &str) -> RunningDelivery {
    let taken = Taken { messages: vec![0, 1], lanes: vec![LaneKey::Partition] };
    let mut delivery = RunningDelivery::preparing(taken, Duration::from_secs(1));
    if state != "Preparing" {
        delivery.begin(clock::now());
    }
    match state {
        "Preparing" | "Handling" => {}
        "Telling" => fail(&mut delivery),
        "TimedOut" => drop(let_time_run_out(&mut delivery)),
        "Abandoned" => {
            let_time_run_out(&mut delivery);
            let_time_run_out(&mut delivery);
        }
        other => panic!("no way into {other}"),
    }
    delivery
}

fn heard(delivery: &RunningDelivery, report: &DeliveryReport) -> String {
    if delivery.expects(report) { "heard" } else { "not heard" }.to_owned()
}

pub(crate) fn machine() -> StateMachine {
    Exploration {
        title: "Delivery to a handler",
        file: "consumer/running_delivery.rs",
        introduction: module_docs(SOURCE)
            + "\n\nA delivery is over, and in none of these states, once its final report is heard and the user has been \
               told of every failure.",
        states: EnumDocs::read(SOURCE, "Phase"),
        bring_into,
        state_of: |delivery| variant_name(&delivery.phase),
        events: vec![
            DeliveryEvent::new("user code is called (`begin`)", |delivery| {
                delivery.begin(clock::now());
                String::new()
            })
            .only_in(&["Preparing"]),
            DeliveryEvent::new("a message is handled, the next one begins (`progressed`)", |delivery| {
                delivery.progressed(clock::now());
                String::new()
            })
            .only_in(USER_CODE_RUNS),
            DeliveryEvent::new("the time is over (`check_deadline`)", let_time_run_out),
            DeliveryEvent::new("user code has failed (`failed`)", |delivery| {
                fail(delivery);
                String::new()
            })
            .only_in(USER_CODE_RUNS),
            DeliveryEvent::new("the user is told of the next failure (`next_to_tell`)", |delivery| {
                delivery.next_to_tell(clock::now());
                String::new()
            })
            .only_in(&["Telling"]),
            DeliveryEvent::new("user code reports (`expects`)", |delivery| heard(delivery, &DeliveryReport::Done)),
            DeliveryEvent::new("`errorHandler` has finished (`expects`)", |delivery| {
                heard(delivery, &DeliveryReport::ErrorHandlerFinished)
            }),
            DeliveryEvent::new("the handler is gone (`expects`)", |delivery| heard(delivery, &DeliveryReport::Gone)),
        ],
    }
    .run()
}
