//! One member as a child process: told to close, killed, frozen, thawed; gone when the test is.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use csb_core::runtime::clock;
use csb_core::runtime::task_group::TaskGroup;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, Command};

use super::history_log::{HistoryLog, ProblemReporter};
use crate::history::Happening;
use crate::member::{HistoryWriter, MemberConfig, Order};

const ENDS_WITHIN: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// A running member. Dropping it kills the process; so does the end of the test process, whose end of its standard
/// input it sees.
pub struct MemberProcess {
    name: String,
    child: Child,
    orders: ChildStdin,
    history: HistoryWriter,
}

impl MemberProcess {
    pub(super) fn spawn(binary: &str, config: &MemberConfig, log: &HistoryLog, tasks: &TaskGroup) -> Self {
        let mut child = Command::new(binary)
            .arg(serde_json::to_string(config).expect("a configuration has a JSON form"))
            .stdin(Stdio::piped())
            .stdout(log.output())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the member starts");
        let orders = child.stdin.take().expect("piped");
        let complaints = child.stderr.take().expect("piped");
        let (name, problems) = (config.member.clone(), log.problems());
        tasks.spawn("complaints of a member", report_complaints(name.clone(), complaints, problems));
        Self { history: log.writer(&name), name, child, orders }
    }

    /// Its name in the history.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives an order. It is carried out when the history says so.
    pub async fn order(&mut self, order: Order) {
        let line = format!("{}\n", order.as_str());
        self.orders.write_all(line.as_bytes()).await.expect("the member listens");
    }

    /// Kills it. When this returns it is dead, and the history says so behind everything that it wrote.
    pub async fn kill(mut self) {
        // Whoever sees that it is dead takes over at once: the history has to say so before that.
        self.stop().await;
        self.tell(Happening::MemberKilled);
        self.child.start_kill().expect("the member can be killed");
        self.child.wait().await.expect("the member ends");
    }

    /// Stops everything that runs in it.
    pub async fn freeze(&self) {
        self.stop().await;
        self.tell(Happening::MemberFrozen);
    }

    /// When this returns none of its threads runs, and what they were writing is written.
    async fn stop(&self) {
        self.signal(Signal::STOP);
        let stopped = clock::timeout(ENDS_WITHIN, async {
            while !self.is_stopped() {
                clock::sleep(LOOK_EVERY).await;
            }
        });
        stopped.await.expect("the member stops");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.tell(Happening::MemberThawed);
        self.signal(Signal::CONT);
    }

    /// Says that nothing from it reaches the servers from now on.
    pub fn is_cut_off(&self) {
        self.tell(Happening::MemberCutOff);
    }

    /// Says that it reaches the servers from now on.
    pub fn is_reached(&self) {
        self.tell(Happening::MemberReached);
    }

    /// Tells it to close, and waits until it has ended by itself.
    pub async fn close(mut self) {
        self.order(Order::Close).await;
        self.ended().await;
    }

    pub(super) async fn ended(mut self) {
        let status = clock::timeout(ENDS_WITHIN, self.child.wait()).await;
        let status = status.unwrap_or_else(|| panic!("{} does not end", self.name)).expect("a status");
        assert!(status.success(), "{} ended with {status}", self.name);
    }

    /// The most memory that it ever had resident, in bytes.
    pub fn peak_memory(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    /// The memory that it has resident, in bytes.
    pub fn memory(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    fn status_bytes(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the member runs");
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("a size");
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number of kB");
        kibibytes * 1024
    }

    /// Whether each of its threads is stopped, or dead.
    fn is_stopped(&self) -> bool {
        let Ok(threads) = fs::read_dir(format!("/proc/{}/task", self.pid())) else { return false };
        threads.flatten().all(|thread| matches!(state(&thread.path()), None | Some('T' | 'Z' | 'X')))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("the member runs")
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("the member takes signals");
    }

    fn tell(&self, happening: Happening) {
        self.history.write_about(&self.name, happening).expect("the history is written");
    }
}

/// A member that is well says nothing there.
async fn report_complaints(name: String, mut complaints: ChildStderr, problems: ProblemReporter) {
    let mut text = String::new();
    if let Err(error) = complaints.read_to_string(&mut text).await {
        text = error.to_string();
    }
    if !text.is_empty() {
        problems.report(format!("{name} complained: {text}"));
    }
}

/// State of a thread as the kernel names it; `None` if there is none any more.
fn state(thread: &Path) -> Option<char> {
    let stat = fs::read_to_string(thread.join("stat")).ok()?;
    // The name before it is in parentheses and may hold anything.
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}
