//! A run of member processes on one topic and one group, with faults, and its history.
//!
//! All members write into one pipe, so the order of the history is the order in which they wrote; what is stored is
//! told by an observer of the database. Waiting is for events of the history.

mod database_observer;
mod history_log;
mod member_process;
mod outstanding;

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{env, fs, io};

use bson::{Document, doc};
use csb_core::broker::Broker;
use csb_core::config::{BrokerConfig, TopicConfig};
use csb_core::observe::log::Logger;
use csb_core::runtime::task_group::TaskGroup;
use mongodb::{Client, Database};

use crate::client_close;
use crate::history::{Event, Expectations, Happening, Numbers, check};
use crate::member::{ConsumerRole, HistoryWriter, MemberConfig, ProducerRole, Role};
use crate::replica_set::ReplicaSet;
use database_observer::DatabaseObserver;

pub use history_log::HistoryLog;
pub use member_process::MemberProcess;
pub use outstanding::Outstanding;

/// Topic of every run; each has a database of its own.
pub const TOPIC: &str = "faults";
/// Group of every run.
pub const GROUP: &str = "members";
/// How the run itself is called in its history.
const HARNESS: &str = "harness";
/// Longer than anything takes on a busy machine; it only keeps a broken run from going on forever.
const DEADLINE: Duration = Duration::from_secs(150);

/// A run. Its processes end with it, however it ends.
pub struct FaultRun {
    name: &'static str,
    member_binary: &'static str,
    broker: Document,
    client: Client,
    database: String,
    /// The servers outlive the test process.
    is_guest: bool,
    log: HistoryLog,
    harness: HistoryWriter,
    observer: DatabaseObserver,
    tasks: TaskGroup,
    members: AtomicU32,
}

impl FaultRun {
    /// Creates the topic and begins to write the history. `member_binary` is the path of `fault_member`; `name` is for
    /// reports.
    pub async fn begin(
        name: &'static str,
        member_binary: &'static str,
        set: &ReplicaSet,
        partitions: u32,
    ) -> Self {
        let (uri, database) = (set.uri().to_owned(), set.unique_database());
        create_topic(&uri, &database, partitions).await;
        let client = Client::with_uri_str(&uri).await.expect("a replica set");
        let tasks = TaskGroup::new(Logger::silent());
        let log = HistoryLog::start(DEADLINE);
        let harness = log.writer(HARNESS);
        let observer = DatabaseObserver::start(&client.database(&database), &log, &tasks).await;
        Self {
            name,
            member_binary,
            broker: doc! { "mongoUri": uri, "database": &database },
            client,
            database,
            is_guest: set.ports().is_empty(),
            log,
            harness,
            observer,
            tasks,
            members: AtomicU32::new(0),
        }
    }

    /// Waits this long for anything, instead of some minutes.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.log.set_deadline(deadline);
        self
    }

    /// Brokers of members have these fields, too.
    #[must_use]
    pub fn with_broker(mut self, fields: Document) -> Self {
        self.broker.extend(fields);
        self
    }

    /// The history so far.
    pub fn log(&self) -> &HistoryLog {
        &self.log
    }

    /// Writes for a process that takes part without being a member, such as one that uses the driver alone.
    pub fn writer(&self, name: &str) -> HistoryWriter {
        self.log.writer(name)
    }

    /// The database of the run.
    pub fn database(&self) -> Database {
        self.client.database(&self.database)
    }

    /// The client of the run, for transactions.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Configuration of a broker of the run.
    pub fn broker_config(&self) -> Document {
        self.broker.clone()
    }

    /// Starts a process that sends, named `producer-<number>`.
    pub fn producer(&self, role: ProducerRole) -> MemberProcess {
        self.member("producer", Role::Producer(role))
    }

    /// Starts a process that handles messages, named `consumer-<number>`.
    pub fn consumer(&self, role: ConsumerRole) -> MemberProcess {
        self.member("consumer", Role::Consumer(role))
    }

    /// Starts a process that handles messages, whose broker has these fields, too.
    pub fn consumer_with(&self, role: ConsumerRole, fields: Document) -> MemberProcess {
        let mut broker = self.broker_config();
        broker.extend(fields);
        self.start("consumer", broker, Role::Consumer(role))
    }

    /// Starts a process that handles messages and waits until it listens.
    pub async fn subscribed_consumer(&self, role: ConsumerRole) -> MemberProcess {
        let member = self.consumer(role);
        self.log.wait_for_happening(member.name(), &Happening::Subscribed).await;
        member
    }

    /// Waits until a member has ended by itself, and its process.
    pub async fn wait_for_end(&self, member: MemberProcess) {
        self.log.wait_for_happening(member.name(), &Happening::MemberEnded).await;
        member.ended().await;
    }

    /// Waits until everything that is acknowledged by now is finished.
    pub async fn wait_until_finished(&self) {
        let now = self.log.len();
        let mut outstanding = Outstanding::default();
        let what = "everything that was acknowledged to be finished";
        self.log
            .wait_for(0, what, |index, event| {
                outstanding.observe(event);
                index + 1 >= now && outstanding.is_empty()
            })
            .await;
    }

    /// Ends the run and judges its history. Prints the numbers; panics with the report if a promise was broken, which
    /// leaves the history in a file and its path in the report.
    pub async fn judge(self, expectations: Expectations) -> Numbers {
        self.observer.drain(&self.database(), &self.log).await;
        let end = Happening::Noted { text: "end".to_owned() };
        self.harness.write(end.clone()).expect("the history is written");
        self.log.wait_for_happening(HARNESS, &end).await;
        let events = self.log.take();
        let verdict = check(&events, expectations);
        print_report(self.name, &verdict.to_string());
        if !verdict.is_clean() {
            let path = keep(self.name, &events);
            panic!("{}: {verdict}\nthe history is in {}", self.name, path.display());
        }
        self.tasks.abort_all();
        if self.is_guest {
            self.database().drop().await.expect("the database is dropped");
        }
        client_close::close(self.client).await;
        verdict.numbers
    }

    fn member(&self, kind: &str, role: Role) -> MemberProcess {
        self.start(kind, self.broker_config(), role)
    }

    fn start(&self, kind: &str, broker: Document, role: Role) -> MemberProcess {
        let number = self.members.fetch_add(1, Ordering::Relaxed);
        let member = format!("{kind}-{number}");
        let config = MemberConfig { member, broker, role };
        MemberProcess::spawn(self.member_binary, &config, &self.log, &self.tasks)
    }
}

async fn create_topic(uri: &str, database: &str, partitions: u32) {
    let config = doc! { "mongoUri": uri, "database": database };
    let broker = Broker::new(BrokerConfig::from_document(&config).expect("valid"), None);
    broker.connect().await.expect("connected");
    let topic =
        doc! { "name": TOPIC, "collection": TOPIC, "partitions": partitions, "retentionMs": 86_400_000 };
    broker.create_topic(&TopicConfig::from_document(&topic).expect("valid")).await.expect("created");
    broker.disconnect(true).await;
}

fn print_report(name: &str, report: &str) {
    writeln!(io::stderr(), "{name}: {report}").expect("standard error is open");
}

/// For `check_history`, and for looking at it.
fn keep(name: &str, events: &[Event]) -> PathBuf {
    let path = env::temp_dir().join(format!("csb-history-{name}.jsonl"));
    let mut file = io::BufWriter::new(fs::File::create(&path).expect("a file in the temporary directory"));
    for event in events {
        serde_json::to_writer(&mut file, event).expect("written");
        file.write_all(b"\n").expect("written");
    }
    file.flush().expect("written");
    path
}
