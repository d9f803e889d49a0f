//! Members that are killed, or stopped and woken.

use std::collections::BTreeSet;

use csb_core::runtime::clock;
use csb_test_support::history::Happening;
use csb_test_support::replica_set::ReplicaSet;

use crate::team::{HEARTBEAT, SESSION, Team};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_three_is_killed() {
    let mut team = Team::start("killed_member", ReplicaSet::shared().await, 3).await;
    let name = team.names().pop().expect("three");
    let (had, member) = (team.read_by(&name), team.take(&name));
    let (now, begun) = (team.run.log().len(), clock::now());
    member.kill().await;
    let took = team.read_by_others(now, &name, had, begun).await;
    println!(
        "killed: taken over within {:.2} s; session and beat are {:.0} s",
        took.as_secs_f64(),
        (SESSION + HEARTBEAT).as_secs_f64()
    );
    team.shared().await;
    let numbers = team.end("one of three killed").await;
    assert_eq!(numbers.crashes.len(), 1);
}

/// Its lease has ended long ago when it wakes; what it wants to store then is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_three_is_stopped_for_three_sessions() {
    let mut team = Team::start("stopped_member", ReplicaSet::shared().await, 3).await;
    let name = team.names().pop().expect("three");
    let (had, member) = (team.read_by(&name), team.take(&name));
    let (now, begun) = (team.run.log().len(), clock::now());
    member.freeze().await;
    let took = team.read_by_others(now, &name, had.clone(), begun).await;
    println!("stopped: taken over within {:.2} s", took.as_secs_f64());
    clock::sleep((SESSION * 3).saturating_sub(begun.elapsed())).await;
    let woken = team.run.log().len();
    member.thaw();
    team.run
        .log()
        .wait_for(woken, "it to come back", |_, event| {
            event.member == name && event.happening == Happening::Subscribed
        })
        .await;
    team.add(member);
    team.shared().await;
    let (mut lost, mut late) = (BTreeSet::<u32>::new(), 0);
    team.run.log().look(|event| {
        if event.member != name {
            return;
        }
        match &event.happening {
            Happening::Noted { text } if text.contains("LeaseLost") => {
                lost.extend(
                    had.iter().filter(|partition| text.contains(&format!("partition: {partition},"))),
                );
            }
            Happening::Subscribed => lost.clear(),
            Happening::DeliveryBegun { partition, .. } if lost.contains(partition) => late += 1,
            _ => {}
        }
    });
    assert_eq!(late, 0, "begun under a lease that it knew to be lost");
    team.end("one of three stopped for three sessions").await;
}
