//! Somebody in front of a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::running_program::DEADLINE;

/// Reads what a program shows on a pseudo terminal, and presses keys. The program ends with its user.
pub(crate) struct TerminalUser {
    child: Child,
    keyboard: File,
    shown: Receiver<Vec<u8>>,
    /// Shown and not yet waited for.
    unread: String,
}

impl TerminalUser {
    /// Starts a program.
    pub(crate) fn start(mut program: Command) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let end = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let end = || Stdio::from(OwnedFd::from(end.try_clone().unwrap()));
        let child = program.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let keyboard = File::from(terminal);
        let (sender, shown) = channel();
        forward(keyboard.try_clone().unwrap(), sender);
        Self { child, keyboard, shown, unread: String::new() }
    }

    /// Waits until this is shown. What was shown up to it.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.unread.find(text) {
                let rest = self.unread.split_off(at + text.len());
                return std::mem::replace(&mut self.unread, rest);
            }
            match self.shown.recv_timeout(DEADLINE) {
                Ok(bytes) => self.unread.push_str(&String::from_utf8_lossy(&bytes)),
                Err(error) => panic!("`{text}` is not shown ({error}), but: {}", self.unread),
            }
        }
    }

    /// Presses keys.
    pub(crate) fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for the program's end: its exit code, and what else was shown.
    pub(crate) fn finish(mut self) -> (Option<i32>, String) {
        while let Ok(bytes) = self.shown.recv_timeout(DEADLINE) {
            self.unread.push_str(&String::from_utf8_lossy(&bytes));
        }
        (self.child.wait().unwrap().code(), std::mem::take(&mut self.unread))
    }
}

impl Drop for TerminalUser {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "the terminal is read while the test goes on")]
fn forward(mut terminal: File, shown: Sender<Vec<u8>>) {
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        // An error is how a terminal says that the program has ended.
        while let Ok(length @ 1..) = terminal.read(&mut bytes) {
            if shown.send(bytes[..length].to_vec()).is_err() {
                return;
            }
        }
    });
}
