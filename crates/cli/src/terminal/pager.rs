//! Shows a text in the user's pager.

use std::io::Write;
use std::process::{Command, Stdio};

use super::Terminal;

impl Terminal {
    /// Shows `text` in `$PAGER`, or prints it if there is none or it cannot be run.
    pub(crate) fn page(&mut self, text: &str) {
        let pager = std::env::var("PAGER").unwrap_or_default();
        let is_shown = pager_command(&pager).is_some_and(|(program, args)| show(&program, &args, text));
        if !is_shown {
            self.dialogue().text(text);
        }
    }
}

/// Program and arguments, as simple as other programs read `$PAGER` without a shell. `None` if there is no program.
fn pager_command(pager: &str) -> Option<(String, Vec<String>)> {
    let mut words = pager.split_whitespace().map(str::to_owned);
    let program = words.next()?;
    Some((program, words.collect()))
}

fn show(program: &str, args: &[String], text: &str) -> bool {
    let Ok(mut pager) = Command::new(program).args(args).stdin(Stdio::piped()).spawn() else {
        return false;
    };
    if let Some(mut stdin) = pager.stdin.take() {
        // A pager that is left before the end does not read it.
        let _ = stdin.write_all(text.as_bytes());
    }
    pager.wait().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pager_has_arguments() {
        assert_eq!(pager_command("less -R"), Some(("less".to_owned(), vec!["-R".to_owned()])));
        assert_eq!(pager_command("  "), None);
    }

    #[test]
    fn a_pager_that_is_not_there_shows_nothing() {
        assert!(!show("no-such-pager-anywhere", &[], "text"));
    }
}
