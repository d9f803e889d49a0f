//! A real replica set for tests: started on free loopback ports, gone with the test process.

use std::env;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bson::oid::ObjectId;
use bson::{Document, doc};
use csb_core::runtime::clock;
use mongodb::Client;
use mongodb::options::ClientOptions;
use tokio::sync::OnceCell;

use crate::client_close;
use crate::mongod_binary;
use crate::mongod_process::MongodProcess;

const NAME: &str = "csb";
/// What the server itself takes for the smallest useful oplog.
const SMALLEST_LASTING_OPLOG_MB: u32 = 990;
const START_DEADLINE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A port that was free may be taken by the time the server binds it.
const ATTEMPTS: usize = 3;

/// How to start a replica set.
#[derive(Debug, Clone)]
pub struct ReplicaSetOptions {
    /// Number of servers; 1 by default.
    pub members: usize,
    /// Port of the first member; a free one by default. The others always get free ones.
    pub port: Option<u16>,
    /// Size of the oplog in MB; the server's choice by default, which depends on the disk.
    pub oplog_size_mb: Option<u32>,
    /// More server parameters, as name and value. Test commands are always on.
    pub set_parameters: Vec<(String, String)>,
}

impl Default for ReplicaSetOptions {
    fn default() -> Self {
        Self { members: 1, port: None, oplog_size_mb: None, set_parameters: Vec::new() }
    }
}

/// A replica set that takes writes. Its servers are killed and their files deleted when it is dropped, or when the
/// test process ends in any way.
pub struct ReplicaSet {
    uri: String,
    /// None if somebody else runs the servers.
    members: Vec<Mutex<MongodProcess>>,
    arguments: Vec<String>,
}

impl ReplicaSet {
    /// Starts one and waits until it has a primary and every other member is a secondary.
    pub async fn start(options: ReplicaSetOptions) -> Self {
        let mut failures = Vec::new();
        for _ in 0..ATTEMPTS {
            match Self::try_start(&options).await {
                Ok(set) => return set,
                Err(failure) => failures.push(failure),
            }
        }
        panic!("no replica set:\n{}", failures.join("\n"));
    }

    /// The one that the tests of this process share: `$MONGODB_BROKER_URI` if that is set, so that a whole run can
    /// use one server, else a new one. Tests keep apart by [`ReplicaSet::unique_database`].
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<ReplicaSet> = OnceCell::const_new();
        SHARED
            .get_or_init(|| async {
                match env::var("MONGODB_BROKER_URI") {
                    Ok(uri) if !uri.is_empty() => Self { uri, members: Vec::new(), arguments: Vec::new() },
                    _ => Self::start(ReplicaSetOptions::default()).await,
                }
            })
            .await
    }

    /// Connection string.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Ports of the servers; empty if somebody else runs them.
    pub fn ports(&self) -> Vec<u16> {
        self.members.iter().map(|member| lock(member).port()).collect()
    }

    #[cfg(test)]
    fn directories(&self) -> Vec<std::path::PathBuf> {
        self.members.iter().map(|member| lock(member).directory().to_owned()).collect()
    }

    /// A database name that no other test uses.
    pub fn unique_database(&self) -> String {
        format!("csb-test-{}", ObjectId::new())
    }

    /// Processor time that a server has used.
    pub fn cpu_time(&self, member: usize) -> Duration {
        lock(&self.members[member]).cpu_time()
    }

    /// Ends a server without warning (SIGKILL). Its files stay.
    pub fn kill(&self, member: usize) {
        lock(&self.members[member]).signal("KILL");
    }

    /// Stops a server in the middle of whatever it does (SIGSTOP).
    pub fn freeze(&self, member: usize) {
        lock(&self.members[member]).signal("STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self, member: usize) {
        lock(&self.members[member]).signal("CONT");
    }

    /// Starts a server that was killed, on its files; returns when it listens.
    pub async fn start_again(&self, member: usize) {
        let port = {
            let mut member = lock(&self.members[member]);
            member.start_again(&mongod_binary::find(), &self.arguments);
            member.port()
        };
        let listening = async {
            while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
                clock::sleep(LOOK_EVERY).await;
            }
        };
        clock::timeout(START_DEADLINE, listening).await.expect("it listens again");
    }

    /// Which member is primary now; waits for one.
    pub async fn primary(&self) -> usize {
        let hello = self.on_primary(doc! { "hello": 1 }).await.expect("a primary");
        let address = hello.get_str("primary").expect("an address");
        let ports = self.ports();
        ports.iter().position(|port| address.ends_with(&format!(":{port}"))).expect("one of the members")
    }

    /// Makes the primary hand its office over.
    pub async fn step_down(&self) {
        let command = doc! { "replSetStepDown": 20, "secondaryCatchUpPeriodSecs": 10 };
        // It may answer, or close the connection first.
        let _ = self.on_primary(command).await;
    }

    async fn on_primary(&self, command: Document) -> Result<Document, String> {
        let mut options = ClientOptions::parse(&self.uri).await.map_err(|error| error.to_string())?;
        options.server_selection_timeout = Some(START_DEADLINE);
        let client = Client::with_options(options).map_err(|error| error.to_string())?;
        let answer = run(&client.database("admin"), command).await;
        client_close::close(client).await;
        answer
    }

    /// Deletes a database.
    pub async fn drop_database(&self, name: &str) {
        let options = ClientOptions::parse(&self.uri).await.expect("a valid connection string");
        let client = Client::with_options(options).expect("valid options");
        client.database(name).drop().await.expect("the database is dropped");
        client_close::close(client).await;
    }

    /// Kills the servers and deletes their files. Dropping does the same.
    pub fn stop(self) {
        drop(self);
    }

    async fn try_start(options: &ReplicaSetOptions) -> Result<Self, String> {
        let binary = mongod_binary::find();
        let arguments = arguments(options);
        let mut members: Vec<_> = choose_ports(options)
            .into_iter()
            .map(|port| MongodProcess::spawn(&binary, port, &arguments))
            .collect();
        for member in &mut members {
            member.until_listening(START_DEADLINE).await?;
        }
        let hosts: Vec<_> = members.iter().map(|member| format!("127.0.0.1:{}", member.port())).collect();
        initiate(&hosts).await?;
        let uri = format!("mongodb://{}/?replicaSet={NAME}", hosts.join(","));
        let set = Self { uri, members: members.into_iter().map(Mutex::new).collect(), arguments };
        clock::timeout(START_DEADLINE, set.until_writable()).await.ok_or("no primary in time")??;
        Ok(set)
    }

    async fn until_writable(&self) -> Result<(), String> {
        let mut options = ClientOptions::parse(&self.uri).await.map_err(|error| error.to_string())?;
        options.server_selection_timeout = Some(START_DEADLINE);
        let client = Client::with_options(options).map_err(|error| error.to_string())?;
        let admin = client.database("admin");
        // The driver's default read preference makes this wait for a primary.
        let mut status = run(&admin, doc! { "replSetGetStatus": 1 }).await?;
        while !all_settled(&status) {
            clock::sleep(LOOK_EVERY).await;
            status = run(&admin, doc! { "replSetGetStatus": 1 }).await?;
        }
        client_close::close(client).await;
        Ok(())
    }
}

fn lock(member: &Mutex<MongodProcess>) -> MutexGuard<'_, MongodProcess> {
    member.lock().unwrap_or_else(PoisonError::into_inner)
}

fn arguments(options: &ReplicaSetOptions) -> Vec<String> {
    let mut arguments = ["--replSet", NAME, "--wiredTigerCacheSizeGB", "0.25"].map(str::to_owned).to_vec();
    if let Some(size) = options.oplog_size_mb {
        arguments.extend(["--oplogSize".to_owned(), size.to_string()]);
        if size < SMALLEST_LASTING_OPLOG_MB {
            // It is there to roll over, which happens behind checkpoints; as a server parameter this has no effect.
            arguments.extend(["--syncdelay".to_owned(), "1".to_owned()]);
        }
    }
    let always = [("enableTestCommands", "1"), ("diagnosticDataCollectionEnabled", "false")];
    let always = always.map(|(name, value)| format!("{name}={value}"));
    let chosen = options.set_parameters.iter().map(|(name, value)| format!("{name}={value}"));
    arguments
        .extend(always.into_iter().chain(chosen).flat_map(|setting| ["--setParameter".to_owned(), setting]));
    arguments
}

fn choose_ports(options: &ReplicaSetOptions) -> Vec<u16> {
    let free: Vec<_> = (0..options.members)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port"))
        .collect();
    let mut ports: Vec<_> =
        free.iter().map(|listener| listener.local_addr().expect("an address").port()).collect();
    if let (Some(port), Some(first)) = (options.port, ports.first_mut()) {
        *first = port;
    }
    ports
}

async fn initiate(hosts: &[String]) -> Result<(), String> {
    let members: Vec<_> = (0_i32..).zip(hosts).map(|(id, host)| doc! { "_id": id, "host": host }).collect();
    let uri = format!("mongodb://{}/?directConnection=true", hosts[0]);
    let client = Client::with_uri_str(uri).await.map_err(|error| error.to_string())?;
    let command = doc! { "replSetInitiate": { "_id": NAME, "members": members } };
    run(&client.database("admin"), command).await?;
    client_close::close(client).await;
    Ok(())
}

async fn run(database: &mongodb::Database, command: Document) -> Result<Document, String> {
    database.run_command(command).await.map_err(|error| error.to_string())
}

fn all_settled(status: &Document) -> bool {
    let settled = |member: &bson::Bson| {
        let state = member.as_document().and_then(|member| member.get_str("stateStr").ok());
        matches!(state, Some("PRIMARY" | "SECONDARY"))
    };
    status.get_array("members").is_ok_and(|members| members.iter().all(settled))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(set: &ReplicaSet, command: Document) -> Document {
        let client = Client::with_uri_str(set.uri()).await.expect("a valid connection string");
        let answer = client.database("admin").run_command(command).await.expect("answers");
        client_close::close(client).await;
        answer
    }

    #[tokio::test]
    async fn starts_as_asked_and_ends_when_dropped() {
        let options = ReplicaSetOptions {
            members: 3,
            oplog_size_mb: Some(990),
            set_parameters: vec![("ttlMonitorSleepSecs".into(), "7".into())],
            ..ReplicaSetOptions::default()
        };
        let set = ReplicaSet::start(options).await;
        let status = ask(&set, doc! { "replSetGetStatus": 1 }).await;
        assert_eq!(status.get_array("members").expect("members").len(), 3);
        assert!(all_settled(&status));
        let parameters =
            ask(&set, doc! { "getParameter": 1, "ttlMonitorSleepSecs": 1, "enableTestCommands": 1 }).await;
        assert_eq!(parameters.get_i32("ttlMonitorSleepSecs").expect("a number"), 7);
        let command_line = ask(&set, doc! { "getCmdLineOpts": 1 }).await;
        let parsed = command_line.get_document("parsed").expect("options").to_string();
        assert!(parsed.contains("\"oplogSizeMB\": 990"), "{parsed}");

        let (ports, directories) = (set.ports(), set.directories());
        assert!(directories.iter().all(|directory| directory.exists()));
        set.stop();
        assert!(ports.iter().all(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_err()));
        assert!(directories.iter().all(|directory| !directory.exists()));
    }

    #[tokio::test]
    async fn a_server_that_does_not_start_says_why() {
        let unknown = vec![("noSuchParameter".to_owned(), "1".to_owned())];
        let options = ReplicaSetOptions { set_parameters: unknown, ..ReplicaSetOptions::default() };
        let failure = ReplicaSet::try_start(&options).await.map(drop).expect_err("does not start");
        assert!(failure.contains("noSuchParameter"), "{failure}");
    }
}
