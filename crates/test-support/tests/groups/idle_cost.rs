//! What a group costs that has nothing to do.

use std::time::Duration;

use bson::{Document, doc};
use csb_core::runtime::clock;
use csb_test_support::fault_run::{FaultRun, GROUP, TOPIC};
use csb_test_support::history::{Expectations, Happening};
use csb_test_support::member::ConsumerRole;
use csb_test_support::replica_set::{ReplicaSet, ReplicaSetOptions};
use futures_util::StreamExt;

use crate::MEMBER;

const MEMBERS: usize = 10;
const PARTITIONS: u32 = 64;
const WATCHED: Duration = Duration::from_secs(12);
/// The default.
const HEARTBEAT: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_group_writes_one_heartbeat_per_member_and_beat() {
    let set = ReplicaSet::start(ReplicaSetOptions::default()).await;
    let run = FaultRun::begin("idle_group", MEMBER, &set, PARTITIONS).await;
    let role = || ConsumerRole::new(doc! { "groupId": GROUP, "topic": TOPIC });
    let without = cost(&run, &set).await;
    let members: Vec<_> = (0..MEMBERS).map(|_| run.consumer(role())).collect();
    for member in &members {
        run.log().wait_for_happening(member.name(), &Happening::Subscribed).await;
    }
    let settled = async {
        loop {
            let mut owners = crate::team::owners(&run).await;
            let owned = owners.len();
            owners.sort_unstable();
            owners.dedup();
            if (owned, owners.len()) == (PARTITIONS as usize, MEMBERS) {
                return;
            }
            clock::sleep(Duration::from_millis(50)).await;
        }
    };
    clock::timeout(Duration::from_mins(1), settled).await.expect("shared out");
    // What was begun is through.
    clock::sleep(HEARTBEAT).await;
    let with = cost(&run, &set).await;
    let beats = u32::try_from(WATCHED.as_millis() / HEARTBEAT.as_millis()).expect("few");
    println!(
        "idle group of {MEMBERS} on {PARTITIONS} partitions, {} s: {} updates ({:.2} per member and beat), mongod's CPU {:.1} % \
         of a core, without the group {:.1} %",
        WATCHED.as_secs(),
        with.updates - without.updates,
        f64::from(u32::try_from(with.updates - without.updates).expect("few")) / f64::from(beats * 10),
        with.cpu_percent,
        without.cpu_percent,
    );
    // One more each, because the time that was watched need not begin with a beat.
    let most = i64::from(beats + 1) * i64::try_from(MEMBERS).expect("few");
    assert!(with.updates - without.updates <= most, "{} updates", with.updates);
    for member in members {
        member.close().await;
    }
    run.judge(Expectations::default()).await;
    set.stop();
}

struct Cost {
    /// Updates of `consumer_members` and `consumer_groups`.
    updates: i64,
    cpu_percent: f64,
}

/// Writes of owners to their offsets so far. Idle ones make one in a minute, which says nothing about heartbeats.
async fn offset_writes(run: &FaultRun) -> i64 {
    let offsets = run.database().collection::<Document>("consumer_offsets");
    let mut found = offsets.find(doc! {}).await.expect("readable");
    let mut writes = 0;
    while let Some(offset) = found.next().await {
        let revision = offset.expect("readable").get("revision").cloned();
        writes += revision.and_then(|number| number.as_i64().or(number.as_i32().map(i64::from))).unwrap_or(0);
    }
    writes
}

/// What happens on the server meanwhile.
async fn cost(run: &FaultRun, set: &ReplicaSet) -> Cost {
    let updates = async || {
        let status: Document =
            run.client().database("admin").run_command(doc! { "serverStatus": 1 }).await.expect("answered");
        let count =
            status.get_document("opcounters").expect("counters").get("update").expect("updates").clone();
        count.as_i64().or_else(|| count.as_i32().map(i64::from)).expect("a number")
    };
    let (updates_before, cpu_before) = (updates().await - offset_writes(run).await, set.cpu_time(0));
    clock::sleep(WATCHED).await;
    let cpu = set.cpu_time(0).saturating_sub(cpu_before);
    Cost {
        updates: updates().await - offset_writes(run).await - updates_before,
        cpu_percent: 100.0 * cpu.as_secs_f64() / WATCHED.as_secs_f64(),
    }
}
