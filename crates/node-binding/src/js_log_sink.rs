//! Log entries of the engine, handed to a JavaScript function.

use csb_core::config::LogLevel;
use csb_core::observe::log::LogSink;
use napi::Status;
use napi::bindgen_prelude::{FnArgs, Function};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};

type Entry = FnArgs<(u32, String, String)>;

/// The JavaScript function that receives entries.
pub(crate) type LogFunction<'env> = Function<'env, Entry, ()>;

/// Weak: logging keeps no process alive.
pub(crate) struct JsLogSink(ThreadsafeFunction<Entry, (), Entry, Status, false, true>);

impl JsLogSink {
    pub(crate) fn new(function: &LogFunction<'_>) -> napi::Result<Self> {
        let function =
            function.build_threadsafe_function().callee_handled::<false>().weak::<true>().build()?;
        Ok(Self(function))
    }
}

impl LogSink for JsLogSink {
    fn log(&self, level: LogLevel, context: &str, message: &str) {
        let entry = FnArgs { data: (level as u32, context.to_owned(), message.to_owned()) };
        // When Node is shutting down nobody is left to read the entry.
        let _ = self.0.call(entry, ThreadsafeFunctionCallMode::NonBlocking);
    }

    /// JavaScript does not run, which is what the entry is about.
    #[expect(clippy::print_stderr, reason = "there is no other way to be heard now")]
    fn log_at_once(&self, _: LogLevel, context: &str, message: &str) {
        eprintln!("[{context}] {message}");
    }
}
