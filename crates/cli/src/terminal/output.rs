//! One of the two streams that a run writes to.

use std::io::{self, Write};

use super::look::Look;

/// Standard output or standard error, or what a test puts in its place.
pub(crate) struct Output {
    sink: Box<dyn Write>,
    pub(crate) look: Look,
    is_broken: bool,
}

impl Output {
    /// Writes to `sink`.
    pub(crate) fn new(sink: impl Write + 'static, look: Look) -> Self {
        Self { sink: Box::new(sink), look, is_broken: false }
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, line: &str) {
        self.text(&format!("{line}\n"));
    }

    /// Writes text as it is.
    pub(crate) fn text(&mut self, text: &str) {
        // Whoever read it is gone, as `head` does. What the command was told to do is done all the same.
        if !self.is_broken && write_all(&mut self.sink, text.as_bytes()).is_err() {
            self.is_broken = true;
        }
    }
}

fn write_all(sink: &mut dyn Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match sink.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Node makes pipes non-blocking, and they may be shared with one.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
            Err(error) => return Err(error),
        }
    }
    sink.flush()
}
