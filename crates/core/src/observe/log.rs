//! Log entries with a level and a context. Where they go is the embedder's to say.
//!
//! Connection strings and payloads never appear in an entry.

use std::sync::Arc;

use crate::config::LogLevel;

/// Receives log entries. Called from many tasks; must not block.
pub trait LogSink: Send + Sync + 'static {
    /// One entry, already filtered by level.
    fn log(&self, level: LogLevel, context: &str, message: &str);

    /// The same for an entry that may not wait for the embedder's own code, which does not run: by default as any
    /// other.
    fn log_at_once(&self, level: LogLevel, context: &str, message: &str) {
        self.log(level, context, message);
    }
}

/// Writes entries of one context up to one level.
#[derive(Clone)]
pub struct Logger {
    sink: Option<Arc<dyn LogSink>>,
    level: LogLevel,
    context: Arc<str>,
}

impl Logger {
    /// A logger for entries at or above the importance of `level`.
    pub fn new(sink: Option<Arc<dyn LogSink>>, level: LogLevel, context: &str) -> Self {
        Self { sink, level, context: context.into() }
    }

    /// Discards everything.
    pub fn silent() -> Self {
        Self::new(None, LogLevel::Silent, "")
    }

    /// Something was lost or has to be looked at.
    pub fn error(&self, message: impl FnOnce() -> String) {
        self.log(LogLevel::Error, message);
    }

    /// Something unexpected that the engine deals with.
    pub fn warn(&self, message: impl FnOnce() -> String) {
        self.log(LogLevel::Warn, message);
    }

    /// The same, about the embedder's code itself not running.
    pub fn warn_at_once(&self, message: impl FnOnce() -> String) {
        if let Some(sink) = self.sink.as_ref().filter(|_| LogLevel::Warn <= self.level) {
            sink.log_at_once(LogLevel::Warn, &self.context, &message());
        }
    }

    /// A step that an operator wants to see.
    pub fn info(&self, message: impl FnOnce() -> String) {
        self.log(LogLevel::Info, message);
    }

    /// Detail for finding a fault.
    pub fn debug(&self, message: impl FnOnce() -> String) {
        self.log(LogLevel::Debug, message);
    }

    fn log(&self, level: LogLevel, message: impl FnOnce() -> String) {
        if let Some(sink) = &self.sink
            && level <= self.level
        {
            sink.log(level, &self.context, &message());
        }
    }
}
