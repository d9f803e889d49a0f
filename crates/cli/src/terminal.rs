//! What a run prints to, and whether there is somebody to ask.
//!
//! Data goes to standard output, messages go to standard error. With `--json` there is one document on standard output
//! and nothing else.

pub(crate) mod file_picker;
pub(crate) mod file_picker_state;
pub(crate) mod look;
pub(crate) mod output;
pub(crate) mod pager;
pub(crate) mod question;
pub(crate) mod table;

use std::io::{self, IsTerminal};

use serde::Serialize;

use crate::args::GlobalArgs;
use crate::source::diagnostic::Diagnostic;
use look::{Look, Mark};
use output::Output;

/// Where a run writes, and how.
pub(crate) struct Terminal {
    out: Output,
    err: Output,
    is_json: bool,
    is_quiet: bool,
    is_interactive: bool,
}

impl Terminal {
    /// The process's own streams.
    pub(crate) fn of_process(args: &GlobalArgs) -> Self {
        let variable = |name: &str| std::env::var(name).ok();
        let (out, err) = (io::stdout(), io::stderr());
        let look = |is_terminal| Look::decide(args.color, &variable, is_terminal);
        // A dumb terminal cannot take back what was written, which the lists need.
        let is_dumb = variable("TERM").as_deref() == Some("dumb");
        let is_interactive = io::stdin().is_terminal() && out.is_terminal() && !is_dumb && !args.json;
        let (out_look, err_look) = (look(out.is_terminal()), look(err.is_terminal()));
        Self {
            out: Output::new(out, out_look),
            err: Output::new(err, err_look),
            is_json: args.json,
            is_quiet: args.quiet,
            is_interactive,
        }
    }

    /// Whether somebody is there to be asked.
    pub(crate) fn is_interactive(&self) -> bool {
        self.is_interactive
    }

    /// Whether the answer is to be a document.
    pub(crate) fn is_json(&self) -> bool {
        self.is_json
    }

    /// How standard output looks.
    pub(crate) fn look(&self) -> Look {
        self.out.look
    }

    /// What was asked for, on standard output.
    pub(crate) fn data(&mut self, text: &str) {
        if !self.is_json {
            self.out.text(text);
        }
    }

    /// A line that says what was done, on standard output.
    pub(crate) fn result(&mut self, line: &str) {
        if !self.is_json && !self.is_quiet {
            self.out.line(line);
        }
    }

    /// The same behind the mark of success.
    pub(crate) fn done(&mut self, line: &str) {
        self.result(&format!("{} {line}", self.out.look.mark(Mark::Done)));
    }

    /// The same, with the time of day.
    pub(crate) fn done_at(&mut self, time: &str, line: &str) {
        self.result(&format!("{time} {} {line}", self.out.look.mark(Mark::Done)));
    }

    /// A line about the result, on standard error.
    pub(crate) fn note(&mut self, line: &str) {
        if !self.is_json && !self.is_quiet {
            self.err.line(line);
        }
    }

    /// Something that is not as it should be, on standard error.
    pub(crate) fn warn(&mut self, line: &str) {
        let mark = self.err.look.warning("!").to_string();
        self.note(&format!("{mark} {line}"));
    }

    /// Why something was not done, on standard error.
    pub(crate) fn fail(&mut self, line: &str) {
        let mark = self.err.look.mark(Mark::Failed);
        self.explain(&format!("{mark} {line}"));
    }

    /// The same, with the time of day.
    pub(crate) fn fail_at(&mut self, time: &str, line: &str) {
        let mark = self.err.look.mark(Mark::Failed);
        self.explain(&format!("{time} {mark} {line}"));
    }

    /// More about a failure.
    pub(crate) fn explain(&mut self, line: &str) {
        if !self.is_json {
            self.err.line(line);
        }
    }

    /// A problem of a source file, with the lines that it is about.
    pub(crate) fn frame(&mut self, diagnostic: &Diagnostic) {
        if self.is_json || (self.is_quiet && !diagnostic.is_error()) {
            return;
        }
        let Look { color, unicode } = self.err.look;
        let frame = diagnostic.frame(color, unicode);
        self.err.line(frame.trim_end_matches('\n'));
    }

    /// The document. Does nothing unless one is asked for.
    pub(crate) fn document(&mut self, document: &impl Serialize) {
        if self.is_json
            && let Ok(text) = serde_json::to_string(document)
        {
            self.out.line(&text);
        }
    }

    /// What clap answers instead of a command.
    pub(crate) fn usage(&mut self, answer: &clap::Error) {
        let output = if answer.use_stderr() { &mut self.err } else { &mut self.out };
        let text = answer.render();
        output.text(&if output.look.color { text.ansi().to_string() } else { text.to_string() });
    }

    /// Standard output, for whoever talks with the user.
    fn dialogue(&mut self) -> &mut Output {
        &mut self.out
    }
}

#[cfg(test)]
pub(crate) mod captured {
    //! A terminal whose text a test can read.

    use std::cell::RefCell;
    use std::io::Write;
    use std::rc::Rc;

    use super::*;

    /// What was written to one of the streams.
    #[derive(Clone, Default)]
    pub(crate) struct Written(Rc<RefCell<Vec<u8>>>);

    impl Written {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.borrow().clone()).unwrap()
        }
    }

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The terminal, standard output and standard error. Without colour, with Unicode, without anybody to ask.
    pub(crate) fn terminal(is_json: bool) -> (Terminal, Written, Written) {
        let look = Look { color: false, unicode: true };
        let (out, err) = (Written::default(), Written::default());
        let terminal = Terminal {
            out: Output::new(out.clone(), look),
            err: Output::new(err.clone(), look),
            is_json,
            is_quiet: false,
            is_interactive: false,
        };
        (terminal, out, err)
    }
}
