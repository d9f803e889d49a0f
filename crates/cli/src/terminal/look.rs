//! How text looks on one output: with colour or without, with marks that its character set has.

use console::{Style, StyledObject};

use crate::args::ColorChoice;

/// Look of one output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) color: bool,
    pub(crate) unicode: bool,
}

/// Marks that stand for a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Done,
    Failed,
    Sends,
    Receives,
    Chosen,
    NotChosen,
    Cursor,
    Between,
}

impl Look {
    /// Decides by what the user says, by `variable`, which reads the environment, and by whether the output is a terminal.
    pub(crate) fn decide(
        choice: ColorChoice,
        variable: &dyn Fn(&str) -> Option<String>,
        is_terminal: bool,
    ) -> Self {
        let color = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => wants_color(variable, is_terminal),
        };
        Self { color, unicode: has_unicode(variable) }
    }

    /// The mark, in colour where it has one.
    pub(crate) fn mark(self, mark: Mark) -> String {
        let (unicode, ascii) = match mark {
            Mark::Done => ("✔", "ok"),
            Mark::Failed => ("✖", "x"),
            Mark::Sends => ("→", "->"),
            Mark::Receives => ("←", "<-"),
            Mark::Chosen => ("◉", "[x]"),
            Mark::NotChosen => ("◯", "[ ]"),
            Mark::Cursor => ("❯", ">"),
            Mark::Between => ("·", "|"),
        };
        let text = if self.unicode { unicode } else { ascii };
        match mark {
            Mark::Done | Mark::Chosen => self.good(text).to_string(),
            Mark::Failed => self.bad(text).to_string(),
            Mark::Cursor => self.strong(text).to_string(),
            _ => text.to_owned(),
        }
    }

    /// Something that went well, or came.
    pub(crate) fn good<D>(self, text: D) -> StyledObject<D> {
        self.style().green().apply_to(text)
    }

    /// Something that went wrong, or is gone.
    pub(crate) fn bad<D>(self, text: D) -> StyledObject<D> {
        self.style().red().apply_to(text)
    }

    /// Something to look at.
    pub(crate) fn warning<D>(self, text: D) -> StyledObject<D> {
        self.style().yellow().apply_to(text)
    }

    /// Something that can be passed over.
    pub(crate) fn faint<D>(self, text: D) -> StyledObject<D> {
        self.style().dim().apply_to(text)
    }

    /// A heading, or what is pointed at.
    pub(crate) fn strong<D>(self, text: D) -> StyledObject<D> {
        self.style().bold().apply_to(text)
    }

    fn style(self) -> Style {
        Style::new().force_styling(self.color)
    }
}

/// <https://no-color.org> before what a user's tools ask for, before what the terminal can do.
fn wants_color(variable: &dyn Fn(&str) -> Option<String>, is_terminal: bool) -> bool {
    let given = |name| variable(name).filter(|value| !value.is_empty());
    if given("NO_COLOR").is_some() {
        return false;
    }
    match given("FORCE_COLOR").as_deref() {
        Some("0" | "false") => false,
        Some(_) => true,
        None => is_terminal && given("TERM").as_deref() != Some("dumb"),
    }
}

/// By the locale that POSIX would take. Windows' consoles show what they are given.
fn has_unicode(variable: &dyn Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| variable(name).filter(|value| !value.is_empty()))
        .unwrap_or_default()
        .to_ascii_lowercase();
    cfg!(windows) || locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(choice: ColorChoice, variables: &[(&str, &str)], is_terminal: bool) -> Look {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Look::decide(choice, &variable, is_terminal)
    }

    #[test]
    fn colour_follows_the_terminal_unless_somebody_says_otherwise() {
        use ColorChoice::{Always, Auto, Never};
        let color = |choice, variables: &[_], is_terminal| look(choice, variables, is_terminal).color;
        assert!(color(Auto, &[], true));
        assert!(!color(Auto, &[], false));
        assert!(!color(Auto, &[("TERM", "dumb")], true));
        assert!(!color(Auto, &[("NO_COLOR", "1"), ("FORCE_COLOR", "1")], true));
        assert!(color(Auto, &[("NO_COLOR", ""), ("FORCE_COLOR", "3")], false));
        assert!(!color(Auto, &[("FORCE_COLOR", "0")], true));
        assert!(color(Always, &[("NO_COLOR", "1")], false));
        assert!(!color(Never, &[("FORCE_COLOR", "1")], true));
    }

    #[cfg(unix)]
    #[test]
    fn marks_are_ascii_unless_the_locale_is_utf_8() {
        let unicode = |variables: &[_]| look(ColorChoice::Never, variables, true).unicode;
        assert!(!unicode(&[]));
        assert!(unicode(&[("LANG", "pt_BR.UTF-8")]));
        assert!(unicode(&[("LANG", "C"), ("LC_ALL", "C.utf8")]));
        assert!(!unicode(&[("LANG", "pt_BR.UTF-8"), ("LC_ALL", "C")]));
        assert_eq!(look(ColorChoice::Never, &[], true).mark(Mark::Done), "ok");
        assert_eq!(
            look(ColorChoice::Always, &[("LANG", "C.UTF-8")], true).mark(Mark::Done),
            "\u{1b}[32m✔\u{1b}[0m"
        );
    }
}
