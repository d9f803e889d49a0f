//! A member that cannot reach the servers any more: it stops before others begin.

use bson::doc;
use csb_core::runtime::clock;
use csb_test_support::history::Happening;
use csb_test_support::replica_set::{ReplicaSet, ReplicaSetOptions};
use csb_test_support::tcp_proxy::{Network, TcpProxy};

use crate::team::{SESSION, Team, role};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_stops_before_others_begin() {
    let set = ReplicaSet::start(ReplicaSetOptions::default()).await;
    let proxy = TcpProxy::before(set.ports()[0]).await;
    let mut team = Team::start("cut_off_member", &set, 2).await;
    // A backlog in its buffers, so that it has something to hand out while it is cut off.
    let mut behind = role(doc! {});
    behind.work_micros = 40_000;
    let member = team.run.consumer_with(behind, doc! { "mongoUri": proxy.uri() });
    let name = member.name().to_owned();
    team.add(member);
    team.shared().await;
    let is_begin = |event: &csb_test_support::history::Event| {
        event.member == name && matches!(event.happening, Happening::DeliveryBegun { .. })
    };
    let mut some = 0;
    team.run
        .log()
        .wait_for(0, "it to handle some", |_, event| {
            some += usize::from(is_begin(event));
            some >= 50
        })
        .await;
    let (had, member) = (team.read_by(&name), team.take(&name));
    member.is_cut_off();
    let (now, begun) = (team.run.log().len(), clock::now());
    proxy.set(Network::Swallowing);
    let took = team.read_by_others(now, &name, had, begun).await;
    println!("cut off: taken over within {:.2} s", took.as_secs_f64());
    let taken = team.run.log().len();
    clock::sleep(SESSION).await;
    let mut late = 0;
    team.run.log().look_from(taken, |event| late += usize::from(is_begin(event)));
    assert_eq!(late, 0, "begun after others had begun");
    proxy.set(Network::Up);
    member.is_reached();
    team.run
        .log()
        .wait_for(taken, "it to come back", |_, event| {
            event.member == name && event.happening == Happening::Subscribed
        })
        .await;
    team.add(member);
    team.shared().await;
    team.end("one of three cut off").await;
    set.stop();
}
