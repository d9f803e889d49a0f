//! The program while it runs, line by line.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// Far longer than anything takes, also on a machine that is busy.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A running program. Ends with its owner.
pub(crate) struct RunningProgram {
    child: Child,
    lines: Receiver<String>,
}

impl RunningProgram {
    /// Starts it.
    pub(crate) fn start(program: &mut Command) -> Self {
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        forward(child.stdout.take().unwrap(), sender.clone());
        forward(child.stderr.take().unwrap(), sender);
        Self { child, lines }
    }

    /// The next line of either output in which this is.
    #[track_caller]
    pub(crate) fn line_with(&self, part: &str) -> String {
        let mut passed = Vec::new();
        loop {
            match self.lines.recv_timeout(DEADLINE) {
                Ok(line) if line.contains(part) => return line,
                Ok(line) => passed.push(line),
                Err(error) => panic!("no line with `{part}` ({error}), but: {passed:#?}"),
            }
        }
    }

    /// Sends a signal.
    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end: the exit code, and the lines that are left.
    pub(crate) fn finish(mut self) -> (Option<i32>, Vec<String>) {
        let mut left = Vec::new();
        // The outputs are closed when it ends.
        while let Ok(line) = self.lines.recv_timeout(DEADLINE) {
            left.push(line);
        }
        (self.child.wait().unwrap().code(), left)
    }
}

impl Drop for RunningProgram {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "an output is read while the test goes on")]
fn forward(output: impl Read + Send + 'static, lines: Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                return;
            }
        }
    });
}
