//! Questions that are answered with a line.

use std::io::{self, BufRead};

use super::Terminal;

/// The answer to a numbered list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// An entry, counted from 0.
    Entry(usize),
    /// Nothing, please.
    Quit,
    /// Not understood.
    Unclear,
}

impl Terminal {
    /// Asks for yes or no; an empty line is yes, the end of the input no.
    pub(crate) fn confirm(&mut self, question: &str) -> io::Result<bool> {
        loop {
            match self.ask(&format!("{question} [Y/n] "))?.as_deref().map(parse_confirmation) {
                Some(Some(answer)) => return Ok(answer),
                Some(None) => {}
                None => return Ok(false),
            }
        }
    }

    /// Asks for one of `entries`, which are shown with their numbers; an empty line means the first one.
    pub(crate) fn choose(&mut self, entries: &[String], question: &str) -> io::Result<Option<usize>> {
        let width = entries.len().to_string().len();
        for (index, entry) in entries.iter().enumerate() {
            self.dialogue().line(&format!("  {:>width$}  {entry}", index + 1));
        }
        loop {
            let Some(answer) = self.ask(question)? else { return Ok(None) };
            match parse_choice(&answer, entries.len()) {
                Choice::Entry(index) => return Ok(Some(index)),
                Choice::Quit => return Ok(None),
                Choice::Unclear => {
                    self.dialogue().line(&format!("  give a number from 1 to {}, or q", entries.len()));
                }
            }
        }
    }

    /// A line, without its end; `None` when there is no more input.
    fn ask(&mut self, question: &str) -> io::Result<Option<String>> {
        self.dialogue().text(question);
        let mut line = String::new();
        let length = io::stdin().lock().read_line(&mut line)?;
        if length == 0 {
            // The cursor still stands behind the question.
            self.dialogue().line("");
        }
        Ok((length > 0).then(|| line.trim().to_owned()))
    }
}

fn parse_confirmation(answer: &str) -> Option<bool> {
    match answer.to_ascii_lowercase().as_str() {
        "" | "y" | "yes" => Some(true),
        "n" | "no" | "q" => Some(false),
        _ => None,
    }
}

fn parse_choice(answer: &str, entries: usize) -> Choice {
    match answer {
        "" => Choice::Entry(0),
        "q" | "Q" | "quit" => Choice::Quit,
        number => match number.parse::<usize>() {
            Ok(number) if (1..=entries).contains(&number) => Choice::Entry(number - 1),
            _ => Choice::Unclear,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_line_takes_what_is_offered() {
        assert_eq!(parse_confirmation(""), Some(true));
        assert_eq!(parse_confirmation("No"), Some(false));
        assert_eq!(parse_confirmation("perhaps"), None);
        assert_eq!(parse_choice("", 2), Choice::Entry(0));
    }

    #[test]
    fn a_number_must_be_on_the_list() {
        assert_eq!(parse_choice("2", 2), Choice::Entry(1));
        for unclear in ["0", "3", "-1", "two", "99999999999999999999999"] {
            assert_eq!(parse_choice(unclear, 2), Choice::Unclear, "{unclear}");
        }
        assert_eq!(parse_choice("q", 2), Choice::Quit);
    }
}
