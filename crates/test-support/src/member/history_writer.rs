//! Writes the lines of one member.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::history::{Event, Happening};

/// Bytes that a pipe takes whole or not at all, also from several writers: `PIPE_BUF` of Linux.
pub const LONGEST_LINE: usize = 4096;

/// Writes events, numbered, one write each. Cheap to clone. It blocks while nobody reads a full pipe.
#[derive(Clone)]
pub struct HistoryWriter(Arc<WriterState>);

struct WriterState {
    member: String,
    output: Mutex<Output>,
}

struct Output {
    file: File,
    sequence: u64,
}

impl HistoryWriter {
    /// A writer beside Rust's own, which gathers what it is given.
    pub fn on_standard_output(member: &str) -> Result<Self, String> {
        let output = io::stdout().as_fd().try_clone_to_owned();
        let output = output.map_err(|error| format!("standard output cannot be used: {error}"))?;
        Ok(Self::on(member, output))
    }

    /// A writer to a pipe or a file.
    pub fn on(member: &str, output: OwnedFd) -> Self {
        let output = Mutex::new(Output { file: output.into(), sequence: 0 });
        Self(Arc::new(WriterState { member: member.to_owned(), output }))
    }

    /// Whose lines they are.
    pub fn member(&self) -> &str {
        &self.0.member
    }

    /// Writes what happened. When this returns, it is told, also if the process dies at once.
    pub fn write(&self, happening: Happening) -> Result<(), String> {
        self.write_all([happening])
    }

    /// Writes several events, in as few writes as they fit in.
    pub fn write_all(&self, happenings: impl IntoIterator<Item = Happening>) -> Result<(), String> {
        let mut output = self.lock();
        let mut lines = Vec::new();
        for happening in happenings {
            output.sequence += 1;
            let sequence = Some(output.sequence);
            let line = line(&Event { member: self.0.member.clone(), sequence, happening })?;
            if lines.len() + line.len() > LONGEST_LINE {
                output.write(&lines)?;
                lines.clear();
            }
            lines.extend(line);
        }
        output.write(&lines)
    }

    /// Writes what happened to another member, which did not write it itself.
    pub fn write_about(&self, member: &str, happening: Happening) -> Result<(), String> {
        let line = line(&Event { member: member.to_owned(), sequence: None, happening })?;
        self.lock().write(&line)
    }

    fn lock(&self) -> MutexGuard<'_, Output> {
        self.0.output.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line(event: &Event) -> Result<Vec<u8>, String> {
    let mut line = serde_json::to_vec(event).map_err(|error| error.to_string())?;
    line.push(b'\n');
    if line.len() > LONGEST_LINE {
        return Err(format!("a line of {} bytes is torn in a pipe: use shorter values", line.len()));
    }
    Ok(line)
}

impl Output {
    fn write(&mut self, lines: &[u8]) -> Result<(), String> {
        self.file.write_all(lines).map_err(|error| format!("the history cannot be written: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn noted(text: &str) -> Happening {
        Happening::Noted { text: text.to_owned() }
    }

    #[test]
    fn lines_are_numbered_and_whole() {
        let (mut reader, writer) = io::pipe().unwrap();
        let history = HistoryWriter::on("m", writer.into());
        history.write(noted("a")).unwrap();
        history.clone().write_all((0..100).map(|n| noted(&format!("{n:0>50}")))).unwrap();
        drop(history);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        let events: Vec<Event> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(events.len(), 101);
        assert!((1..).zip(&events).all(|(number, event)| event.sequence == Some(number)));
    }

    #[test]
    fn a_line_that_would_be_torn_is_refused() {
        let (_reader, writer) = io::pipe().unwrap();
        let history = HistoryWriter::on("m", writer.into());
        let problem = history.write(noted(&"x".repeat(LONGEST_LINE))).unwrap_err();
        assert!(problem.contains("torn"), "{problem}");
    }
}
