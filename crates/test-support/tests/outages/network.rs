//! The network between the broker and the server fails.

use std::time::Duration;

use bson::doc;
use csb_core::runtime::clock;
use csb_test_support::replica_set::{ReplicaSet, ReplicaSetOptions};
use csb_test_support::tcp_proxy::{Network, TcpProxy};

use crate::load::Load;

const FAULT_LASTS: Duration = Duration::from_secs(8);

struct Scene {
    set: ReplicaSet,
    /// Between the members and the server; who observes the run is beside it.
    proxy: TcpProxy,
    load: Load,
}

async fn scene(name: &'static str) -> Scene {
    let set = ReplicaSet::start(ReplicaSetOptions::default()).await;
    let proxy = TcpProxy::before(set.ports()[0]).await;
    let load = Load::start(name, &set, doc! { "mongoUri": proxy.uri() }).await;
    Scene { set, proxy, load }
}

impl Scene {
    async fn end(self, what: &str, took: Duration) {
        self.load.end(what, took).await;
        self.set.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_cut() {
    let scene = scene("network_cut").await;
    for _ in 0..3 {
        scene.proxy.set(Network::Cut);
        clock::sleep(FAULT_LASTS / 4).await;
        scene.proxy.set(Network::Up);
        scene.load.flows("after connections were cut").await;
    }
    scene.proxy.set(Network::Cut);
    clock::sleep(FAULT_LASTS).await;
    scene.proxy.set(Network::Up);
    let took = scene.load.flows("after connections were cut for long").await;
    scene.end("connections cut", took).await;
}

/// Old connections carry nothing for ever, new ones are good.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_half_open() {
    let scene = scene("network_half_open").await;
    scene.proxy.set(Network::Swallowing);
    clock::sleep(FAULT_LASTS).await;
    scene.proxy.set(Network::Up);
    let took = scene.load.flows("after connections were half-open").await;
    scene.end("connections half-open", took).await;
}

/// Half a second more for each answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_network_is_slow() {
    let scene = scene("network_slow").await;
    scene.proxy.set(Network::Slow(Duration::from_millis(250)));
    clock::sleep(FAULT_LASTS).await;
    let took = scene.load.flows("over a slow network").await;
    scene.proxy.set(Network::Up);
    scene.load.flows("after the network was slow").await;
    scene.end("500 ms added", took).await;
}
