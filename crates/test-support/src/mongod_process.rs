//! One `mongod` as a child process that cannot outlive the test process.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use csb_core::runtime::clock;
use tempfile::TempDir;

/// Kills the server when its standard input ends, which comes with the end of the test process however that
/// happens, and deletes the server's files. Arguments: their directory, then the server's command line.
const SUPERVISOR: &str = r#"
trap '' INT TERM HUP
directory=$1; shift
exec 3<&0
"$@" 3<&- </dev/null >"$directory/output" 2>&1 &
server=$!
{ cat <&3; : >"$directory/abandoned"; kill -KILL "$server"; } >/dev/null 2>&1 &
watcher=$!
exec 3<&-
wait "$server" 2>/dev/null
status=$?
if [ -e "$directory/abandoned" ]; then rm -rf "$directory"; else kill -KILL "$watcher"; fi
exit "$status"
"#;

const LOOK_EVERY: Duration = Duration::from_millis(20);
const LINES_OF_OUTPUT: usize = 15;

/// A running server with its own directory.
pub(crate) struct MongodProcess {
    port: u16,
    directory: TempDir,
    supervisor: Child,
}

impl MongodProcess {
    /// Starts a server. It does not listen yet.
    pub(crate) fn spawn(binary: &Path, port: u16, arguments: &[String]) -> Self {
        let directory =
            tempfile::Builder::new().prefix("csb-mongod-").tempdir().expect("a temporary directory");
        let supervisor = supervise(binary, directory.path(), port, arguments);
        Self { port, directory, supervisor }
    }

    /// Starts it again, on its port and its files, after it has ended.
    pub(crate) fn start_again(&mut self, binary: &Path, arguments: &[String]) {
        // Waiting closes the input, which would have the supervisor delete the files.
        let input = self.supervisor.stdin.take();
        self.supervisor.wait().expect("the supervisor can be waited for");
        drop(input);
        self.supervisor = supervise(binary, self.directory.path(), self.port, arguments);
    }

    /// Processor time that the server has used, by user and system.
    pub(crate) fn cpu_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).expect("it runs");
        let (_, fields) = stat.rsplit_once(')').expect("the name is in parentheses");
        let used = fields.split_whitespace().skip(11).take(2);
        let ticks: u64 = used.map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
        Duration::from_secs(1) * u32::try_from(ticks).expect("tests are short")
            / u32::try_from(rustix::param::clock_ticks_per_second()).expect("small")
    }

    /// By the file that it writes when it starts.
    fn pid(&self) -> String {
        let lock = fs::read_to_string(self.directory.path().join("mongod.lock")).expect("it has started");
        lock.trim().to_owned()
    }

    /// Sends the server a signal, by its name.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args(["-s", signal, &self.pid()]).status().expect("kill runs");
        assert!(sent.success(), "mongod of port {} does not run", self.port);
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    #[cfg(test)]
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Waits until the server accepts connections; fails with the end of its output when it has ended instead.
    pub(crate) async fn until_listening(&mut self, deadline: Duration) -> Result<(), String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let listening = async {
            loop {
                if let Some(status) = self.supervisor.try_wait().expect("the supervisor can be asked") {
                    return Err(format!("mongod ended with {status}:\n{}", self.end_of_output()));
                }
                if TcpStream::connect_timeout(&address, LOOK_EVERY).is_ok() {
                    return Ok(());
                }
                clock::sleep(LOOK_EVERY).await;
            }
        };
        match clock::timeout(deadline, listening).await {
            Some(outcome) => outcome,
            None => Err(format!("mongod does not listen:\n{}", self.end_of_output())),
        }
    }

    fn end_of_output(&self) -> String {
        let output = fs::read_to_string(self.directory.path().join("output")).unwrap_or_default();
        let lines: Vec<_> = output.lines().collect();
        lines[lines.len().saturating_sub(LINES_OF_OUTPUT)..].join("\n")
    }
}

fn supervise(binary: &Path, directory: &Path, port: u16, arguments: &[String]) -> Child {
    Command::new("sh")
        .args(["-c", SUPERVISOR, "supervisor"])
        .arg(directory)
        .arg(binary)
        .arg("--dbpath")
        .arg(directory)
        .args(["--bind_ip", "127.0.0.1", "--nounixsocket", "--port"])
        .arg(port.to_string())
        .args(arguments)
        .stdin(Stdio::piped())
        .spawn()
        .expect("sh starts")
}

impl Drop for MongodProcess {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        // The supervisor ends as soon as the server is dead; what it answers changes nothing any more.
        let _: io::Result<_> = self.supervisor.wait();
    }
}
