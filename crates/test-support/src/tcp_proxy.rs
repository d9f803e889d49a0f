//! A TCP proxy in front of one server, which can fail as networks do.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use csb_core::observe::log::Logger;
use csb_core::runtime::clock::{self, Instant};
use csb_core::runtime::task_group::TaskGroup;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

/// How the network behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Everything passes.
    Up,
    /// Everything passes, each way after this time.
    Slow(Duration),
    /// Connections are closed, new ones refused as soon as they are made.
    Cut,
    /// Connections stay open and new ones are accepted, but nothing passes any more on those that are open now or
    /// opened meanwhile: half-open, for good.
    Swallowing,
}

/// A proxy. It ends when it is dropped.
pub struct TcpProxy {
    address: SocketAddr,
    network: watch::Sender<Network>,
    tasks: TaskGroup,
}

impl TcpProxy {
    /// A proxy before the server on this loopback port, on a free port.
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free loopback port");
        let address = listener.local_addr().expect("an address");
        let (network, state) = watch::channel(Network::Up);
        let tasks = TaskGroup::new(Logger::silent());
        let connections = tasks.clone();
        let target = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        tasks.spawn("proxy", async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = state.clone();
                connections.spawn("proxied connection", carry(client, target, state));
            }
        });
        Self { address, network, tasks }
    }

    /// Connection string of the server behind the proxy, which is reached in no other way.
    pub fn uri(&self) -> String {
        format!("mongodb://{}/?directConnection=true", self.address)
    }

    /// Changes how the network behaves.
    pub fn set(&self, network: Network) {
        self.network.send_replace(network);
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.tasks.abort_all();
    }
}

async fn carry(client: TcpStream, target: SocketAddr, mut network: watch::Receiver<Network>) {
    if *network.borrow_and_update() == Network::Cut {
        return;
    }
    let Ok(server) = TcpStream::connect(target).await else { return };
    // As a driver and a server would have it: what is written goes out at once.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = split(client);
    let (from_server, to_server) = split(server);
    tokio::select! {
        () = pass(from_client, to_server, network.clone()) => {}
        () = pass(from_server, to_client, network.clone()) => {}
        () = until(network, Network::Cut) => {}
    }
}

async fn until(mut network: watch::Receiver<Network>, wanted: Network) {
    let is_wanted = network.wait_for(|network| *network == wanted).await.is_ok();
    if !is_wanted {
        std::future::pending::<()>().await;
    }
}

/// One direction. Once something was swallowed the connection never carries anything again.
async fn pass(from: ReadHalf<TcpStream>, to: WriteHalf<TcpStream>, network: watch::Receiver<Network>) {
    let (line, under_way) = mpsc::unbounded_channel();
    tokio::select! {
        () = take(from, line, network) => {}
        () = give(under_way, to) => {}
    }
}

async fn take(
    mut from: ReadHalf<TcpStream>,
    line: mpsc::UnboundedSender<(Instant, Vec<u8>)>,
    network: watch::Receiver<Network>,
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            () = until(network.clone(), Network::Swallowing) => std::future::pending().await,
        };
        let Ok(count @ 1..) = read else { return };
        let now = *network.borrow();
        let delay = if let Network::Slow(delay) = now { delay } else { Duration::ZERO };
        if line.send((clock::now() + delay, buffer[..count].to_vec())).is_err() {
            return;
        }
    }
}

async fn give(mut under_way: mpsc::UnboundedReceiver<(Instant, Vec<u8>)>, mut to: WriteHalf<TcpStream>) {
    while let Some((due, bytes)) = under_way.recv().await {
        clock::sleep_until(due).await;
        if to.write_all(&bytes).await.is_err() {
            return;
        }
    }
}
